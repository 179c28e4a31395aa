"""Weighted singular values, the largest first, and their Moreau envelope."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import expm
from scipy.optimize import isotonic_regression

from skhj.hamilton_jacobi import half_squared_norm
from skhj.numerics.sorted_threshold import sorted_threshold
from skhj.priors.sorted.singular_values import Layout

__all__ = ["SortedNorm"]


class SortedNorm(NamedTuple):
    r"""The function :math:`b + \sum_i w_i \sigma_i(Q (v - m))`.

    The :math:`\sigma_i` are the singular values of the matrices that a layout makes of
    the coordinates, the largest first: with weights that do not rise it is a norm.

    Attributes
    ----------
    layout : Layout
        The matrices.
    basis : ndarray of shape (d, d)
        The orthogonal matrix Q.
    weights : ndarray of shape (k,)
        The w_i, none negative, that do not rise.
    center : ndarray of shape (d,)
        The point m.
    offset : float
        The number b.

    References
    ----------
    Lewis, "The convex analysis of unitarily invariant matrix functions", Journal of
    Convex Analysis 2 (1995), 173-183: the prox acts on the singular values alone.
    """

    layout: Layout
    basis: np.ndarray
    weights: np.ndarray
    center: np.ndarray
    offset: float

    def decompose(self, V):
        """Singular values of the points v."""
        return self.layout.decompose((V - self.center) @ self.basis.T)

    def value_and_gradient(self, V):
        """Values and gradients at rows v."""
        singular = self.decompose(V)
        order = np.argsort(-singular.sizes, axis=1)
        slopes = np.empty_like(singular.sizes)
        np.put_along_axis(slopes, order, np.broadcast_to(self.weights, order.shape), 1)
        values = self.offset + (slopes * singular.sizes).sum(axis=1)
        return values, singular.with_sizes(slopes) @ self.basis

    def way_to_prox(self, V, time=1.0):
        """The way to the minimiser u of the sum with |v - u|^2 / (2 time), for rows v.

        It is exact to its own digits, also where it is short beside v.
        """
        singular = self.decompose(V)
        left = sorted_threshold(singular.sizes, time * self.weights)
        return singular.with_sizes(left - singular.sizes) @ self.basis

    def prox_derivative(self, V, D, time=1.0):
        """Derivative of the minimiser along directions, rows of D."""
        singular = self.decompose(V)
        sizes = sorted_threshold(singular.sizes, time * self.weights)
        # Values that the prox makes equal move together.
        alike = (sizes[:, :, None] == sizes[:, None]) & (sizes > 0)[:, None]
        shares = alike / np.maximum(alike.sum(axis=2, keepdims=True), 1)

        def together(change):
            return (shares @ change[:, :, None])[:, :, 0]

        moved = singular.derivative(sizes, together, D @ self.basis.T)
        return moved @ self.basis

    def envelope(self, V):
        """Smallest sums with |v - u|^2 / 2 over u, and their derivatives.

        Parameters
        ----------
        V : ndarray of shape (n, d)
            Points.

        Returns
        -------
        values : ndarray of shape (n,)
            The minima.
        jacobian : ndarray of shape (n, p)
            Their derivatives by the numbers that ``moved`` changes.
        """
        Z = (V - self.center) @ self.basis.T
        singular = self.layout.decompose(Z)
        sizes = sorted_threshold(singular.sizes, self.weights)
        slopes = singular.with_sizes(singular.sizes - sizes)
        falling = -np.sort(-sizes, axis=1)
        values = self.offset + falling @ self.weights + half_squared_norm(slopes)
        i, j = np.triu_indices(V.shape[1], 1)
        turned = slopes[:, i] * Z[:, j] - slopes[:, j] * Z[:, i]
        parts = turned, falling, -slopes @ self.basis, np.ones((len(V), 1))
        return values, np.hstack(parts)

    def moved(self, step):
        """The function after a step of rotation, weights, center and offset."""
        d, k = len(self.center), len(self.weights)
        turn, weights, center, offset = np.split(
            step, np.cumsum([d * (d - 1) // 2, k, d])
        )
        generator = np.zeros((d, d))
        generator[np.triu_indices(d, 1)] = turn
        falling = isotonic_regression(self.weights + weights, increasing=False).x
        return self._replace(
            basis=expm(generator - generator.T) @ self.basis,
            weights=np.maximum(falling, 0.0),
            center=self.center + center,
            offset=self.offset + float(offset[0]),
        )
