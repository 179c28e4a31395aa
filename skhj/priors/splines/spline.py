r"""Piecewise quadratic functions of one variable, and their least squares.

A spline with knots :math:`k_0 < \dots < k_{K-1}` is :math:`C^1` and has one curvature
on each of the K + 1 pieces between them, the outer two included: the outer pieces go
on for ever. Its curvatures, and its value and slope at the middle knot, are its
coefficients; it is convex where the curvatures are not negative.
"""

from typing import NamedTuple

import numpy as np

__all__ = [
    "Spline",
    "SplineDesign",
    "constant_spline",
    "continue_with",
    "minus_quadratic",
    "quantile_knots",
    "split",
]


class Spline(NamedTuple):
    """A piecewise quadratic function.

    Attributes
    ----------
    knots : ndarray of shape (K,)
        Increasing, at least one.
    coefficients : ndarray of shape (K + 3,)
        Value and slope at the middle knot, then the curvatures of the pieces.
    """

    knots: np.ndarray
    coefficients: np.ndarray

    @property
    def curvature(self):
        """Curvatures of the pieces, shape (K + 1,)."""
        return self.coefficients[2:]

    def __call__(self, z):
        """Values and slopes at points z, two arrays of its shape."""
        piece, offset = locate(self.knots, z)
        value, slope, curvature = local_coefficients(self.knots, self.coefficients)
        slope, curvature = slope[piece], curvature[piece]
        return (
            value[piece] + offset * (slope + offset * curvature / 2),
            slope + offset * curvature,
        )


def constant_spline(knots, curvature=0.0):
    """Spline of one curvature everywhere, and zero value and slope at the middle."""
    coefficients = np.full(len(knots) + 3, float(curvature))
    coefficients[:2] = 0.0
    return Spline(knots, coefficients)


def locate(knots, z):
    """Piece of each point, and its distance from the knot that the piece starts from.

    Parameters
    ----------
    knots : ndarray of shape (K,)
        Increasing.
    z : ndarray
        Points.

    Returns
    -------
    piece : ndarray of int, of the shape of z
        From 0 to K.
    offset : ndarray of the shape of z
        ``z`` minus the knot to the left of it, or minus the first where none is.
    """
    piece = np.searchsorted(knots, z)
    return piece, z - knots[np.maximum(piece - 1, 0)]


def local_coefficients(knots, coefficients):
    """Value and slope at the start of each piece, and its curvature.

    Parameters
    ----------
    knots : ndarray of shape (K,)
        Increasing.
    coefficients : ndarray of shape (K + 3, ...)
        Coefficients of one spline, or of several in columns.

    Returns
    -------
    value, slope, curvature : ndarray of shape (K + 1, ...)
        Those of each piece.
    """
    middle = len(knots) // 2
    value, slope, curvature = coefficients[0], coefficients[1], coefficients[2:]
    width = np.diff(knots).reshape(-1, *[1] * (coefficients.ndim - 1))
    slopes = slope + _from_middle(curvature[1:-1] * width, middle)
    values = value + _from_middle(
        width * (slopes[:-1] + curvature[1:-1] * width / 2), middle
    )
    first = np.r_[0, np.arange(len(knots))]
    return values[first], slopes[first], curvature


def _from_middle(increments, middle):
    """Cumulative sums of the increments, zero at index ``middle``."""
    sums = np.zeros((len(increments) + 1, *increments.shape[1:]))
    np.cumsum(increments[middle:], axis=0, out=sums[middle + 1 :])
    sums[:middle] = -np.cumsum(increments[:middle][::-1], axis=0)[::-1]
    return sums


