"""What the quadratics of a minimum may be: of one curvature each, or of any."""

from typing import NamedTuple

import numpy as np

from skhj.numerics.least_squares_quadratic import half_quadratic

__all__ = ["Form", "Quadratics"]


class Quadratics(NamedTuple):
    """Functions q_i(v) = c_i + <b_i, v> + <v, H_i v> / 2.

    Attributes
    ----------
    intercepts : ndarray of shape (m,)
        The c_i.
    slopes : ndarray of shape (m, d)
        The b_i.
    hessians : ndarray of shape (m, d, d)
        The H_i, symmetric.
    """

    intercepts: np.ndarray
    slopes: np.ndarray
    hessians: np.ndarray

    def values(self, V):
        """Values of all at the rows of V, shape (n, m)."""
        pieces = zip(*self, strict=True)
        return np.stack([c + V @ b + half_quadratic(V, H) for c, b, H in pieces], 1)


class Form(NamedTuple):
    """Linear parameters of a quadratic: intercept, slope, curvatures.

    Attributes
    ----------
    is_full : bool
        Whether the Hessian is any symmetric matrix, by its upper triangle; else it is
        a multiple of the identity.
    """

    is_full: bool

    def n_coefficients(self, d):
        """Number of parameters."""
        return 1 + d + (d * (d + 1) // 2 if self.is_full else 1)

    def design(self, V):
        """Derivatives of the values by the parameters, shape (n, p)."""
        return np.hstack([np.ones((len(V), 1)), V, self._squares(V)])

    def _squares(self, V):
        if not self.is_full:
            return (V * V).sum(axis=1, keepdims=True) / 2
        i, j = np.triu_indices(V.shape[1])
        return V[:, i] * V[:, j] * np.where(i == j, 0.5, 1.0)

    def slope_design(self, V):
        """Derivatives of the gradients by the parameters, shape (n, d, p)."""
        n, d = V.shape
        design = np.zeros((n, d, self.n_coefficients(d)))
        design[:, np.arange(d), 1 + np.arange(d)] = 1.0
        if not self.is_full:
            design[:, :, -1] = V
            return design
        i, j = np.triu_indices(d)
        columns = 1 + d + np.arange(len(i))
        design[:, i, columns] = V[:, j]
        design[:, j, columns] = V[:, i]
        return design

    def bounded(self, coefficients, largest):
        """Parameters with curvatures up to a bound, the affine part as it is."""
        bounded = coefficients.copy()
        if not self.is_full:
            bounded[-1] = min(bounded[-1], largest)
        elif np.isfinite(largest):
            (hessian,) = self.quadratics(coefficients[None]).hessians
            curvatures, axes = np.linalg.eigh(hessian)
            if curvatures[-1] > largest:
                hessian = (axes * np.minimum(curvatures, largest)) @ axes.T
                d = len(hessian)
                bounded[1 + d :] = hessian[np.triu_indices(d)]
        return bounded

    def quadratics(self, coefficients):
        """Quadratics of parameters, a row each."""
        m, p = coefficients.shape
        d = p - 2
        if self.is_full:
            d = round((np.sqrt(8 * p + 1) - 3) / 2)
        hessians = np.zeros((m, d, d))
        if self.is_full:
            i, j = np.triu_indices(d)
            hessians[:, i, j] = hessians[:, j, i] = coefficients[:, 1 + d :]
        else:
            hessians[:, range(d), range(d)] = coefficients[:, -1:]
        return Quadratics(coefficients[:, 0], coefficients[:, 1 : 1 + d], hessians)
