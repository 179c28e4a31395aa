"""Units in which a semiconvex function is of order one, whatever the caller's are."""

from typing import NamedTuple

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm
from skhj.quadratic import fit_quadratic

__all__ = ["Standardisation", "standardise"]

# |x|^2/2 + t w keeps this share of the curvature of |x|^2/2, so that its conjugate is
# finite everywhere.
STRONG_CONVEXITY = 1e-4
# Curvature that training may take away from the least-squares quadratic, in units of
# what that leaves unexplained.
FREE_CURVATURE = 10.0


class Standardisation(NamedTuple):
    r"""The change of units w(x) = e_0 + <e, u> + c |u|^2 / 2 + r f(u), u = (x - m) / s.

    Only one scalar scales the points, so that |u|^2 stays a multiple of |x - m|^2.
    Taking the first three terms out in double precision leaves f free of the
    cancellation that large offsets, slopes or times would bring.

    Attributes
    ----------
    center : ndarray of shape (d,)
        The mean m.
    length : float
        The scale s, positive.
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
    intercept: float
    slope: np.ndarray
    curvature: float
    scale: float

    def points(self, X):
        """Points u of unit scale, shape (n, d)."""
        return (X - self.center) / self.length

    def values(self, U, w):
        """Values f(u), shape (n,)."""
        base = self.intercept + U @ self.slope + self.curvature * half_squared_norm(U)
        return (w - base) / self.scale

    def gradients(self, U, gradient):
        """Gradients of f by u, shape (n, d), from those of w by x."""
        return (self.length * gradient - self.slope - self.curvature * U) / self.scale


def standardise(X, w, t):
    """Units fitted to samples of a function w with |x|^2 / 2 + t w(x) convex.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    w : ndarray of shape (n,)
        Values.
    t : float
        Time.

    Returns
    -------
    Standardisation
        The units.
    """
    center = X.mean(axis=0)
    length = float(np.sqrt(((X - center) ** 2).mean())) or 1.0
    U = (X - center) / length
    floor = -(1 - STRONG_CONVEXITY) * length**2 / t
    quadratic = fit_quadratic(U, w, curvature_floor=floor)
    # Relative to the spread of w, rounding in the least squares is no residual.
    residual = float(np.sqrt(((w - quadratic(U)) ** 2).mean()))
    scale = max(residual, 1e-9 * float(w.std()), np.finfo(float).tiny) or 1.0
    lowest = np.linalg.eigvalsh(quadratic.hessian)[0]
    return Standardisation(
        center=center,
        length=length,
        intercept=quadratic.intercept,
        slope=quadratic.slope,
        curvature=float(max(floor, lowest - FREE_CURVATURE * scale)),
        scale=scale,
    )
