r"""All pairs of samples, and the ratios that bound the curvature between them.

For points z, slopes g and values v, the ratio of a pair is

.. math:: r_{ij} = 2 \, \frac{v_j - v_i - \langle g_i, z_j - z_i \rangle}
    {|z_j - z_i|^2}.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.max_plus.pieces import half_squared_norms
from skhj.numerics.blocks import row_blocks
from skhj.numerics.threads import threads_for

__all__ = ["PairPass", "PairRatios"]


class PairRatios(NamedTuple):
    """Extremes of the ratios of all pairs.

    Attributes
    ----------
    row_minimum : ndarray of shape (n,)
        Smallest ratio of each sample i, over j.
    maximum : float
        Largest ratio.
    """

    row_minimum: np.ndarray
    maximum: float


@dataclass(frozen=True)
class PairPass:
    """A pass over all pairs of samples, by blocked matrix products.

    Parameters
    ----------
    n_rows, n_columns : int, default=256 and 1000
        Sides of a block: numerators and denominators are 4 MiB together, and stay in
        the cache.
    rounding : float, default=16 * eps
        Round-off of a numerator or a denominator, relative to its largest term: that of
        its handful of terms, with a margin.
    """

    n_rows: int = 256
    n_columns: int = 1000
    rounding: float = 16 * np.finfo(float).eps

    def ratios(self, points, slopes, values, *, allowance=0.0):
        """Row minima and maximum of the ratios of all pairs.

        Numerators are widened by round-off and by ``allowance``, upwards for the minima
        and downwards for the maximum: so pairs too close for a difference of their
        values to mean anything, coincident ones included, decide nothing, while
        coincident points of different values give ratios of huge size.

        Parameters
        ----------
        points : ndarray of shape (n, d)
            Points, centred where they are far from the origin.
        slopes : ndarray of shape (n, d)
            Gradients.
        values : ndarray of shape (n,)
            Values.
        allowance : float, default=0.0
            Largest error of a difference of two values.

        Returns
        -------
        PairRatios
            The minima and the maximum.
        """
        slack = allowance + self.round_off(points, slopes, values)
        square = 2 * half_squared_norms(points).max()
        floor = max(self.rounding * square, np.finfo(float).tiny)
        row_minimum = np.full(len(points), np.inf)
        largest = -np.inf
        # Beyond the largest number ratios are infinite, and so is what is left of them.
        quietly = np.errstate(over="ignore", invalid="ignore")
        with self.threads(points), quietly:
            for rows, _, numerator, squares in self.blocks(
                points, slopes, values, slack
            ):
                np.maximum(squares, floor, out=squares)
                inverse = np.divide(2, squares, out=squares)
                numerator *= inverse
                row_minimum[rows] = np.minimum(row_minimum[rows], numerator.min(axis=1))
                if numerator.max() > largest:  # else neither is any less the slack
                    inverse *= 2 * slack
                    numerator -= inverse
                    largest = max(largest, np.nan_to_num(numerator.max(), nan=np.inf))
        return PairRatios(row_minimum, float(largest))

    def round_off(self, points, slopes, values):
        """Round-off of a numerator, from the size of its terms."""
        norms = np.sqrt(2 * half_squared_norms(points).max(initial=0))
        steepest = np.sqrt(2 * half_squared_norms(slopes).max(initial=0))
        size = np.abs(values).max(initial=0) + norms * steepest
        return max(self.rounding * size, np.finfo(float).tiny)

    def threads(self, points):
        """Context of a pass, with as many threads as a block can use."""
        n, d = points.shape
        return threads_for(min(n, self.n_rows) * min(n, self.n_columns) * (d + 3))

    def blocks(self, points, slopes, values, slack=0.0):
        """Numerators v_j - v_i - <g_i, z_j - z_i> + slack and |z_j - z_i|^2, by blocks.

        Both come from products with the columns (z_j, v_j, |z_j|^2, 1); the two buffers
        belong to the caller until the next block.
        """
        numerators = np.empty((self.n_rows, self.n_columns))
        squares = np.empty((self.n_rows, self.n_columns))
        for columns in row_blocks(len(points), 1, block_size=self.n_columns):
            z = points[columns]
            lifted = np.column_stack(
                [z, values[columns], 2 * half_squared_norms(z), np.ones(len(z))]
            ).T
            for rows in row_blocks(len(points), 1, block_size=self.n_rows):
                z, g = points[rows], slopes[rows]
                height = (g * z).sum(1) - values[rows] + slack
                zero, one = np.zeros(len(z)), np.ones(len(z))
                of_values = np.column_stack([-g, one, zero, height])
                of_squares = np.column_stack(
                    [-2 * z, zero, one, 2 * half_squared_norms(z)]
                )
                shape = slice(len(z)), slice(lifted.shape[1])
                yield (
                    rows,
                    columns,
                    np.matmul(of_values, lifted, out=numerators[shape]),
                    np.matmul(of_squares, lifted, out=squares[shape]),
                )
