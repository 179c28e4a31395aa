"""Whether unknowns are the samples of a signal, as their operator tells."""

import numpy as np

__all__ = ["is_convolution"]


def is_convolution(matrix, *, fewest=16, rounding=1e-6):
    """Whether a matrix is a convolution along one axis, but for its edges.

    Parameters
    ----------
    matrix : ndarray of shape (M, N)
        The matrix.
    fewest : int, default=16
        Unknowns of a signal at least.
    rounding : float, default=1e-6
        Share of the largest entry by which a row differs at most from the one before,
        moved by one place.

    Returns
    -------
    bool
        False of multiples of the identity too: they tell nothing of an order.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.linalg import toeplitz
    >>> from skhj.inverse.signals import is_convolution
    >>> is_convolution(toeplitz(0.5 ** np.arange(20)))
    True
    >>> is_convolution(np.eye(20))
    False
    """
    n = len(matrix)
    if matrix.shape != (n, n) or n < fewest:
        return False
    # Any rule is a convolution's at the edges: zeros, reflections, one period.
    inner = matrix[n // 4 : n - n // 4]
    largest = np.abs(inner).max()
    moved = np.abs(inner[1:, 1:] - inner[:-1, :-1]).max()
    others = np.abs(matrix - np.diag(matrix.diagonal())).max()
    return bool(moved <= rounding * largest and others > rounding * largest)
