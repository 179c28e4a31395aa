"""Gradients from values alone, by quadratics fitted to neighbours."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from skhj.numerics.blocks import row_blocks
from skhj.numerics.threads import threads_for

__all__ = ["LocalFits"]


@dataclass(frozen=True)
class LocalFits:
    """Weighted quadratic fits to the neighbours of each sample.

    Parameters
    ----------
    n_neighbors : int or None, default=None
        Neighbours in each fit, the sample included. None takes twice the number of
        coefficients, (d + 1)(d + 2), and with noise at least n^(4 / (d + 6)), which
        balances the noise of the gradient against its curvature's bias.
    reach : float, default=1.1
        Distance at which the tricube weights end, as a multiple of the farthest
        neighbour's: short of zero there, so that it has a say.
    dependent : float, default=1e-8
        Singular values below this part of the largest are zero: half the digits.
    """

    n_neighbors: int | None = None
    reach: float = 1.1
    dependent: float = 1e-8

    def fit(self, X, S, *, noise_std=0.0):
        """Values and gradients at samples.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Points.
        S : ndarray of shape (n,)
            Values.
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
        >>> from skhj.numerics.local_fits import LocalFits
        >>> X = np.linspace(-1, 1, 20)[:, None]
        >>> _, gradient = LocalFits().fit(X, X[:, 0] ** 2)
        >>> np.allclose(gradient, 2 * X)
        True
        """
        n, d = X.shape
        k = self._neighbors(n, d, noise_std)
        n_coefficients = (d + 1) * (d + 2) // 2
        tree = cKDTree(X)
        values, gradients = np.empty(n), np.empty((n, d))
        with threads_for(k * n_coefficients**2):
            # The basis, its weighted copy and the two factors of the pseudo-inverse.
            for rows in row_blocks(n, 4 * k * n_coefficients):
                _, neighbours = tree.query(X[rows], k=range(1, k + 1))
                fits = self._fit_each(X[rows], X[neighbours], S[neighbours])
                values[rows], gradients[rows] = fits[:, 0], fits[:, 1:]
        return (values if noise_std else S), gradients

    def _neighbors(self, n, d, noise_std):
        k = self.n_neighbors
        if k is None:
            k = (d + 1) * (d + 2)
            if noise_std:
                k = max(k, int(n ** (4 / (d + 6))) + 1)
        return min(k, n)

    def _fit_each(self, centers, X, S):
        """Value and gradient at each centre, (n, 1 + d), by weighted least squares."""
        E = X - centers[:, None, :]
        radius = np.sqrt((E * E).sum(-1).max(axis=1))
        # Where all neighbours coincide any length does; the gradient is then zero.
        radius = np.where(radius > 0, radius, 1.0)[:, None, None]
        E = E / radius
        d = E.shape[2]
        i, j = np.triu_indices(d)
        basis = np.concatenate([np.ones_like(E[..., :1]), E, E[..., i] * E[..., j]], -1)
        distance = np.sqrt((E * E).sum(-1))
        weight = ((1 - (distance / self.reach) ** 3) ** 1.5)[..., None]
        mean = S.mean(axis=1, keepdims=True)
        inverse = np.linalg.pinv(weight * basis, rcond=self.dependent)
        solution = inverse @ (weight * (S - mean)[..., None])
        gradient = solution[:, 1 : 1 + d, 0] / radius[:, :, 0]
        return np.hstack([solution[:, 0] + mean, gradient])
