"""Whether an operator explains the data at all."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.numerics.blocks import row_blocks
from skhj.numerics.rows import Rows

__all__ = ["Explanation", "Misfit"]


class Misfit(NamedTuple):
    """Data that an operator does not explain.

    Attributes
    ----------
    left : float
        Variance of b - A(x) over that of b.
    factor : float
        By what A(x) would have to be multiplied to leave least; 0 where it is constant.
    attainable : float
        What a multiple of A(x), or a linear fit, leaves.
    """

    left: float
    factor: float
    attainable: float


@dataclass(frozen=True)
class Explanation:
    """Tells an operator that leaves data as they are, or makes them vary more.

    Noise that has nothing to do with A(x) makes b vary more than itself.

    Parameters
    ----------
    largest : float, default=1.5
        Variance of b - A(x), over that of b, that may be chance.
    least : float, default=0.1
        Part of what a multiple of A(x), or a linear fit, explains that A(x) must.
    chance : float, default=10.0
        Share of the variance that chance explains, times the number of samples.
    enough : int, default=30
        Measurements, counted over all samples, that it takes to say so.
    most_numbers : int, default=2**20
        Numbers of measurements and models that are looked at, 8 MiB.
    """

    largest: float = 1.5
    least: float = 0.1
    chance: float = 10.0
    enough: int = 30
    most_numbers: int = 2**20

    def samples(self, *arrays):
        """Rows of arrays, evenly spread over all, that are looked at.

        Parameters
        ----------
        *arrays : ndarray or Rows of shape (n, ...)
            The arrays.

        Returns
        -------
        list of ndarray
            The rows, in double precision.
        """
        arrays = [Rows.of(array) for array in arrays]
        most = max(self.enough, self.most_numbers // sum(one.work for one in arrays))
        return [rows.spread(most)[:] for rows in arrays]

    def misfit(self, B, X, data):
        """What an operator leaves, where it is too much.

        Parameters
        ----------
        B : ndarray of shape (n, M)
            Data.
        X : ndarray of shape (n, N)
            Models.
        data : ndarray of shape (n, M)
            Data that the operator makes of the models.

        Returns
        -------
        Misfit or None
            None where the operator explains the data, or it may be chance.
        """
        size, product, scale, left = _squares(B, data)
        if not size > 0 or B.size < self.enough:
            return None
        left = left / size
        factor = product / scale if scale > 0 else 0.0
        attainable = max(factor * product / size, self._by_linear_fit(B, X, size))
        useless = 1 - left < self.least * attainable
        if left > self.largest or (useless and attainable > self.chance / len(B)):
            return Misfit(float(left), float(factor), float(1 - attainable))
        return None

    def _by_linear_fit(self, B, X, size):
        """Share of the variance that a linear fit explains, beyond chance."""
        n, N = X.shape
        if n <= 2 * N:
            return 0.0
        centered, B = X - X.mean(axis=0), B - B.mean(axis=0)
        rest = B - centered @ np.linalg.lstsq(centered, B, rcond=None)[0]
        return 1 - np.square(rest).sum() / size * (n - 1) / (n - N - 1)


def _squares(B, data):
    """Sums over b b, b a, a a and (b - a)^2 of rows less their means, by blocks."""
    means = B.mean(axis=0), data.mean(axis=0)
    sums = np.zeros(4)
    for rows in row_blocks(len(B), 4 * B.shape[1]):
        b, a = B[rows] - means[0], data[rows] - means[1]
        pairs = (b, b), (b, a), (a, a), (b - a, b - a)
        sums += [np.vdot(*pair) for pair in pairs]
    return sums
