"""Units in which a semiconvex function is of order one, whatever the caller's are."""

from typing import NamedTuple

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm
from skhj.numerics.covariance import whitening_matrix
from skhj.numerics.least_squares_quadratic import (
    fit_quadratic,
    fit_quadratic_to_gradients,
)

__all__ = ["Standardisation", "standardise"]


class Standardisation(NamedTuple):
    r"""The change of units of a function w with |x|^2 / 2 + t w(x) convex.

    With v = (x - m) / s, s a scalar, and the whitened points u = A v,

    .. math::

        w(x) = e_0 + \langle e, v\rangle + \frac{c}{2} |v|^2 + r \, f(u).

    A linear map inside f keeps it convex, so A may whiten; |v|^2 needs the scalar.
    Taking the other terms out, in double precision, leaves f free of the cancellation
    that large offsets, slopes or times would bring.

    Attributes
    ----------
    center : ndarray of shape (d,)
        The mean m.
    length : float
        The scale s, positive.
    whitening : ndarray of shape (d, d)
        The symmetric matrix A.
    intercept : float
        The constant e_0.
    slope : ndarray of shape (d,)
        The vector e.
    curvature : float
        The number c, above -s^2 / t, so that |x|^2 / 2 + t w(x) is convex if f is.
    scale : float
        The scale r, positive.
    """

    center: np.ndarray
    length: float
    whitening: np.ndarray
    intercept: float
    slope: np.ndarray
    curvature: float
    scale: float

    def whiten(self, X):
        """Points u, shape (n, d)."""
        return (X - self.center) @ self.whitening / self.length

    def values(self, X, w):
        """Values f(u), shape (n,)."""
        V = (X - self.center) / self.length
        base = self.intercept + V @ self.slope + self.curvature * half_squared_norm(V)
        return (w - base) / self.scale

    def gradients(self, X, gradient):
        """Gradients of f by u, shape (n, d), from those of w by x."""
        V = (X - self.center) / self.length
        base = self.slope + self.curvature * V
        remainder = (self.length * gradient - base) / self.scale
        return np.linalg.solve(self.whitening, remainder.T).T


def standardise(X, w, t, gradient=None, *, strong_convexity=1e-4, free_curvature=30.0):
    """Units fitted to samples of a function w with |x|^2 / 2 + t w(x) convex.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    w : ndarray of shape (n,) or None
        Values; None where only gradients are known.
    t : float
        Time.
    gradient : ndarray of shape (n, d) or None, default=None
        Gradients, read where there are no values: then the unit of f's gradient, and
        not of its values, is what the best quadratic leaves.
    strong_convexity : float, default=1e-4
        Share of the curvature of |x|^2 / 2 that |x|^2 / 2 + t w keeps, so that its
        conjugate is finite everywhere.
    free_curvature : float, default=30.0
        Curvature that training may take away from the least-squares quadratic, in
        units of what that leaves unexplained.

    Returns
    -------
    Standardisation
        The units.

    Raises
    ------
    ValueError
        If the samples are so large or so small that a unit is not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        center = X.mean(axis=0)
        length = float(np.sqrt(((X - center) ** 2).mean()))
        # Of points that are one but for rounding no unit can be told.
        if length <= 8 * np.finfo(float).eps * np.abs(center).max():
            length = 1.0
        samples = length * gradient if w is None else w
        spread = float(samples.std()) or float(np.abs(samples).max()) or 1.0
        floor = -(1 - strong_convexity) * length**2 / t
    if not np.isfinite([length, spread, floor]).all():
        raise ValueError(
            "X, y and t must be of sizes whose squares and ratios are finite numbers, "
            f"got points of spread {length:.3g}, values of spread {spread:.3g} and "
            f"t={t:.3g}"
        )
    V = (X - center) / length
    if w is None:
        quadratic = fit_quadratic_to_gradients(V, samples, curvature_floor=floor)
        remainder = samples - quadratic.slope - V @ quadratic.hessian
    else:
        quadratic = fit_quadratic(V, samples, curvature_floor=floor)
        remainder = samples - quadratic(V)
    # Relative to the spread of w, rounding in the least squares is no residual.
    scale = max(float(np.sqrt((remainder**2).mean())), 1e-9 * spread)
    lowest = np.linalg.eigvalsh(quadratic.hessian)[0]
    return Standardisation(
        center=center,
        length=length,
        whitening=whitening_matrix(V),
        intercept=quadratic.intercept,
        slope=quadratic.slope,
        curvature=float(max(floor, lowest - free_curvature * scale)),
        scale=scale,
    )
