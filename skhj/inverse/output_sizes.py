"""Sizes of outputs, relative to which their errors count."""

from dataclasses import dataclass

import numpy as np

from skhj.numerics.rows import Rows, extent, total

__all__ = ["OutputSizes"]


@dataclass(frozen=True)
class OutputSizes:
    r"""Sizes of what is left of outputs, :math:`(E |r|^p)^{1/p}`, whatever their units.

    Errors relative to them do not change with the units of an output, and sum up to
    about 1 in the mean square.

    Parameters
    ----------
    order : float, default=4.0
        The p. With 2, one that is hardly ever different from its estimate, such as a
        pixel near the edge, would count as much as those that always are.
    precision : float, default=1e-4
        Size, relative to the outputs themselves, that all have at least: smaller
        remainders are rounding in the single precision of the training.
    rounding : float, default=1e-14
        Spread, relative to the largest number of an output, up to which it is constant:
        that of means in double precision.
    """

    order: float = 4.0
    precision: float = 1e-4
    rounding: float = 1e-14

    def __call__(self, left, X):
        """Sizes of outputs.

        Parameters
        ----------
        left : ndarray or Rows of shape (n, N)
            What an estimate leaves of them.
        X : ndarray or Rows of shape (n, N)
            Outputs.

        Returns
        -------
        ndarray of shape (N,)
            Sizes, positive; the largest for outputs that are constant.
        """
        spread = self._norm(Rows.of(X).centred())
        sizes = np.maximum(self._norm(left), self.precision * spread)
        # What is left of constants is rounding, whose square may be zero.
        sizes[spread <= self.rounding * np.abs(extent(X)).max(axis=0)] = 0.0
        sizes = np.where(sizes > 0, sizes, sizes.max()) if sizes.any() else sizes + 1.0
        squared = total(lambda rows: np.sum((rows / sizes) ** 2), left)
        return sizes * (np.sqrt(squared / len(left)) or 1.0)

    def of_all(self, left):
        """One size for all outputs: their root mean square, 1 where that is zero."""
        squared = total(lambda rows: np.vdot(rows, rows), left)
        return float(np.sqrt(squared / len(left))) or 1.0

    def _norm(self, columns):
        """The means of powers, without overflow."""
        largest = np.abs(extent(columns)).max(axis=0)
        unit = np.where(largest > 0, largest, 1.0)
        powers = total(
            lambda rows: (np.abs(rows / unit) ** self.order).sum(axis=0), columns
        )
        return largest * (powers / len(columns)) ** (1 / self.order)
