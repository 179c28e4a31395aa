"""Least squares by an affine function plus a quadratic of bounded curvature."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import lstsq

from skhj.hamilton_jacobi import half_squared_norm

__all__ = ["QuadraticFit", "fit_quadratic"]


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


# Samples that each coefficient of a full matrix asks for.
SAMPLES_PER_COEFFICIENT = 4


def fit_quadratic(U, w, *, curvature_floor):
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

    Returns
    -------
    QuadraticFit
        The fitted function.
    """
    spans = _spanned(U)
    if spans.shape[1] < U.shape[1]:
        # Least squares would fit rounding errors along the other directions.
        fit = fit_quadratic(U @ spans, w, curvature_floor=curvature_floor)
        hessian = spans @ fit.hessian @ spans.T
        constant = np.eye(len(spans)) - spans @ spans.T
        hessian += max(curvature_floor, 0.0) * constant
        return QuadraticFit(fit.intercept, spans @ fit.slope, hessian)
    n, d = U.shape
    rows, cols = np.triu_indices(d)
    n_coefficients = 1 + d + len(rows)
    if n >= SAMPLES_PER_COEFFICIENT * n_coefficients:
        # In high dimension more rows only cost time; any order of them is allowed.
        n_rows = min(n, max(8 * n_coefficients, 20_000))
        few = np.random.default_rng(0).permutation(n)[:n_rows, None]
        products = U[few, rows] * U[few, cols]
        upper = _least_squares(U[few[:, 0]], products, w[few[:, 0]])
        hessian = np.zeros((d, d))
        hessian[rows, cols] = upper
        hessian = hessian + hessian.T
    else:
        (curvature,) = _least_squares(U, half_squared_norm(U)[:, None], w)
        hessian = curvature * np.eye(d)
    eigenvalues, vectors = np.linalg.eigh(hessian)
    hessian = (vectors * np.maximum(eigenvalues, curvature_floor)) @ vectors.T
    intercept, slope = fit_affine(U, w - half_quadratic(U, hessian))
    return QuadraticFit(intercept, slope, hessian)


def fit_affine(U, w):
    """Least-squares intercept and slope, the smallest ones where several fit."""
    coefficients = lstsq(np.column_stack([np.ones(len(U)), U]), w)[0]
    return float(coefficients[0]), coefficients[1:]


def _least_squares(U, features, w):
    """Coefficients of ``features`` when fitted together with an affine function."""
    design = np.column_stack([features, np.ones(len(U)), U])
    return lstsq(design, w)[0][: features.shape[1]]


def _spanned(U):
    """Orthonormal directions in which U varies, by more than 1e-6 of its widest."""
    variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(U.T, bias=True)))
    keep = variances > 1e-12 * variances[-1]
    keep[-1] = True
    return directions[:, keep]
