"""Sums of splines along given directions, by exact constrained least squares."""

from dataclasses import dataclass

import numpy as np

from skhj.numerics.bounded_qp import PrincipalPivoting
from skhj.priors.splines.ridge_sum import RidgeSum
from skhj.priors.splines.spline import Spline, SplineDesign

__all__ = ["Backfit", "BackfitState"]


@dataclass(frozen=True)
class Backfit:
    """Least squares by the profiles of a sum, one direction after the other.

    Parameters
    ----------
    max_sweeps : int, default=20
        Largest number of sweeps over all directions. Uncorrelated coordinates need
        one, correlated ones converge linearly and are refined in between.
    tol : float, default=0.02
        A sweep that lowers the loss by no more than this share is the last.
    settling : float, default=1e-12
        Weight of the roughness where none is asked for. It settles what the samples
        leave open, and changes the rest by no more than this share.
    pivoting : PrincipalPivoting
        Solves for one profile.
    """

    max_sweeps: int = 20
    tol: float = 0.02
    settling: float = 1e-12
    pivoting: PrincipalPivoting = PrincipalPivoting()

    def fit(self, samples, ridges, *, lower, penalty=0.0):
        """Fit all profiles.

        Parameters
        ----------
        samples : ScaledSamples
            What to fit.
        ridges : RidgeSum
            Directions, knots and first coefficients.
        lower : ndarray of shape (m,)
            Smallest curvature allowed along each direction.
        penalty : float, default=0.0
            Weight of the roughness of the profiles.

        Returns
        -------
        RidgeSum
            The same directions and knots with other coefficients.
        """
        state = BackfitState(
            samples, ridges, lower=lower, penalty=penalty + self.settling
        )
        loss = state.loss
        for _ in range(self.max_sweeps):
            state.sweep(self.pivoting)
            before, loss = loss, state.loss
            if loss >= (1 - self.tol) * before:
                break
        return state.ridges()


class BackfitState:
    """Coefficients on their way to the least squares, and what they leave.

    Parameters
    ----------
    samples : ScaledSamples
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
        # By the coordinates of an orthonormal basis, each direction is one column.
        turned = _is_orthonormal(self.directions)
        axes = np.eye(len(self.directions)) if turned else self.directions
        self.supports = [_support(direction) for direction in axes]
        self.lower = lower
        self.coefficients = [s.coefficients.copy() for s in ridges.splines]
        self.designs = [
            SplineDesign(spline.knots, samples.V @ direction)
            for direction, spline in zip(ridges.directions, ridges.splines, strict=True)
        ]
        self.roughness = [penalty * _roughness(design) for design in self.designs]
        self.grams = [
            design.gram(*samples.weights) + roughness
            for design, roughness in zip(self.designs, self.roughness, strict=True)
        ]
        self.passive = [None] * len(self.designs)
        self.r, self.R = samples.values, samples.gradients
        if self.r is not None:
            self.r = self.r - sum(
                map(SplineDesign.values, self.designs, self.coefficients)
            )
        if self.R is not None:
            slopes = map(SplineDesign.slopes, self.designs, self.coefficients)
            R = self.R @ self.directions.T if turned else self.R
            self.R = R - np.stack([*slopes], axis=1) @ axes

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
        n, (value_weight, gradient_weight) = len(self.samples.V), self.samples.weights
        r = None if self.r is None else (value_weight / n) * self.r
        along = None
        if self.R is not None:
            columns, direction = self.supports[j]
            along = (gradient_weight / n) * (self.R[:, columns] @ direction)
        return (
            self.designs[j].adjoint(r, along) - self.roughness[j] @ self.coefficients[j]
        )

    def move(self, j, step):
        """Add to the coefficients of direction j."""
        self.coefficients[j] = self.coefficients[j] + step
        if self.r is not None:
            self.r -= self.designs[j].values(step)
        if self.R is not None:
            columns, direction = self.supports[j]
            self.R[:, columns] -= self.designs[j].slopes(step)[:, None] * direction

    def sweep(self, pivoting):
        """Minimise over each direction's profile in turn, the others fixed."""
        for j in range(len(self.designs)):
            # The step's bounds, not the coefficients', so that nothing cancels.
            bounds = self.lower[j] - self.coefficients[j]
            bounds[:2] = -np.inf
            step, self.passive[j] = pivoting.minimize(
                self.grams[j], self.descent(j), np.minimum(bounds, 0), self.passive[j]
            )
            self.move(j, step)


def _is_orthonormal(A, *, rounding=1e-12):
    """Whether rows are an orthonormal basis."""
    m, d = A.shape
    return m == d and bool((np.abs(A @ A.T - np.eye(d)) <= rounding).all())


def _support(direction):
    """Columns that a direction has a part in, and its entries there."""
    (columns,) = np.nonzero(direction)
    if len(columns) > 1:
        return slice(None), direction
    return columns, direction[columns]


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
