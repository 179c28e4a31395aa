"""How far the data reach, to tell queries that extrapolate."""

from typing import NamedTuple

import numpy as np

from skhj.numerics.covariance import whitening_matrix
from skhj.numerics.rows import Rows, gathered

__all__ = ["DataReach", "measure_reach"]


class DataReach(NamedTuple):
    """The ellipsoid about some points, with the axes of their covariance.

    Attributes
    ----------
    center : ndarray of shape (d,)
        Mean of the points.
    whitening : ndarray of shape (d, d)
        Symmetric matrix that makes their covariance the identity.
    radius : float
        Largest whitened distance of a point from the mean.
    """

    center: np.ndarray
    whitening: np.ndarray
    radius: float

    def is_far(self, X, far=2.0, *, rounding=1e-12):
        """Tell the points that lie far outside.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Points.
        far : float, default=2.0
            How many times as far out as the farthest sample that is.
        rounding : float, default=1e-12
            Distance, as a share of the coordinates, that is no distance.

        Returns
        -------
        ndarray of shape (n,), dtype bool
            Whether each is.
        """
        away = X - self.center
        with np.errstate(over="ignore"):
            distances = np.linalg.norm(away @ self.whitening, axis=1)
        # Where all points are one, a proximal point is another by its rounding.
        size = np.abs(self.center).max() + np.abs(X).max(axis=1)
        beyond_rounding = np.abs(away).max(axis=1) > rounding * size
        return (distances > far * self.radius) & beyond_rounding


def measure_reach(X):
    """Measure how far some points reach.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.

    Returns
    -------
    DataReach
        Their ellipsoid.
    """
    center = Rows.of(X).mean()
    V = Rows.of(X).map(lambda x: x - center)
    whitening = whitening_matrix(V)
    lengths = gathered(lambda v: np.linalg.norm(v @ whitening, axis=1), V)
    return DataReach(center, whitening, float(lengths.max()))
