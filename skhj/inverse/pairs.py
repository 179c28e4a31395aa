"""Pairs of data and models that an inverse is learned from."""

from typing import NamedTuple

import numpy as np

__all__ = ["Pairs"]


class Pairs(NamedTuple):
    """Pairs (b, x), and which of them serve for what.

    Attributes
    ----------
    B : ndarray of shape (n, M)
        Data.
    X : ndarray of shape (n, N)
        Models.
    held_out : ndarray of shape (n,), dtype bool
        Samples on which the linear estimate is chosen.
    seen : ndarray of shape (n,), dtype bool
        Samples that estimates, units and networks are made of: those not held out, or
        without early stopping all.
    """

    B: np.ndarray
    X: np.ndarray
    held_out: np.ndarray
    seen: np.ndarray

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
        return self._replace(X=self.X / sizes)

    def of(self, rows):
        """Data and models of some rows."""
        return self.B[rows], self.X[rows]
