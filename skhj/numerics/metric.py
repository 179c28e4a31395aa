r"""The change of variables that makes a metric the Euclidean one.

With M = L L^T and x = L u,

.. math:: \min_y J(y) + \frac{(x - y)^T M^{-1} (x - y)}{2t}
    = \min_v J(L v) + \frac{|u - v|^2}{2t}:

values stay, points change by :math:`L^{-1}` and gradients by :math:`L^T`.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

__all__ = ["Metric"]


class Metric(NamedTuple):
    """A metric M, by its factor L.

    Attributes
    ----------
    factor : ndarray of shape (d, d) or (d,)
        Lower triangular, or the diagonal of a diagonal matrix.
    """

    factor: np.ndarray

    @classmethod
    def of(cls, matrix):
        """Metric of a symmetric positive definite matrix, or of its diagonal."""
        if matrix.ndim == 1:
            return cls(np.sqrt(matrix))
        return cls(np.linalg.cholesky(matrix))

    def points_to(self, X):
        """Points u of the rows x."""
        if self.factor.ndim == 1:
            return (X / self.factor).astype(X.dtype, copy=False)
        U = solve_triangular(self.factor, X.T, lower=True).T
        return np.ascontiguousarray(U, dtype=X.dtype)

    def points_from(self, U):
        """Points x of the rows u."""
        return U * self.factor if self.factor.ndim == 1 else U @ self.factor.T

    def gradients_to(self, gradient):
        """Gradients by u, from those by x."""
        if self.factor.ndim == 1:
            return (gradient * self.factor).astype(gradient.dtype, copy=False)
        return (gradient @ self.factor).astype(gradient.dtype, copy=False)

    def gradients_from(self, gradient):
        """Gradients by x, from those by u."""
        if self.factor.ndim == 1:
            return gradient / self.factor
        return solve_triangular(self.factor, gradient.T, lower=True, trans="T").T