class SplineDesign:
    """All splines with given knots, at given points: sums over the points.

    On each piece a spline is a polynomial, so that a sum over points is one over
    pieces, of the points' moments.

    Parameters
    ----------
    knots : ndarray of shape (K,)
        Increasing.
    z : ndarray of shape (n,)
        Points.
    """

    def __init__(self, knots, z):
        self.knots = knots
        self.piece, self.offset = locate(knots, z)
        self.counts = self._sums(None)
        # Rows: value, slope and curvature of each piece; columns: coefficients.
        self.value, self.slope, self.curvature = local_coefficients(
            knots, np.eye(len(knots) + 3)
        )

    def _sums(self, weights):
        return np.bincount(self.piece, weights, minlength=len(self.knots) + 1)

    def gram(self, value_weight, slope_weight):
        """Matrix of the mean squares of value and slope, shape (K + 3, K + 3).

        Its quadratic form is ``value_weight`` times the mean of the squared values,
        plus ``slope_weight`` times that of the squared slopes.
        """
        e = self.offset
        powers = np.ones_like(e)
        moments = []
        for _ in range(5):
            moments.append(self._sums(powers)[:, None] / len(e))
            powers = powers * e
        m0, m1, m2, m3, m4 = moments
        V, P, C = self.value, self.slope, self.curvature
        gram = value_weight * (
            V.T @ (m0 * V + m1 * P + m2 / 2 * C)
            + P.T @ (m1 * V + m2 * P + m3 / 2 * C)
            + C.T @ (m2 / 2 * V + m3 / 2 * P + m4 / 4 * C)
        )
        if slope_weight:
            gram += slope_weight * (P.T @ (m0 * P + m1 * C) + C.T @ (m1 * P + m2 * C))
        return gram

    def adjoint(self, values, slopes=None):
        """Sums over the points of ``values`` times value, plus ``slopes`` times slope.

        Parameters
        ----------
        values, slopes : ndarray of shape (n,) or None
            Weights of the points.

        Returns
        -------
        ndarray of shape (K + 3,)
            The sum for each coefficient.
        """
        total = 0.0
        if values is not None:
            total = self.value.T @ self._sums(values)
            values = values * self.offset
            total = total + self.slope.T @ self._sums(values)
            values *= self.offset
            total = total + self.curvature.T @ self._sums(values) / 2
        if slopes is not None:
            total = total + self.slope.T @ self._sums(slopes)
            total = total + self.curvature.T @ self._sums(slopes * self.offset)
        return total

    def values(self, coefficients):
        """Values at the points of the spline with these coefficients, shape (n,)."""
        value, slope, curvature = local_coefficients(self.knots, coefficients)
        e, piece = self.offset, self.piece
        return value[piece] + e * (slope[piece] + e * (curvature / 2)[piece])

    def slopes(self, coefficients):
        """Slopes at the points, shape (n,)."""
        _, slope, curvature = local_coefficients(self.knots, coefficients)
        return slope[self.piece] + self.offset * curvature[self.piece]


def quantile_knots(z, n_pieces):
    """Knots with about as many of the points z between each two.

    Parameters
    ----------
    z : ndarray of shape (n,)
        Points.
    n_pieces : int
        Number of pieces, at least 2; fewer where points coincide.

    Returns
    -------
    ndarray of shape (K,)
        Increasing, at least one.
    """
    knots = np.unique(np.quantile(z, np.arange(1, n_pieces) / n_pieces))
    # Closer ones are the same number but for rounding.
    apart = np.diff(knots, prepend=-np.inf) > 1e-9 * np.ptp(z)
    return knots[apart]


def split(spline, ends, wanted):
    """Divide pieces in two: the same function, with more coefficients.

    Parameters
    ----------
    spline : Spline
        The function.
    ends : tuple of float
        Where the outer pieces are taken to end.
    wanted : ndarray of shape (K + 1,), dtype bool
        The pieces to divide; those that rounding leaves no middle stay whole.

    Returns
    -------
    Spline
        The function on finer knots.
    """
    corners = np.r_[ends[0], spline.knots, ends[1]]
    middles = (corners[:-1] + corners[1:]) / 2
    wanted = wanted & (middles > corners[:-1]) & (middles < corners[1:])
    knots = np.sort(np.r_[spline.knots, middles[wanted]])
    piece = np.repeat(np.arange(len(wanted)), 1 + wanted)
    middle = len(knots) // 2
    value, slope = spline(knots[middle : middle + 1])
    return Spline(knots, np.r_[value, slope, spline.curvature[piece]])


def continue_with(spline, ends, curvature):
    """Replace the curvature beyond the ends where it is below another.

    Parameters
    ----------
    spline : Spline
        The function.
    ends : tuple of float
        The function stays as it is between them.
    curvature : float
        The least curvature beyond.

    Returns
    -------
    Spline
        The function, with up to two more knots.
    """
    knots, pieces = spline.knots, spline.curvature
    if pieces[0] < curvature:
        # Where the data end at a knot, or before it, the outer piece is beyond them.
        inside = ends[0] < knots[0]
        knots = np.r_[ends[0], knots] if inside else knots
        pieces = np.r_[curvature, pieces if inside else pieces[1:]]
    if pieces[-1] < curvature:
        inside = ends[1] > knots[-1]
        knots = np.r_[knots, ends[1]] if inside else knots
        pieces = np.r_[pieces if inside else pieces[:-1], curvature]
    middle = len(knots) // 2
    value, slope = spline(knots[middle : middle + 1])
    return Spline(knots, np.r_[value, slope, pieces])


def minus_quadratic(spline, curvature):
    """Spline minus ``curvature`` times z^2 / 2."""
    middle = spline.knots[len(spline.knots) // 2]
    quadratic = np.full(len(spline.coefficients), float(curvature))
    quadratic[:2] = curvature * middle**2 / 2, curvature * middle
    return Spline(spline.knots, spline.coefficients - quadratic)
