"""Least squares by an affine function plus a quadratic of bounded curvature."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, lstsq

from skhj.hamilton_jacobi import half_squared_norm
from skhj.numerics.covariance import spanned

__all__ = [
    "LeastSquares",
    "QuadraticFit",
    "fit_quadratic",
    "fit_quadratic_to_gradients",
    "symmetric_slope",
]


class QuadraticFit(NamedTuple):
    """The function intercept + <slope, u> + <u, hessian u> / 2.

    Attributes
    ----------
    intercept : float
        Value at the origin.
    slope : ndarray of shape (d,)
        Gradient at the origin.
    hessian : ndarray of shape (d, d)
        Symmetric matrix.
    """

    intercept: float
    slope: np.ndarray
    hessian: np.ndarray

    def __call__(self, U):
        """Values at the rows of ``U``, shape (n,)."""
        return self.intercept + U @ self.slope + half_quadratic(U, self.hessian)


def half_quadratic(U, H):
    """Return <u, H u> / 2 for each row u."""
    return ((U @ H) * U).sum(axis=1) / 2


@dataclass(frozen=True)
class LeastSquares:
    """How a quadratic is fitted to samples.

    Parameters
    ----------
    samples_per_coefficient : int, default=4
        Samples that each coefficient of a full matrix asks for; of fewer, one curvature
        is shared by all directions.
    rows_per_coefficient, least_rows : int, default=8 and 20_000
        Of more samples than both of these allow, a random choice is used: in high
        dimension more rows only cost time.
    well_conditioned : float, default=1e-4
        Pivots of the normal equations, relative to their columns, above which they are
        solved: half the digits are left, and a second solve makes up for them. Else the
        orthogonal factorisation is, which takes many times as long.
    narrowest : float, default=1e-6
        Directions in which points spread by less than this part of the widest are left
        out: least squares would fit rounding errors along them.
    """

    samples_per_coefficient: int = 4
    rows_per_coefficient: int = 8
    least_rows: int = 20_000
    well_conditioned: float = 1e-4
    narrowest: float = 1e-6

    def spans(self, U):
        """Orthonormal directions in which points vary, as columns."""
        return spanned(U, self.narrowest)[0]

    def hessian(self, U, w):
        """Hessian of the best quadratic: a full matrix, or one curvature."""
        n, d = U.shape
        rows, columns = np.triu_indices(d)
        n_coefficients = 1 + d + len(rows)
        if n < self.samples_per_coefficient * n_coefficients:
            (curvature,) = self.coefficients(U, half_squared_norm(U)[:, None], w)
            return curvature * np.eye(d)
        most = max(self.rows_per_coefficient * n_coefficients, self.least_rows)
        few = np.random.default_rng(0).permutation(n)[: min(n, most)]
        products = U[few[:, None], rows] * U[few[:, None], columns]
        hessian = np.zeros((d, d))
        hessian[rows, columns] = self.coefficients(U[few], products, w[few])
        return hessian + hessian.T

    def coefficients(self, U, features, w):
        """Coefficients of ``features`` when fitted together with an affine function."""
        design = np.column_stack([features, np.ones(len(U)), U])
        gram = design.T @ design
        size = np.sqrt(gram.diagonal())
        try:
            factor = cho_factor(gram)
            pivots = np.abs(factor[0].diagonal())
            well_conditioned = (pivots > self.well_conditioned * size).all()
        except np.linalg.LinAlgError:
            well_conditioned = False
        if not well_conditioned:
            return lstsq(design, w)[0][: features.shape[1]]
        coefficients = cho_solve(factor, design.T @ w)
        coefficients += cho_solve(factor, design.T @ (w - design @ coefficients))
        return coefficients[: features.shape[1]]


def fit_quadratic(U, w, *, curvature_floor, solver=LeastSquares()):
    """Fit a quadratic by least squares, every curvature at least ``curvature_floor``.

    A full symmetric matrix is fitted where there are enough samples for it, else
    one curvature for all directions. Eigenvalues below the floor are raised to it
    and the affine part is fitted again.

    Parameters
    ----------
    U : ndarray of shape (n, d)
        Points, of unit scale about the origin.
    w : ndarray of shape (n,)
        Values.
    curvature_floor : float
        Smallest curvature allowed; minus infinity for none.
    solver : LeastSquares, default=LeastSquares()
        Its thresholds.

    Returns
    -------
    QuadraticFit
        The fitted function.
    """
    spans = solver.spans(U)
    if spans.shape[1] < U.shape[1]:
        fit = fit_quadratic(
            U @ spans, w, curvature_floor=curvature_floor, solver=solver
        )
        return _lifted(fit, spans, curvature_floor)
    hessian = _with_floor(solver.hessian(U, w), curvature_floor)
    intercept, slope = fit_affine(U, w - half_quadratic(U, hessian))
    return QuadraticFit(intercept, slope, hessian)


def fit_quadratic_to_gradients(U, gradient, *, curvature_floor, solver=LeastSquares()):
    """Fit a quadratic to gradients by least squares; its intercept is zero.

    Parameters
    ----------
    U : ndarray of shape (n, d)
        Points, of unit scale about the origin.
    gradient : ndarray of shape (n, d)
        Gradients.
    curvature_floor : float
        Smallest curvature allowed; minus infinity for none.
    solver : LeastSquares, default=LeastSquares()
        Its thresholds.

    Returns
    -------
    QuadraticFit
        The fitted function.
    """
    spans = solver.spans(U)
    if spans.shape[1] < U.shape[1]:
        fit = fit_quadratic_to_gradients(
            U @ spans, gradient @ spans, curvature_floor=curvature_floor, solver=solver
        )
        fit = _lifted(fit, spans, curvature_floor)
        # Along a direction without data the gradient is still known.
        center = U.mean(axis=0)
        return fit._replace(slope=gradient.mean(axis=0) - fit.hessian @ center)
    center, mean = U.mean(axis=0), gradient.mean(axis=0)
    U = U - center
    cross = U.T @ (gradient - mean)
    hessian = symmetric_slope(U.T @ U, cross, floor=curvature_floor)
    return QuadraticFit(0.0, mean - hessian @ center, hessian)


def symmetric_slope(C, cross, *, floor):
    """Slope of a linear map by its moments, symmetric and of bounded curvature.

    The smallest H of the normal equations C H + H C = cross + cross' of least squares
    over symmetric matrices, its eigenvalues raised to the floor.

    Parameters
    ----------
    C : ndarray of shape (d, d)
        Mean products of the arguments, symmetric and non-negative.
    cross : ndarray of shape (d, d)
        Mean products of arguments, in rows, and values.
    floor : float
        Smallest eigenvalue allowed.

    Returns
    -------
    ndarray of shape (d, d)
        The matrix H.
    """
    return _with_floor(_solve_lyapunov(C, cross + cross.T), floor)


def _solve_lyapunov(C, Q):
    """Smallest symmetric H with C H + H C = Q, for symmetric C >= 0 and Q.

    scipy's, for any C, warns where C is nearly singular.
    """
    values, vectors = np.linalg.eigh(C)
    sums = values[:, None] + values
    negligible = sums <= len(C) * np.finfo(float).eps * np.abs(sums).max()
    inside = (vectors.T @ Q @ vectors) / np.where(negligible, np.inf, sums)
    hessian = vectors @ inside @ vectors.T
    return (hessian + hessian.T) / 2


def _with_floor(hessian, floor):
    eigenvalues, vectors = np.linalg.eigh(hessian)
    return (vectors * np.maximum(eigenvalues, floor)) @ vectors.T


def _lifted(fit, spans, curvature_floor):
    """Take a fit in some directions to the space that they span a part of."""
    hessian = spans @ fit.hessian @ spans.T
    constant = np.eye(len(spans)) - spans @ spans.T
    hessian += max(curvature_floor, 0.0) * constant
    return QuadraticFit(fit.intercept, spans @ fit.slope, hessian)


def fit_affine(U, w):
    """Least-squares intercept and slope, the smallest ones where several fit."""
    coefficients = lstsq(np.column_stack([np.ones(len(U)), U]), w)[0]
    return float(coefficients[0]), coefficients[1:]
