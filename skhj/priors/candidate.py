"""A model that was fitted, one of those that compete."""

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Candidate"]


class Candidate(NamedTuple):
    """A fitted model.

    Attributes
    ----------
    kind : Kind
        The kind that it is of.
    model : ValueModel or PriorModel
        The value function and the prior.
    loss_curve : ndarray
        Training losses of the model; one that has no epochs, such as splines, gives
        its error on the hold-out.
    prior_loss_curve : ndarray
        Those of the prior's function; empty where none was trained.
    unsettled : tuple of str
        Which of its trainings were still improving when they ended.
    validation_error : float
        Mean squared error on the hold-out, of S, or of the prox where that was given.
    seconds : float
        Time that it took, with what it had to start from.
    """

    kind: Any
    model: Any
    loss_curve: np.ndarray
    prior_loss_curve: np.ndarray
    unsettled: tuple[str, ...]
    validation_error: float = np.inf
    seconds: float = 0.0

    def summary(self):
        """What is told of it, a dict."""
        return {
            "name": self.kind.label,
            "validation_error": self.validation_error,
            "seconds": self.seconds,
            "why_not": "",
        }
