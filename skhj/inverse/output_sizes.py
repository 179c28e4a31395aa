"""Sizes of outputs, relative to which their errors count."""

from dataclasses import dataclass

import numpy as np

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
    """

    order: float = 4.0
    precision: float = 1e-4

    def __call__(self, left, X):
        """Sizes of outputs.

        Parameters
        ----------
        left : ndarray of shape (n, N)
            What an estimate leaves of them.
        X : ndarray of shape (n, N)
            Outputs.

        Returns
        -------
        ndarray of shape (N,)
            Sizes, positive; the largest for outputs that are constant.
        """
        spread = self._norm(X - X.mean(axis=0))
        sizes = np.maximum(self._norm(left), self.precision * spread)
        sizes = np.where(sizes > 0, sizes, sizes.max()) if sizes.any() else sizes + 1.0
        return sizes * (np.sqrt(np.mean(np.sum((left / sizes) ** 2, axis=1))) or 1.0)

    def of_all(self, left):
        """One size for all outputs: their root mean square, 1 where that is zero."""
        return float(np.linalg.norm(left) / np.sqrt(len(left))) or 1.0

    def _norm(self, columns):
        """The means of powers, without overflow."""
        largest = np.abs(columns).max(axis=0)
        shares = columns / np.where(largest > 0, largest, 1.0)
        return largest * np.mean(np.abs(shares) ** self.order, axis=0) ** (
            1 / self.order
        )
