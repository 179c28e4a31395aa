"""Sums of splines along directions, and the samples that they are fitted to."""

from typing import NamedTuple

import numpy as np

from skhj.priors.splines.spline import Spline

__all__ = ["RidgeSum", "ScaledSamples", "base_curvature"]


class ScaledSamples(NamedTuple):
    """What a function of v is fitted to, in units of the points.

    Attributes
    ----------
    V : ndarray of shape (n, d)
        Points.
    values : ndarray of shape (n,) or None
        Values there.
    gradients : ndarray of shape (n, d) or None
        Gradients there; not both are None.
    value_weight, gradient_weight : float
        Weights of the mean squared error of the values, and of that of the gradients
        (the squared norm of the difference).
    """

    V: np.ndarray
    values: np.ndarray | None
    gradients: np.ndarray | None
    value_weight: float
    gradient_weight: float

    @property
    def n_equations(self):
        """Count of the numbers that are fitted; a gradient is one for each feature."""
        n, d = self.V.shape
        return n * ((self.values is not None) + d * (self.gradients is not None))

    @property
    def weights(self):
        """Weights of the values and of the gradients, 0 where there are none."""
        return (
            0.0 if self.values is None else self.value_weight,
            0.0 if self.gradients is None else self.gradient_weight,
        )

    def take(self, rows):
        """The samples of these rows."""
        return self._replace(
            V=self.V[rows],
            values=None if self.values is None else self.values[rows],
            gradients=None if self.gradients is None else self.gradients[rows],
        )

    def plus_quadratic(self, matrix):
        """Samples of the function plus <v, matrix v> / 2."""
        if not matrix.any():
            return self
        values, gradients, image = self.values, self.gradients, self.V @ matrix
        if values is not None:
            values = values + (image * self.V).sum(axis=1) / 2
        if gradients is not None:
            gradients = gradients + image
        return self._replace(values=values, gradients=gradients)

    def loss(self, values, gradients):
        """Weighted mean squared error of residuals."""
        total = 0.0
        if self.values is not None:
            total += self.value_weight * np.mean(values**2)
        if self.gradients is not None:
            total += self.gradient_weight * np.mean((gradients**2).sum(1))
        return float(total)

    @property
    def loss_of_zero(self):
        """Loss of the function that is zero."""
        return self.loss(self.values, self.gradients)


class RidgeSum(NamedTuple):
    r"""The function :math:`v \mapsto \sum_j s_j(\langle a_j, v\rangle)`.

    Attributes
    ----------
    directions : ndarray of shape (m, d)
        The vectors a_j, of unit norm.
    splines : tuple of Spline
        The profiles s_j.
    """

    directions: np.ndarray
    splines: tuple[Spline, ...]

    def __call__(self, V):
        """Values (n,) and gradients (n, d) at the rows of V."""
        values, Z = np.zeros(len(V)), V @ self.directions.T
        for z, spline in zip(Z.T, self.splines, strict=True):
            value, z[:] = spline(z)
            values += value
        return values, Z @ self.directions

    @property
    def n_coefficients(self):
        """Number of coefficients of all profiles."""
        return sum(len(spline.coefficients) for spline in self.splines)

    def residual(self, samples):
        """What the function leaves of the samples' values and gradients."""
        values, gradients = self(samples.V)
        return (
            None if samples.values is None else samples.values - values,
            None if samples.gradients is None else samples.gradients - gradients,
        )

    def loss(self, samples):
        """Weighted mean squared error at the samples."""
        return samples.loss(*self.residual(samples))


def base_curvature(directions):
    """Split the identity among directions, as far as they can carry it.

    Parameters
    ----------
    directions : ndarray of shape (m, d)
        Vectors a_j of unit norm.

    Returns
    -------
    curvature : ndarray of shape (m,)
        Numbers k_j that bring sum_j k_j a_j a_j^T closest to the identity.
    matrix : ndarray of shape (d, d)
        The sum minus the identity; exactly zero for the axes.
    """
    d = directions.shape[1]
    if np.array_equal(directions, np.eye(d)):
        return np.ones(d), np.zeros((d, d))
    products = (directions @ directions.T) ** 2
    curvature = np.linalg.lstsq(products, np.ones(len(directions)), rcond=None)[0]
    return curvature, (directions.T * curvature) @ directions - np.eye(d)
