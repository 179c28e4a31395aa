r"""Sums of splines along directions, fitted by exact constrained least squares."""

from typing import NamedTuple

import numpy as np

from skhj.numerics.bounded_qp import minimize_bounded_quadratic
from skhj.priors.splines.spline import Spline, SplineDesign

__all__ = ["Backfit", "RidgeSum", "Samples"]

# Weight of the roughness penalty that only settles what the samples leave open.
SETTLING = 1e-12


class Samples(NamedTuple):
    """What a function of v is fitted to.

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

    def take(self, rows):
        """The samples of these rows."""
        return self._replace(
            V=self.V[rows],
            values=None if self.values is None else self.values[rows],
            gradients=None if self.gradients is None else self.gradients[rows],
        )

    def weights(self):
        """Weights of the values and of the gradients, 0 where there are none."""
        return (
            0.0 if self.values is None else self.value_weight,
            0.0 if self.gradients is None else self.gradient_weight,
        )

    def loss(self, values, gradients):
        """Weighted mean squared error of residuals."""
        total = 0.0
        if self.values is not None:
            total += self.value_weight * np.mean(values**2)
        if self.gradients is not None:
            total += self.gradient_weight * np.mean((gradients**2).sum(1))
        return float(total)


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
        values, gradients = np.zeros(len(V)), np.zeros(V.shape)
        for direction, spline in zip(self.directions, self.splines, strict=True):
            value, slope = spline(V @ direction)
            values += value
            gradients += slope[:, None] * direction
        return values, gradients

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


class Backfit:
    """Least squares by the splines of a sum, one direction after the other.

    Parameters
    ----------
    samples : Samples
        What to fit.
    ridges : RidgeSum
        Directions, knots and first coefficients.
    lower : ndarray of shape (m,)
        Smallest curvature allowed along each direction.
    penalty : float
        Weight of the roughness of the profiles.
    """

    def __init__(self, samples, ridges, *, lower, penalty):
        self.samples = samples
        self.directions = ridges.directions
        self.lower = lower
        self.coefficients = [s.coefficients.copy() for s in ridges.splines]
        self.designs = [
            SplineDesign(spline.knots, samples.V @ direction)
            for direction, spline in zip(ridges.directions, ridges.splines, strict=True)
        ]
        self.roughness = [
            (penalty + SETTLING) * _roughness(design) for design in self.designs
        ]
        self.grams = [
            design.gram(*samples.weights()) + roughness
            for design, roughness in zip(self.designs, self.roughness, strict=True)
        ]
        self.passive = [None] * len(self.designs)
        self.r, self.R = samples.values, samples.gradients
        if self.r is not None:
            self.r = self.r - sum(
                map(SplineDesign.values, self.designs, self.coefficients)
            )
        if self.R is not None:
            self.R = self.R.copy()
            for j, design in enumerate(self.designs):
                self._subtract_slopes(j, design.slopes(self.coefficients[j]))

    def _subtract_slopes(self, j, slopes):
        self.R -= slopes[:, None] * self.directions[j]

    @property
    def loss(self):
        """Weighted mean squared error at the samples."""
        return self.samples.loss(self.r, self.R)

    def ridges(self):
        """The sum as it is now."""
        splines = (
            Spline(design.knots, coefficients.copy())
            for design, coefficients in zip(
                self.designs, self.coefficients, strict=True
            )
        )
        return RidgeSum(self.directions, tuple(splines))

    def descent(self, j):
        """Minus half the objective's gradient by the coefficients of direction j."""
        n, (value_weight, gradient_weight) = len(self.samples.V), self.samples.weights()
        r = None if self.r is None else (value_weight / n) * self.r
        along = None
        if self.R is not None:
            along = (gradient_weight / n) * (self.R @ self.directions[j])
        return (
            self.designs[j].adjoint(r, along) - self.roughness[j] @ self.coefficients[j]
        )

    def move(self, j, step):
        """Add to the coefficients of direction j."""
        self.coefficients[j] = self.coefficients[j] + step
        if self.r is not None:
            self.r -= self.designs[j].values(step)
        if self.R is not None:
            self._subtract_slopes(j, self.designs[j].slopes(step))

    def sweep(self):
        """Minimise over each direction's profile in turn, the others fixed."""
        for j in range(len(self.designs)):
            # The step's bounds, not the coefficients', so that nothing cancels.
            bounds = self.lower[j] - self.coefficients[j]
            bounds[:2] = -np.inf
            step, self.passive[j] = minimize_bounded_quadratic(
                self.grams[j], self.descent(j), np.minimum(bounds, 0), self.passive[j]
            )
            self.move(j, step)

    def run(self, max_sweeps, tol):
        """Sweep until a sweep lowers the loss by no more than the share ``tol``."""
        loss = self.loss
        for _ in range(max_sweeps):
            self.sweep()
            before, loss = loss, self.loss
            if loss >= (1 - tol) * before:
                break
        return self


def _roughness(design):
    """Matrix of the squared differences of neighbouring curvatures.

    Each is weighted by the squares of the width of its pieces and of the spread of
    the points, so that it is in the units of the squared values.
    """
    knots, n_coefficients = design.knots, len(design.knots) + 3
    spread = np.ptp(knots)
    if spread == 0:
        return np.zeros((n_coefficients, n_coefficients))
    width = np.r_[np.diff(knots), np.nan]
    width = np.fmin(width, np.r_[np.nan, width[:-1]]) * spread
    difference = np.zeros((len(knots), n_coefficients))
    rows = np.arange(len(knots))
    difference[rows, rows + 2], difference[rows, rows + 3] = -width, width
    return difference.T @ difference
