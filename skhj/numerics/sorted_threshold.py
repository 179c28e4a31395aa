"""The proximal operator of sorted l1 norms, a monotone regression of each row."""

import numpy as np

from skhj.numerics.blocks import row_blocks

__all__ = ["sorted_threshold"]


def sorted_threshold(sizes, weights):
    r"""Minimiser of :math:`\sum_i w_i |u|_{(i)} + |u - a|^2 / 2` for each row a.

    The largest magnitude has the first weight. In that order, u is the closest to
    a - w that falls and is not negative; by the formula of minima and maxima of means,
    entries that become equal are so to the last bit.

    Parameters
    ----------
    sizes : ndarray of shape (n, d)
        Rows of numbers that are not negative.
    weights : ndarray of shape (d,)
        Weights, none negative, that do not rise.

    Returns
    -------
    ndarray of shape (n, d)
        The minimisers.

    References
    ----------
    Bogdan, van den Berg, Sabatti, Su, Candès, "SLOPE - adaptive variable selection via
    convex optimization", Annals of Applied Statistics 9 (2015), 1103-1140.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.sorted_threshold import sorted_threshold
    >>> sorted_threshold(np.array([[3.0, 5.0, 1.0]]), np.array([3.0, 1.0, 1.0]))
    array([[2., 2., 0.]])
    """
    order = np.argsort(-sizes, axis=1)
    levels = np.take_along_axis(sizes, order, axis=1) - weights
    d = sizes.shape[1]
    fitted = np.empty_like(levels)
    for rows in row_blocks(len(sizes), d * d):
        fitted[rows] = _falling(levels[rows])
    answer = np.empty_like(levels)
    np.put_along_axis(answer, order, np.maximum(fitted, 0), axis=1)
    return answer


def _falling(levels):
    """The closest rows that do not rise, as minima of maxima of means."""
    n, d = levels.shape
    sums = np.concatenate([np.zeros((n, 1)), levels.cumsum(axis=1)], axis=1)
    first, last = np.arange(d)[:, None], np.arange(d)
    means = sums[:, None, 1:] - sums[:, :-1, None]
    means /= np.maximum(last - first + 1, 1)
    # Differences of sums have the sums' rounding.
    means[:, last, last] = levels
    means[:, last < first] = -np.inf
    largest = np.maximum.accumulate(means[:, :, ::-1], axis=2)[:, :, ::-1]
    largest[:, first > last] = np.inf
    return np.minimum.accumulate(largest, axis=1)[:, last, last]
