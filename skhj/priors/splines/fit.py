"""A sum of convex splines along directions, fitted to samples of a function."""

from typing import NamedTuple

import numpy as np
import torch

from skhj.priors.splines.backfit import RidgeSum, Samples
from skhj.priors.splines.bases import base_curvature
from skhj.priors.splines.basis_search import search_basis
from skhj.priors.splines.knots import fit_profiles, start_profiles
from skhj.priors.splines.network import RidgeNetwork
from skhj.priors.splines.spline import (
    continue_with,
    local_coefficients,
    minus_quadratic,
)

__all__ = ["RidgeFit", "fit_ridge", "spanned"]

# Curvature of the potential at least, as a share of that of |x|^2 / 2: its conjugate
# is finite everywhere. Beyond the data it is at least a share of the mean within.
STRONG_CONVEXITY, OUTER_SHARE = 1e-6, 0.1
# Points at which the Hessians of a rough fit are compared, and the condition number
# beyond which directions are no basis to work in.
N_HESSIANS, WORST_BASIS = 400, 1e8
# Spread below which a direction has no say, as a share of the widest.
NARROWEST = 1e-3


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
    start="axes",
    gradient_weight=1.0,
    rng=None,
    rough_network=None,
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
    start : {"axes", "basis"}, default="axes"
        Directions: those of the features, or a basis sought in the data.
    gradient_weight : float, default=1.0
        Weight of the gradients where the values have 1, both in units of what the
        best affine function leaves.
    rng : numpy.random.RandomState or None, default=None
        Source of the choices of the search; None takes a new one, seeded with 0.
    rough_network : object or None, default=None
        A rough fit of w, whose method ``hessian_at`` gives Hessians to start the
        search from, besides those found in the data.

    Returns
    -------
    RidgeFit
        The function and its error on the hold-out.
    """
    spans, rest = spanned(X[~held_out])
    if rest.shape[1]:
        # Along the other directions a profile would be fitted to rounding errors.
        fit = fit_ridge(
            X @ spans,
            w,
            None if gradient is None else gradient @ spans,
            t=t,
            held_out=held_out,
            start=start,
            gradient_weight=gradient_weight,
            rng=rng,
        )
        return fit._replace(network=_lifted(fit.network, X[~held_out], spans, rest))
    units = _Units(X[~held_out], _rows(w, ~held_out), t)
    samples = units.samples(X, w, gradient, gradient_weight, ~held_out)
    directions, splines = np.eye(X.shape[1]), None
    if start == "basis":
        rng = np.random.RandomState(0) if rng is None else rng
        potential = _plus_quadratic(samples, np.eye(X.shape[1]))
        hessians = None
        if rough_network is not None:
            few = rng.permutation(np.flatnonzero(~held_out))[:N_HESSIANS]
            hessians = units.hessians(rough_network, X[few])
        directions, splines = search_basis(
            potential.take(~held_out),
            potential.take(held_out),
            lower=STRONG_CONVEXITY,
            rng=rng,
            hessians=hessians,
        )
    base, matrix = base_curvature(directions)
    samples = _plus_quadratic(samples, -matrix)
    seen, unseen = samples.take(~held_out), samples.take(held_out)
    if splines is None:
        ridges = start_profiles(directions, seen)
    else:
        ridges = RidgeSum(directions, tuple(map(minus_quadratic, splines, base)))
    fit = fit_profiles(seen, unseen, ridges, lower=STRONG_CONVEXITY - base)
    network = units.network(fit.ridges, base, matrix, seen.V)
    return RidgeFit(
        network,
        _error(network, X[held_out], *(_rows(a, held_out) for a in (w, gradient))),
        len(directions),
        sum(len(spline.coefficients) for spline in fit.ridges.splines),
        fit.penalty,
    )


def spanned(X):
    """Orthonormal directions in which points vary, and the others, as columns.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.

    Returns
    -------
    spans, rest : ndarray of shape (d, r) and (d, d - r)
        Directions of at least a thousandth of the widest spread, and of less.
    """
    V = X - X.mean(axis=0)
    V = V / (np.abs(V).max() or 1.0)
    variances, directions = np.linalg.eigh(V.T @ V)
    keep = variances > NARROWEST**2 * variances[-1]
    keep[-1] = True
    columns = V.std(axis=0)
    narrow = columns <= NARROWEST * columns.max()
    if narrow.sum() == (~keep).sum():  # The other columns keep their axes.
        directions, keep = np.eye(len(columns)), ~narrow
    return directions[:, keep], directions[:, ~keep]


def _lifted(network, X, spans, rest):
    """The same function of the coordinates ``spans.T @ x``, in all of the space."""
    arrays = network.to_arrays()
    n_more = rest.shape[1]
    # Profiles that are zero: there psi is |x|^2 / 2 alone, and the prox stays put.
    fill = {"knots": np.inf, "values": 0.0, "slopes": 0.0, "curvatures": 0.0}
    for name, value in fill.items():
        more = np.full((n_more, arrays[name].shape[1]), value)
        arrays[name] = np.vstack([arrays[name], more])
    arrays["base_curvature"] = np.r_[arrays["base_curvature"], np.ones(n_more)]
    arrays["directions"] = np.vstack([arrays["directions"] @ spans.T, rest.T])
    arrays["matrix"] = spans @ arrays["matrix"] @ spans.T
    arrays["unit_center"] = X.mean(axis=0)
    return RidgeNetwork.from_arrays(arrays)


def _plus_quadratic(samples, matrix):
    """Samples of the function plus <v, matrix v> / 2."""
    if not matrix.any():
        return samples
    V, values, gradients = samples.V, samples.values, samples.gradients
    image = V @ matrix
    if values is not None:
        values = values + (image * V).sum(axis=1) / 2
    if gradients is not None:
        gradients = gradients + image
    return samples._replace(values=values, gradients=gradients)


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
        with np.errstate(over="ignore", divide="ignore"):
            sizes = np.array([self.intercept, np.square(self.length) / t, t])
            sizes = np.r_[sizes, t / np.square(self.length)]
        if not np.isfinite(sizes).all():
            raise ValueError(
                "X, y and t must be of sizes whose squares and ratios are finite "
                f"numbers, got points of spread {self.length:.3g} and t={t:.3g}"
            )

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

    def hessians(self, network, X):
        """Hessians of the potential in these units, from those of w."""
        hessians = network.hessian_at(torch.as_tensor(X)).cpu().numpy()
        return np.eye(X.shape[1]) + self.time * hessians

    def network(self, ridges, base, matrix, V):
        tables = []
        for direction, spline, k in zip(
            ridges.directions, ridges.splines, base, strict=True
        ):
            z = V @ direction
            ends = (z.min(), z.max())
            _, slopes = spline(np.array(ends))
            mean = k
            if ends[1] > ends[0]:
                mean += (slopes[1] - slopes[0]) / (ends[1] - ends[0])
            spline = continue_with(spline, ends, OUTER_SHARE * mean - k)
            tables.append(
                (spline.knots, *local_coefficients(spline.knots, spline.coefficients))
            )
        n_knots = max(len(knots) for knots, *_ in tables)

        def padded(column, width, fill):
            table = np.full((len(tables), width), fill)
            for row, entries in zip(table, tables, strict=True):
                row[: len(entries[column])] = entries[column]
            return table

        square = ridges.directions.shape[0] == ridges.directions.shape[1]
        return RidgeNetwork(
            center=self.center,
            length=self.length,
            intercept=self.intercept,
            time=self.time,
            directions=ridges.directions,
            matrix=matrix,
            base_curvature=base,
            knots=padded(0, n_knots, np.inf),
            values=padded(1, n_knots + 1, 0.0),
            slopes=padded(2, n_knots + 1, 0.0),
            curvatures=padded(3, n_knots + 1, 0.0),
            additive=square and np.linalg.cond(ridges.directions) < WORST_BASIS,
        )
