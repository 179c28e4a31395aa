"""The numbers of a fitted sum of splines."""

from typing import NamedTuple

import numpy as np

from skhj.priors.splines.spline import local_coefficients

__all__ = ["ProfileTables", "SplineTables", "profile_tables"]


class SplineTables(NamedTuple):
    r"""Numbers of the function w(x) of `SplineNetwork`, whose formula has their names.

    Attributes
    ----------
    unit_center : ndarray of shape (d,)
        The point m.
    unit_length : float
        The scale s, positive.
    unit_intercept : float
        The number e.
    time : float
        The time t.
    directions : ndarray of shape (m, d)
        The vectors a_j.
    matrix : ndarray of shape (d, d)
        The matrix C, symmetric.
    base_curvature : ndarray of shape (m,)
        The numbers k_j; 0 for directions beyond a basis.
    knots : ndarray of shape (m, K)
        Increasing knots of each f_j, padded by infinity.
    values, slopes, curvatures : ndarray of shape (m, K + 1)
        Value and slope of f_j at the knot to the left of each piece (at the first
        knot for the leftmost), and its curvature, above -k_j.
    additive : bool
        Whether the directions are a basis in which the potential is a sum.
    """

    unit_center: np.ndarray
    unit_length: float
    unit_intercept: float
    time: float
    directions: np.ndarray
    matrix: np.ndarray
    base_curvature: np.ndarray
    knots: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    curvatures: np.ndarray
    additive: bool

    def lifted(self, spans, rest, center):
        """The same function of the coordinates ``spans.T @ x``, in all of the space.

        Parameters
        ----------
        spans, rest : ndarray of shape (d, r) and (d, d - r)
            Orthonormal directions that the coordinates are of, and the others.
        center : ndarray of shape (d,)
            The center, in all of the space.

        Returns
        -------
        SplineTables
            Profiles along the other directions are zero: there the potential is
            |x|^2 / 2 alone, and the prox stays put.
        """

        def padded(table, value):
            more = np.full((rest.shape[1], table.shape[1]), value)
            return np.vstack([table, more])

        return self._replace(
            unit_center=center,
            directions=np.vstack([self.directions @ spans.T, rest.T]),
            matrix=spans @ self.matrix @ spans.T,
            base_curvature=np.r_[self.base_curvature, np.ones(rest.shape[1])],
            knots=padded(self.knots, np.inf),
            values=padded(self.values, 0.0),
            slopes=padded(self.slopes, 0.0),
            curvatures=padded(self.curvatures, 0.0),
        )


class ProfileTables(NamedTuple):
    """Splines side by side, padded to the same number of pieces; see `SplineTables`."""

    knots: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    curvatures: np.ndarray


def profile_tables(splines):
    """Put splines side by side.

    Parameters
    ----------
    splines : sequence of Spline
        The functions f_j.

    Returns
    -------
    ProfileTables
        Their knots and the polynomials of their pieces.
    """
    rows = [(s.knots, *local_coefficients(s.knots, s.coefficients)) for s in splines]
    knots, *pieces = zip(*rows, strict=True)
    return ProfileTables(
        _padded(knots, np.inf), *(_padded(column, 0.0) for column in pieces)
    )


def _padded(rows, fill):
    table = np.full((len(rows), max(map(len, rows))), fill)
    for row, entries in zip(table, rows, strict=True):
        row[: len(entries)] = entries
    return table
