"""What a prior is learned from."""

from typing import NamedTuple

import numpy as np

from skhj import hamilton_jacobi as hj
from skhj.numerics.repeated_rows import repeated_rows

__all__ = ["Samples", "samples_of_prior"]


class Samples(NamedTuple):
    """Samples of a function of points: of a value function, or of a prior.

    Attributes
    ----------
    X : ndarray of shape (n, d)
        Points.
    values : ndarray of shape (n,) or None
        Values; None where only gradients are known.
    gradients : ndarray of shape (n, d) or None
        Gradients, where known. There are values or gradients.
    t : float
        Time.
    held_out : ndarray of shape (n,), dtype bool
        Samples that choose among weights and among models, and are not trained on.
    counts : ndarray of shape (n,), dtype int, or None, default=None
        How often each counts; None where all count once.
    """

    X: np.ndarray
    values: np.ndarray | None
    gradients: np.ndarray | None
    t: float
    held_out: np.ndarray
    counts: np.ndarray | None = None

    @property
    def seen(self):
        """Samples to train on, a mask of shape (n,)."""
        return ~self.held_out

    @property
    def n_seen(self):
        """Number of samples to train on."""
        return int(self.seen.sum())

    def take(self, rows):
        """The samples of some rows."""
        X, held_out = self.X[rows], self.held_out[rows]
        values, gradients, counts = (
            None if array is None else array[rows]
            for array in (self.values, self.gradients, self.counts)
        )
        return Samples(X, values, gradients, self.t, held_out, counts)

    def repeated(self):
        """Samples that count once each, as many copies of these as they count."""
        if self.counts is None:
            return self
        return self.take(repeated_rows(self.counts))._replace(counts=None)

    def negated(self):
        """Samples of minus the function: the value function is one over a prior's."""
        values, gradients = (
            None if array is None else -array for array in (self.values, self.gradients)
        )
        return self._replace(values=values, gradients=gradients)

    def targets(self):
        """What a model of a value function is judged by: S, else the prox."""
        if self.values is not None:
            return self.values
        return hj.prox_from_gradient(self.X, self.gradients, self.t)


def samples_of_prior(samples, model):
    """Points p = prox(x), the prior and its gradient there.

    Parameters
    ----------
    samples : Samples
        Of the value function.
    model : ValueModel or PriorModel
        Gives values and gradients where they are not both known.

    Returns
    -------
    Samples
        Of the prior.
    """
    X, S, slope, t, held_out, counts = samples
    if S is None or slope is None:
        S, slope, _ = model.value(X)
    P = hj.prox_from_gradient(X, slope, t)
    J = hj.prior_at_prox(X, P, S, t)
    return Samples(P, J, hj.prior_gradient_from_point(P, X, t), t, held_out, counts)
