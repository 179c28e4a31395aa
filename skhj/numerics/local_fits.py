"""Gradients from values alone, by quadratics fitted to neighbours."""

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["local_quadratic_fits"]

BATCH = 1024


def local_quadratic_fits(X, S, *, n_neighbors=None, noise_std=0.0):
    """Values and gradients at samples, of weighted quadratic fits to neighbours.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,)
        Values.
    n_neighbors : int, optional
        Neighbours in each fit, the sample included. By default twice the number of
        coefficients, (d + 1)(d + 2), and with noise at least n^(4 / (d + 6)), which
        balances the noise of the gradient against its curvature's bias.
    noise_std : float, default=0.0
        Standard deviation of the noise of the values. Without noise the values are
        returned as they are.

    Returns
    -------
    ndarray of shape (n,)
        Values: those of the fits where there is noise.
    ndarray of shape (n, d)
        Gradients of the fits.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.local_fits import local_quadratic_fits
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> _, gradient = local_quadratic_fits(X, X[:, 0] ** 2)
    >>> np.allclose(gradient, 2 * X)
    True
    """
    n, d = X.shape
    if n_neighbors is None:
        n_neighbors = (d + 1) * (d + 2)
        if noise_std:
            n_neighbors = max(n_neighbors, int(n ** (4 / (d + 6))) + 1)
    n_neighbors = min(n_neighbors, n)
    tree = cKDTree(X)
    values, gradients = np.empty(n), np.empty((n, d))
    for start in range(0, n, BATCH):
        rows = slice(start, start + BATCH)
        _, neighbours = tree.query(X[rows], k=range(1, n_neighbors + 1))
        coefficients = _fit(X[rows], X[neighbours], S[neighbours])
        values[rows], gradients[rows] = coefficients[:, 0], coefficients[:, 1:]
    return (values if noise_std else S), gradients


def _fit(centers, X, S):
    """Value and gradient at each centre, (n, 1 + d), by weighted least squares."""
    E = X - centers[:, None, :]
    radius = np.sqrt((E * E).sum(-1).max(axis=1))
    # Where all neighbours coincide any length does; the gradient is then zero.
    radius = np.where(radius > 0, radius, 1.0)[:, None, None]
    E = E / radius
    i, j = np.triu_indices(E.shape[2])
    basis = np.concatenate([np.ones_like(E[..., :1]), E, E[..., i] * E[..., j]], -1)
    distance = np.sqrt((E * E).sum(-1))
    # Tricube weights, short of zero at the farthest neighbour.
    weight = ((1 - (distance / 1.1) ** 3) ** 1.5)[..., None]
    mean = S.mean(axis=1, keepdims=True)
    solution = np.linalg.pinv(weight * basis, rcond=1e-8) @ (
        weight * (S - mean)[..., None]
    )
    d = E.shape[2]
    return np.hstack(
        [solution[:, 0] + mean, solution[:, 1 : 1 + d, 0] / radius[:, :, 0]]
    )
