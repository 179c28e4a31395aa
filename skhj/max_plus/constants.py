r"""The constants of a prior that samples of its value function allow.

For points z, slopes g and values v, all pairs give the ratios

.. math:: r_{ij} = 2 \, \frac{v_j - v_i - \langle g_i, z_j - z_i \rangle}
    {|z_j - z_i|^2}.

On the points (y, grad J, J) of the prior, ``alpha = 1 + t min r`` is the largest
constant for which ``t J + |.|^2 / 2`` may be alpha-strongly convex, and with which the
PQM prior is exact at all samples; ``L = 1 + t max r`` is the least smoothness of psi*;
the minima of each row are the largest constant of each piece.
"""

from typing import NamedTuple

import numpy as np

from skhj.max_plus.pieces import Pieces, pieces_at_time

__all__ = [
    "PairRatios",
    "PriorConstants",
    "pair_blocks",
    "pair_ratios",
    "prior_constants",
    "rounding",
    "sample_allowance",
    "unconstrained_constants",
]

ROW_BLOCK, COLUMN_BLOCK = 256, 1000  # numerators and denominators: 4 MiB
ROUNDING = 16 * np.finfo(float).eps
LARGEST_ALPHA = 1e6


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


class PriorConstants(NamedTuple):
    """Strong convexity and smoothness of psi* that samples allow.

    Attributes
    ----------
    alpha : ndarray of shape (n,)
        Largest strong convexity of each sample's piece; negative where some other
        sample contradicts it at any.
    smoothness : float
        Least smoothness.
    """

    alpha: np.ndarray
    smoothness: float


def half_squared_norms(A):
    """Half the squared norm of each row, without a copy of all of them."""
    return np.einsum("nd,nd->n", A, A) / 2


def sample_allowance(X, y, gradient, *, noise_std=0.0):
    """Error of a difference of values, from the noise and from the inputs' dtype.

    The largest of n Gaussian deviations is about ``noise_std * sqrt(2 log n)``.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points, as they were given.
    y : ndarray of shape (n,)
        Values, as they were given.
    gradient : ndarray of shape (n, d) or None
        Gradients, as they were given.
    noise_std : float, default=0.0
        Standard deviation of the noise of the values.

    Returns
    -------
    float
        The allowance.
    """
    arrays = [X, y] if gradient is None else [X, y, gradient]
    eps = max(np.finfo(array.dtype).eps for array in arrays if array.dtype.kind == "f")
    slope = 0.0 if gradient is None else np.abs(gradient).max()
    size = np.abs(y).max() + float(slope) * np.abs(X).max() * X.shape[1]
    return 4 * float(eps) * size + 2 * noise_std * np.sqrt(2 * np.log(len(X)))


def prior_constants(X, S, gradient, *, t, allowance=0.0):
    """Constants of psi* from samples of a value function.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,)
        Values S(x, t).
    gradient : ndarray of shape (n, d)
        Gradients of S.
    t : float
        Time, positive.
    allowance : float, default=0.0
        Largest error of a difference of two values.

    Returns
    -------
    PriorConstants
        Estimates on the optimistic side: the true alpha is at most theirs, the true
        smoothness at least theirs.
    """
    # Back along the characteristics, to the points and values of the prior.
    P, _, J, _ = pieces_at_time(Pieces(X, gradient, S, 0.0), -t)
    P -= P.mean(axis=0)
    ratios = pair_ratios(P, gradient, J, allowance=allowance)
    # Points that all coincide put no limit; one keeps the arithmetic finite.
    alpha = np.minimum(1 + t * ratios.row_minimum, LARGEST_ALPHA)
    smoothness = 1 + t * ratios.maximum
    # No pair had anything to say where the maximum is below the minima.
    if smoothness < alpha.min() - 1e-6 * abs(alpha.min()):
        smoothness = np.inf
    return PriorConstants(alpha, smoothness)


def unconstrained_constants(n):
    """Constants that hold for every prior: no strong convexity, no smoothness."""
    return PriorConstants(np.zeros(n), np.inf)


def pair_ratios(points, slopes, values, *, allowance=0.0):
    """Row minima and maximum of the ratios of all pairs, in one blocked pass.

    Numerators are widened by round-off and by ``allowance``, upwards for the minima and
    downwards for the maximum: so pairs too close for a difference of their values to
    mean anything, coincident ones included, decide nothing, while coincident points of
    different values give ratios of huge size.

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
    slack = allowance + rounding(points, slopes, values)
    square = 2 * half_squared_norms(points).max()
    floor = max(ROUNDING * square, np.finfo(float).tiny)
    row_minimum = np.full(len(points), np.inf)
    largest = -np.inf
    for rows, _, numerator, squares in pair_blocks(points, slopes, values, slack):
        np.maximum(squares, floor, out=squares)
        inverse = np.divide(2, squares, out=squares)
        numerator *= inverse
        row_minimum[rows] = np.minimum(row_minimum[rows], numerator.min(axis=1))
        if numerator.max() > largest:  # else neither is any less the slack
            inverse *= 2 * slack
            numerator -= inverse
            largest = max(largest, numerator.max())
    return PairRatios(row_minimum, float(largest))


def rounding(points, slopes, values):
    """Round-off of a numerator, from the size of its terms."""
    norms = np.sqrt(2 * half_squared_norms(points).max(initial=0))
    steepest = np.sqrt(2 * half_squared_norms(slopes).max(initial=0))
    size = np.abs(values).max(initial=0) + norms * steepest
    return max(ROUNDING * size, np.finfo(float).tiny)


def pair_blocks(points, slopes, values, slack=0.0):
    """Numerators v_j - v_i - <g_i, z_j - z_i> + slack and |z_j - z_i|^2, by blocks.

    Both come from products with the columns (z_j, v_j, |z_j|^2, 1); the two buffers
    belong to the caller until the next block.
    """
    n, d = points.shape
    numerators = np.empty((ROW_BLOCK, COLUMN_BLOCK))
    squares = np.empty((ROW_BLOCK, COLUMN_BLOCK))
    for start in range(0, n, COLUMN_BLOCK):
        columns = slice(start, min(start + COLUMN_BLOCK, n))
        z = points[columns]
        lifted = np.column_stack(
            [z, values[columns], 2 * half_squared_norms(z), np.ones(len(z))]
        ).T
        for first in range(0, n, ROW_BLOCK):
            rows = slice(first, min(first + ROW_BLOCK, n))
            z, g = points[rows], slopes[rows]
            height = (g * z).sum(1) - values[rows] + slack
            square = 2 * half_squared_norms(z)
            zero, one = np.zeros(len(z)), np.ones(len(z))
            shape = slice(len(z)), slice(lifted.shape[1])
            yield (
                rows,
                columns,
                np.matmul(
                    np.column_stack([-g, one, zero, height]),
                    lifted,
                    out=numerators[shape],
                ),
                np.matmul(
                    np.column_stack([-2 * z, zero, one, square]),
                    lifted,
                    out=squares[shape],
                ),
            )
