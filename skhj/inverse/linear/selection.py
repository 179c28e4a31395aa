"""Choose a linear estimate of vectors from data on hold-outs."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.inverse.linear.dense import (
    ridge_path,
    statistics_of,
    wiener_estimate,
    wiener_path,
)
from skhj.numerics.rows import total

__all__ = ["LinearChoice", "LinearSelection", "Ridge", "Wiener"]


@dataclass(frozen=True)
class Ridge:
    """The linear estimate of samples alone.

    Parameters
    ----------
    penalty : float
        Ridge, as a multiple of the variance of the data.
    scaled : bool
        Whether that is of each datum, or their mean.
    """

    penalty: float
    scaled: bool

    def fit(self, statistics):
        """Make it from the `Statistics` of samples."""
        return ridge_path(statistics, [self.penalty], scaled=self.scaled)[0]


@dataclass(frozen=True)
class Wiener:
    """The linear estimate that knows the operator.

    Parameters
    ----------
    A : ndarray of shape (M, N)
        The operator.
    shrinkage : float
        Share of the covariances that is their diagonal alone.
    """

    A: np.ndarray
    shrinkage: float

    def fit(self, statistics):
        """Make it from the `Statistics` of samples."""
        return wiener_estimate(statistics, self.A, self.shrinkage)


class LinearChoice(NamedTuple):
    """The kind of linear estimate that is best on samples held out.

    Attributes
    ----------
    error : ndarray of shape (N,)
        Its mean squared errors there, of each unknown.
    kind : Ridge or Wiener
        Its method ``fit`` maps `Statistics` to an estimate.
    """

    error: np.ndarray
    kind: Ridge | Wiener


@dataclass(frozen=True)
class LinearSelection:
    """Fits linear estimates to some samples, and chooses one on the others.

    Parameters
    ----------
    shrinkages : tuple of float, default=(1e-3, 1e-2, 0.03, 0.1, 0.3, 0.6, 0.9)
        Of the estimates that know the operator: from hardly any, to hardly any
        correlation left.
    penalties : tuple of float, default=(1e-10, 1e-9, ..., 100)
        Of those that do not, from rounding to a hundred times the variance.
    margin : float, default=0.99
        The estimate that knows the operator is left only for one whose error is less
        than this share of its own.
    few_samples : int, default=2000
        Of fewer samples, one hold-out would choose by chance: shifts of it choose
        together.
    few_numbers : int, default=512
        Of more numbers a sample, several hold-outs would take long: one chooses.
    n_hold_outs : int, default=8
        Number of cyclic shifts of the hold-out that choose together.
    """

    shrinkages: tuple[float, ...] = (1e-3, 1e-2, 0.03, 0.1, 0.3, 0.6, 0.9)
    penalties: tuple[float, ...] = tuple(10.0 ** np.arange(-10, 3))
    margin: float = 0.99
    few_samples: int = 2000
    few_numbers: int = 512
    n_hold_outs: int = 8

    def choose(self, pairs, A, sizes=1.0):
        """Choose the best on samples held out.

        Parameters
        ----------
        pairs : Pairs
            Data and models, and which of them to choose on.
        A : ndarray of shape (M, N) or None
            The operator, where it is known and linear.
        sizes : ndarray of shape (N,) or float, default=1.0
            Sizes of the unknowns, relative to which their errors count.

        Returns
        -------
        LinearChoice
            The choice.
        """

        def total(choice):
            return np.sum(choice.error / sizes**2)

        n, numbers = pairs.sizes
        is_small = n < self.few_samples and numbers <= self.few_numbers
        n_turns = self.n_hold_outs if is_small else 1
        turns = [
            self._judged(pairs, A, np.roll(pairs.held_out, turn * n // n_turns))
            for turn in range(n_turns)
        ]
        ridges, wieners = (_averaged(kinds) for kinds in zip(*turns, strict=True))
        best = min(ridges, key=total)
        if not wieners:
            return best
        best_known = min(wieners, key=total)
        return best if total(best) < self.margin * total(best_known) else best_known

    def _judged(self, pairs, A, held_out):
        """Choices with their errors on some samples: ridges, and those that know A."""
        statistics = statistics_of(*pairs.of(~held_out))
        B, X = pairs.of(held_out)

        def judged(kinds, path):
            def squares(b, x):
                return np.stack([((f(b) - x) ** 2).sum(axis=0) for f in path])

            errors = total(squares, B, X) / len(B)
            return [LinearChoice(*pair) for pair in zip(errors, kinds, strict=True)]

        ridges = []
        for scaled in (True, False):
            path = ridge_path(statistics, self.penalties, scaled=scaled)
            kinds = [Ridge(penalty, scaled) for penalty in self.penalties]
            ridges += judged(kinds, path)
        if A is None:
            return ridges, []
        kinds = [Wiener(A, shrinkage) for shrinkage in self.shrinkages]
        path = wiener_path(statistics, A, self.shrinkages)
        return ridges, judged(kinds, path)


def _averaged(turns):
    """Choices with their mean errors over hold-outs."""
    return [
        LinearChoice(np.mean([turn.error for turn in same], axis=0), same[0].kind)
        for same in zip(*turns, strict=True)
    ]
