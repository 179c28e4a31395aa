"""A sum of convex splines along directions, fitted to samples of a function."""

from typing import NamedTuple

import numpy as np
import torch

from skhj.convex_splines import continue_with, local_coefficients
from skhj.networks import RidgeNetwork
from skhj.profile_selection import fit_profiles, start_profiles
from skhj.ridge_profiles import Samples

__all__ = ["RidgeFit", "fit_ridge"]

# Curvature of the potential at least, as a share of that of |x|^2 / 2: its conjugate
# is finite everywhere. Beyond the data it is at least a share of the mean within.
STRONG_CONVEXITY, OUTER_SHARE = 1e-6, 0.1


class RidgeFit(NamedTuple):
    """A fitted function w.

    Attributes
    ----------
    network : RidgeNetwork
        The function.
    validation_error : float
        Mean squared error of w on the hold-out; where only gradients are given, that
        of the gradients (the squared norm of the difference).
    n_directions : int
        Number of directions.
    n_coefficients : int
        Number of coefficients of the profiles.
    penalty : float
        Weight of the profiles' roughness that the hold-out chose.
    """

    network: RidgeNetwork
    validation_error: float
    n_directions: int
    n_coefficients: int
    penalty: float
    converged = True

    @property
    def loss_curve(self):
        """The error on the hold-out, for want of epochs."""
        return np.array([self.validation_error])


def fit_ridge(
    X,
    w,
    gradient=None,
    *,
    t,
    held_out,
    gradient_weight=1.0,
):
    """Fit w, with |x|^2 / 2 + t w(x) convex, by splines along directions.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    w : ndarray of shape (n,) or None
        Values; None fits the gradients alone.
    gradient : ndarray of shape (n, d) or None, default=None
        Gradients of w; None fits the values alone.
    t : float
        Time.
    held_out : ndarray of shape (n,), dtype bool
        Samples that decide and are not fitted.
    gradient_weight : float, default=1.0
        Weight of the gradients where the values have 1, both in units of what the
        best affine function leaves.

    Returns
    -------
    RidgeFit
        The function and its error on the hold-out.
    """
    units = _Units(X[~held_out], _rows(w, ~held_out), t)
    samples = units.samples(X, w, gradient, gradient_weight, ~held_out)
    seen, unseen = samples.take(~held_out), samples.take(held_out)
    directions = np.eye(X.shape[1])
    lower = np.full(len(directions), STRONG_CONVEXITY - 1.0)
    fit = fit_profiles(seen, unseen, start_profiles(directions, seen), lower=lower)
    network = units.network(fit.ridges, seen.V)
    return RidgeFit(
        network,
        _error(network, X[held_out], *(_rows(a, held_out) for a in (w, gradient))),
        len(directions),
        sum(len(spline.coefficients) for spline in fit.ridges.splines),
        fit.penalty,
    )


def _rows(array, rows):
    return None if array is None else array[rows]


def _error(network, X, w, gradient):
    """Mean squared error of the values, or of the gradients where no value is known."""
    value, slope = network.value_and_gradient_at(torch.as_tensor(X))
    if w is not None:
        return float(np.mean((value.numpy() - w) ** 2))
    return float(np.mean(((slope.numpy() - gradient) ** 2).sum(axis=1)))


class _Units:
    """Centred and scaled units v = (x - m) / s, f = (t / s^2) (w - e)."""

    def __init__(self, X, w, t):
        self.center = X.mean(axis=0)
        self.length = float(np.sqrt(((X - self.center) ** 2).mean())) or 1.0
        self.intercept = 0.0 if w is None else float(w.mean())
        self.time = t

    def samples(self, X, w, gradient, gradient_weight, rows):
        s = self.length
        values = None if w is None else (self.time / s**2) * (w - self.intercept)
        gradients = None if gradient is None else (self.time / s) * gradient
        value_weight = 1.0
        if values is not None and gradients is not None:
            V = (X[rows] - self.center) / s
            left = values[rows] - V @ np.linalg.lstsq(V, values[rows])[0]
            varied = gradients[rows] - gradients[rows].mean(axis=0)
            gradient_weight *= (left**2).mean() / max((varied**2).sum(1).mean(), 1e-300)
        return Samples(
            (X - self.center) / s, values, gradients, value_weight, gradient_weight
        )

    def network(self, ridges, V):
        tables = []
        for direction, spline in zip(ridges.directions, ridges.splines, strict=True):
            z = V @ direction
            ends = (z.min(), z.max())
            _, slopes = spline(np.array(ends))
            mean = 1.0
            if ends[1] > ends[0]:
                mean += (slopes[1] - slopes[0]) / (ends[1] - ends[0])
            spline = continue_with(spline, ends, OUTER_SHARE * mean - 1.0)
            tables.append(
                (spline.knots, *local_coefficients(spline.knots, spline.coefficients))
            )
        n_knots = max(len(knots) for knots, *_ in tables)

        def padded(column, width, fill):
            table = np.full((len(tables), width), fill)
            for row, entries in zip(table, tables, strict=True):
                row[: len(entries[column])] = entries[column]
            return table

        d = V.shape[1]
        return RidgeNetwork(
            center=self.center,
            length=self.length,
            intercept=self.intercept,
            time=self.time,
            directions=ridges.directions,
            matrix=np.zeros((d, d)),
            base_curvature=np.ones(d),
            knots=padded(0, n_knots, np.inf),
            values=padded(1, n_knots + 1, 0.0),
            slopes=padded(2, n_knots + 1, 0.0),
            curvatures=padded(3, n_knots + 1, 0.0),
            additive=True,
        )
