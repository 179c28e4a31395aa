"""Choose a linear estimate of models from data on hold-outs."""

from operator import attrgetter
from typing import NamedTuple

import numpy as np

from skhj.inverse.linear.dense import (
    ridge_path,
    statistics_of,
    wiener_estimate,
)

__all__ = ["LinearChoice", "choose_linear_estimate"]

SHRINKAGES = (1e-3, 1e-2, 0.03, 0.1, 0.3, 0.6, 0.9)
PENALTIES = tuple(10.0 ** np.arange(-10, 3))
# The estimate that knows the operator is left only for one that is better by this.
MARGIN = 0.99
# Of few samples, one hold-out would choose by chance; of more numbers a sample, several
# would take long.
FEW_SAMPLES, FEW_NUMBERS, HOLD_OUTS = 2000, 512, 8


class LinearChoice(NamedTuple):
    """The kind of linear estimate that is best on samples held out.

    Attributes
    ----------
    error : float
        Its mean squared error there, summed over the unknowns.
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
        Samples to choose on; of fewer than 2000, eight cyclic shifts of this mask
        choose together.

    Returns
    -------
    LinearChoice
        The choice.
    """
    is_small = len(B) < FEW_SAMPLES and max(B.shape[1], X.shape[1]) <= FEW_NUMBERS
    n_turns = HOLD_OUTS if is_small else 1
    turns = [
        _judged(B, X, A, np.roll(held_out, turn * len(B) // n_turns))
        for turn in range(n_turns)
    ]
    choices = [
        LinearChoice(np.mean([turn.error for turn in same]), same[0].refit)
        for same in zip(*turns, strict=True)
    ]
    n_ridges = 2 * len(PENALTIES)
    best = min(choices[:n_ridges], key=attrgetter("error"))
    if A is None:
        return best
    best_known = min(choices[n_ridges:], key=attrgetter("error"))
    return best if best.error < MARGIN * best_known.error else best_known


def _judged(B, X, A, held_out):
    """Choices with their errors on some samples: ridges, then those that know A."""
    statistics = statistics_of(B[~held_out], X[~held_out])

    def judged(estimate, refit):
        error = np.mean(np.sum((estimate(B[held_out]) - X[held_out]) ** 2, axis=1))
        return LinearChoice(error, refit)

    choices = []
    for scaled in (True, False):
        path = ridge_path(statistics, PENALTIES, scaled=scaled)
        for penalty, estimate in zip(PENALTIES, path, strict=True):
            choices.append(judged(estimate, _ridge(penalty, scaled)))
    for shrinkage in SHRINKAGES if A is not None else ():
        estimate = wiener_estimate(statistics, A, shrinkage)
        choices.append(judged(estimate, _wiener(A, shrinkage)))
    return choices


def _ridge(penalty, scaled):
    return lambda statistics: ridge_path(statistics, [penalty], scaled=scaled)[0]


def _wiener(A, shrinkage):
    return lambda statistics: wiener_estimate(statistics, A, shrinkage)
