"""Pairs of data and models that an inverse is learned from."""

from typing import NamedTuple

import numpy as np

from skhj.numerics.repeated_rows import repeated_rows
from skhj.numerics.rows import Rows

__all__ = ["Pairs"]


class Pairs(NamedTuple):
    """Pairs (b, x), and which of them serve for what.

    Attributes
    ----------
    B : ndarray or Rows of shape (n, M)
        Data.
    X : ndarray or Rows of shape (n, N)
        Models.
    held_out : ndarray of shape (n,), dtype bool
        Samples on which the linear estimate is chosen.
    seen : ndarray of shape (n,), dtype bool
        Samples that estimates, units and networks are made of: those not held out, or
        without early stopping all.
    counts : ndarray of shape (n,), dtype int, or None, default=None
        How often each counts; None where all count once.
    """

    B: np.ndarray
    X: np.ndarray
    held_out: np.ndarray
    seen: np.ndarray
    counts: np.ndarray | None = None

    @property
    def sizes(self):
        """Number of samples, and the larger one of those of data and unknowns."""
        return len(self.X), max(self.B.shape[1], self.X.shape[1])

    @property
    def operator_products(self):
        """Multiplications in data of all models, by an operator that is a matrix."""
        return self.X.size * self.B.shape[1]

    def of_scaled(self, sizes):
        """The same pairs with models over their sizes, (N,) or one of all."""
        return self._replace(X=Rows.of(self.X).map(lambda models: models / sizes))

    def rows(self, mask):
        """Rows of a mask, each as often as it counts."""
        return mask if self.counts is None else repeated_rows(self.counts, mask)

    def of(self, mask):
        """Data and models of some rows, `Rows`, each as often as it counts."""
        rows = self.rows(mask)
        return Rows.of(self.B).take(rows), Rows.of(self.X).take(rows)

    @property
    def all(self):
        """Data and models of all rows, each as often as it counts."""
        if self.counts is None:
            return Rows.of(self.B), Rows.of(self.X)
        return self.of(self.held_out | ~self.held_out)
