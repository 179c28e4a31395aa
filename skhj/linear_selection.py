"""Choose a linear estimate of models from data on a hold-out."""

from typing import NamedTuple

import numpy as np

from skhj.linear_estimate import (
    ridge_path,
    statistics_of,
    wiener_estimate,
)

__all__ = ["LinearChoice", "choose_linear_estimate"]

SHRINKAGES = (1e-3, 1e-2, 0.03, 0.1, 0.3, 0.6, 0.9)
PENALTIES = tuple(10.0 ** np.arange(-10, 3))
# The estimate that knows the operator is left only for one that is better by this.
MARGIN = 0.99


class LinearChoice(NamedTuple):
    """The kind of linear estimate that is best on the hold-out.

    Attributes
    ----------
    error : float
        Its mean squared error on the hold-out, summed over the unknowns.
    refit : callable
        Maps `Statistics` to an estimate of this kind.
    """

    error: float
    refit: object


def choose_linear_estimate(B, X, A, held_out):
    """Fit linear estimates to some samples and choose one on the others.

    Parameters
    ----------
    B : ndarray of shape (n, M)
        Data.
    X : ndarray of shape (n, N)
        Models.
    A : ndarray of shape (M, N) or None
        The operator, where it is known and linear.
    held_out : ndarray of shape (n,), dtype bool
        Samples to choose on.

    Returns
    -------
    LinearChoice
        The choice.
    """
    statistics = statistics_of(B[~held_out], X[~held_out])

    def judged(estimate, refit):
        error = np.mean(np.sum((estimate(B[held_out]) - X[held_out]) ** 2, axis=1))
        return LinearChoice(error, refit)

    choices = []
    for scaled in (True, False):
        path = ridge_path(statistics, PENALTIES, scaled=scaled)
        for penalty, estimate in zip(PENALTIES, path, strict=True):
            choices.append(judged(estimate, _ridge(penalty, scaled)))
    best = min(choices, key=lambda choice: choice.error)
    if A is None:
        return best
    known = [
        judged(wiener_estimate(statistics, A, shrinkage), _wiener(A, shrinkage))
        for shrinkage in SHRINKAGES
    ]
    best_known = min(known, key=lambda choice: choice.error)
    return best if best.error < MARGIN * best_known.error else best_known


def _ridge(penalty, scaled):
    return lambda statistics: ridge_path(statistics, [penalty], scaled=scaled)[0]


def _wiener(A, shrinkage):
    return lambda statistics: wiener_estimate(statistics, A, shrinkage)
