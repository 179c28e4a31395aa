"""Least squares by an affine function plus a quadratic of bounded curvature."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, lstsq, solve_continuous_lyapunov

from skhj.hamilton_jacobi import half_squared_norm

__all__ = ["QuadraticFit", "fit_quadratic", "fit_quadratic_to_gradients"]


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


# Pivots of the normal equations, relative to their columns, with half the digits left.
WELL_CONDITIONED = 1e-4
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
        return _lifted(fit, spans, curvature_floor)
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
    hessian = _with_floor(hessian, curvature_floor)
    intercept, slope = fit_affine(U, w - half_quadratic(U, hessian))
    return QuadraticFit(intercept, slope, hessian)


def fit_quadratic_to_gradients(U, gradient, *, curvature_floor):
    """Fit a quadratic to gradients by least squares; its intercept is zero.

    Parameters
    ----------
    U : ndarray of shape (n, d)
        Points, of unit scale about the origin.
    gradient : ndarray of shape (n, d)
        Gradients.
    curvature_floor : float
        Smallest curvature allowed; minus infinity for none.

    Returns
    -------
    QuadraticFit
        The fitted function.
    """
    spans = _spanned(U)
    if spans.shape[1] < U.shape[1]:
        fit = fit_quadratic_to_gradients(
            U @ spans, gradient @ spans, curvature_floor=curvature_floor
        )
        fit = _lifted(fit, spans, curvature_floor)
        # Along a direction without data the gradient is still known.
        center = U.mean(axis=0)
        return fit._replace(slope=gradient.mean(axis=0) - fit.hessian @ center)
    center, mean = U.mean(axis=0), gradient.mean(axis=0)
    U = U - center
    # The normal equations C H + H C = Q of min |gradient - U H| over symmetric H.
    cross = U.T @ (gradient - mean)
    hessian = solve_continuous_lyapunov(U.T @ U, cross + cross.T)
    hessian = _with_floor((hessian + hessian.T) / 2, curvature_floor)
    return QuadraticFit(0.0, mean - hessian @ center, hessian)


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


def _least_squares(U, features, w):
    """Coefficients of ``features`` when fitted together with an affine function."""
    design = np.column_stack([features, np.ones(len(U)), U])
    gram = design.T @ design
    size = np.sqrt(gram.diagonal())
    try:
        factor = cho_factor(gram)
        well_conditioned = (
            np.abs(factor[0].diagonal()) > WELL_CONDITIONED * size
        ).all()
    except np.linalg.LinAlgError:
        well_conditioned = False
    if not well_conditioned:
        return lstsq(design, w)[0][: features.shape[1]]
    # Many times faster than an orthogonal factorisation; a second solve, of what the
    # first leaves, makes up for the squared condition number.
    coefficients = cho_solve(factor, design.T @ w)
    coefficients += cho_solve(factor, design.T @ (w - design @ coefficients))
    return coefficients[: features.shape[1]]


def _spanned(U):
    """Orthonormal directions in which U varies, by more than 1e-6 of its widest."""
    variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(U.T, bias=True)))
    keep = variances > 1e-12 * variances[-1]
    keep[-1] = True
    return directions[:, keep]
