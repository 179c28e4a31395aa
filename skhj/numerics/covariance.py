"""Covariances: their powers, whitening, and the directions that points span."""

import numpy as np

from skhj.numerics.rows import total

__all__ = [
    "covariance",
    "range_whitening",
    "spanned",
    "symmetric_eigh",
    "symmetric_power",
    "whitening_matrix",
]


def covariance(V):
    """Covariance of centred rows.

    Parameters
    ----------
    V : ndarray or Rows of shape (n, d)
        Rows of mean zero.

    Returns
    -------
    ndarray of shape (d, d)
        Mean of their outer products.
    """
    return total(lambda rows: rows.T @ rows, V) / len(V)


def symmetric_eigh(matrix, *, rounding=1e-12):
    """Eigenvalues and vectors of a symmetric non-negative matrix, in falling order.

    Parameters
    ----------
    matrix : ndarray of shape (d, d)
        The matrix, symmetric up to rounding.
    rounding : float, default=1e-12
        Share of the largest eigenvalue up to which others are zero.

    Returns
    -------
    values : ndarray of shape (d,)
        Eigenvalues.
    vectors : ndarray of shape (d, d)
        Eigenvectors, as columns.
    """
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    return np.where(values > rounding * values[:1], values, 0.0), vectors


def symmetric_power(matrix, exponent, *, floor=None, rounding=1e-12):
    """Power of a symmetric non-negative matrix.

    Parameters
    ----------
    matrix : ndarray of shape (d, d)
        The matrix.
    exponent : float
        The exponent; -1/2 of a covariance whitens.
    floor : float or None, default=None
        Share of the largest eigenvalue to which smaller ones are raised, so that a
        negative power blows up nothing. Those that are ``rounding`` say nothing at all,
        and count as the largest. None takes the power on the matrix's range alone.
    rounding : float or None, default=1e-12
        Share of the largest eigenvalue up to which others are zero. None takes none for
        zero: all that are small are raised to the floor.

    Returns
    -------
    ndarray of shape (d, d)
        The power, symmetric.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.covariance import symmetric_power
    >>> symmetric_power(np.diag([4.0, 0.0]), -1 / 2)
    array([[0.5, 0. ],
           [0. , 0. ]])
    """
    values, vectors = symmetric_eigh(matrix, rounding=rounding or 0.0)
    kept = values > 0
    if floor is None:
        return (vectors[:, kept] * values[kept] ** exponent) @ vectors[:, kept].T
    largest = values[0] if kept.any() else 1.0
    if rounding is None:
        kept[:] = kept.any()
    values = np.where(kept, np.maximum(values, floor * largest), largest)
    return (vectors * values**exponent) @ vectors.T


def range_whitening(V):
    """Map of rows to white numbers, one for each direction that they span.

    Parameters
    ----------
    V : ndarray or Rows of shape (n, d)
        Rows of mean zero, whose covariance is of rank r.

    Returns
    -------
    ndarray of shape (d, r)
        The W: the covariance of ``V @ W`` is the identity.
    """
    values, vectors = symmetric_eigh(covariance(V))
    kept = values > 0
    return vectors[:, kept] / np.sqrt(values[kept])


def whitening_matrix(V, *, narrowest=1e-3, constant=1e-6):
    """Symmetric A with A cov A = I, but for directions that are all but constant.

    Parameters
    ----------
    V : ndarray or Rows of shape (n, d)
        Points of mean zero.
    narrowest : float, default=1e-3
        Spread, as a share of the widest, to which narrower ones are raised: rounding of
        single precision is not blown up by more than its inverse.
    constant : float, default=1e-6
        Spread up to which points are constant, or rounding, and not blown up at all.

    Returns
    -------
    ndarray of shape (d, d)
        The matrix A.
    """
    return symmetric_power(
        covariance(V), -1 / 2, floor=narrowest**2, rounding=constant**2
    )


def spanned(X, narrowest):
    """Orthonormal directions in which points vary, and the others, as columns.

    Where the others are axes, so are all of the directions.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    narrowest : float
        Spread, as a share of the widest, up to which points do not vary.

    Returns
    -------
    spans, rest : ndarray of shape (d, r) and (d, d - r)
        Directions of more than that spread, and of less.
    """
    V = X - X.mean(axis=0)
    V = V / (np.abs(V).max() or 1.0)
    variances, directions = np.linalg.eigh(V.T @ V)
    keep = variances > narrowest**2 * variances[-1]
    keep[-1] = True
    columns = V.std(axis=0)
    narrow = columns <= narrowest * columns.max()
    if narrow.sum() == (~keep).sum():
        directions, keep = np.eye(len(columns)), ~narrow
    return directions[:, keep], directions[:, ~keep]
