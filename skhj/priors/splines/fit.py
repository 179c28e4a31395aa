"""A sum of convex splines along directions, fitted to samples of a function."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.numerics.covariance import spanned
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for
from skhj.priors.splines.basis_search import BasisSearch
from skhj.priors.splines.network import SplineNetwork
from skhj.priors.splines.profile_selection import ProfileSelection
from skhj.priors.splines.ridge_sum import base_curvature
from skhj.priors.splines.spline import continue_with, minus_quadratic
from skhj.priors.splines.tables import SplineTables, profile_tables
from skhj.priors.splines.units import Units

__all__ = ["SplineFit", "SplineSolver", "fit_splines"]


class SplineFit(NamedTuple):
    """A fitted function w.

    Attributes
    ----------
    network : SplineNetwork
        The function.
    validation_error : float
        Mean squared error of w on the hold-out; where only gradients are given, that
        of the gradients (the squared norm of the difference).
    """

    network: SplineNetwork
    validation_error: float

    @property
    def loss_curve(self):
        """The error on the hold-out, for want of epochs."""
        return np.array([self.validation_error])


@dataclass(frozen=True)
class SplineSolver:
    """How splines are fitted.

    Parameters
    ----------
    basis : BasisSearch or None, default=None
        Seeks the directions in the data; None takes those of the features.
    profiles : ProfileSelection
        Chooses knots and penalty.
    strong_convexity : float, default=1e-6
        Curvature of the potential at least, as a share of that of |x|^2 / 2: its
        conjugate is finite everywhere, and found to 1e-10 in double precision.
    outer_share : float, default=0.1
        Curvature beyond the data at least, as a share of the mean within.
    worst_basis : float, default=1e8
        Condition number beyond which directions are no basis to work in: half of the
        digits are lost by it.
    narrowest : float, default=1e-3
        Spread below which a direction has no say, as a share of the widest: a profile
        would be fitted to rounding errors.
    """

    basis: BasisSearch | None = None
    profiles: ProfileSelection = ProfileSelection()
    strong_convexity: float = 1e-6
    outer_share: float = 0.1
    worst_basis: float = 1e8
    narrowest: float = 1e-3

    def tables(self, samples, gradient_weight, rng):
        """Fit w along directions that all have a say.

        Parameters
        ----------
        samples : Samples
            Of the function w.
        gradient_weight : float
            Weight of the gradients; see `fit_splines`.
        rng : numpy.random.RandomState
            Source of the choices of the search for a basis.

        Returns
        -------
        SplineTables
            The numbers of w.
        """
        units = Units.of(samples)
        scaled = units.scaled(samples, gradient_weight)
        seen, unseen = scaled.take(samples.seen), scaled.take(samples.held_out)
        del scaled
        start = self._start(seen, unseen, rng)
        base, matrix = base_curvature(start.directions)
        fit = self.profiles.fit(
            seen.plus_quadratic(-matrix),
            unseen.plus_quadratic(-matrix),
            start,
            lower=self.strong_convexity - base,
        )
        return SplineTables(
            *units,
            start.directions,
            matrix,
            base,
            *profile_tables(self._continued(fit.ridges, base, seen.V)),
            additive=np.linalg.cond(start.directions) < self.worst_basis,
        )

    def _start(self, seen, unseen, rng):
        """Directions, and profiles of f along them, to start from."""
        axes = np.eye(seen.V.shape[1])
        if self.basis is None:
            return self.profiles.knots.start(axes, seen)
        ridges = self.basis.find(
            seen.plus_quadratic(axes),
            unseen.plus_quadratic(axes),
            lower=self.strong_convexity,
            rng=rng,
        )
        base, _ = base_curvature(ridges.directions)
        splines = map(minus_quadratic, ridges.splines, base)
        return ridges._replace(splines=tuple(splines))

    def _continued(self, ridges, base, V):
        """Profiles whose potential stays curved beyond the points."""
        splines = []
        for direction, spline, k in zip(
            ridges.directions, ridges.splines, base, strict=True
        ):
            z = V @ direction
            ends, mean = (z.min(), z.max()), k
            if ends[1] > ends[0]:
                _, slopes = spline(np.array(ends))
                mean = k + (slopes[1] - slopes[0]) / (ends[1] - ends[0])
            splines.append(continue_with(spline, ends, self.outer_share * mean - k))
        return splines


def fit_splines(samples, *, gradient_weight=1.0, rng=None, solver=None):
    """Fit w, with |x|^2 / 2 + t w(x) convex, by splines along directions.

    Parameters
    ----------
    samples : Samples
        Of the function w. Those held out decide and are not fitted.
    gradient_weight : float, default=1.0
        Weight of the gradients where the values have 1, both in units of what the
        best affine function leaves.
    rng : numpy.random.RandomState or None, default=None
        Source of the choices of the search for a basis; None takes a new one, seeded
        with 0.
    solver : SplineSolver or None, default=None
        How to fit, and along which directions; None takes those of the features.

    Returns
    -------
    SplineFit
        The function and its error on the hold-out.

    Raises
    ------
    ValueError
        If the points, the values and the time are of sizes whose ratios are no finite
        numbers.
    """
    solver = SplineSolver() if solver is None else solver
    rng = np.random.RandomState(0) if rng is None else rng
    spans, rest = spanned(samples.X[samples.seen], solver.narrowest)
    is_flat = rest.shape[1] > 0
    inside = _coordinates(samples, spans) if is_flat else samples
    tables = solver.tables(inside, gradient_weight, rng)
    if is_flat:
        center = samples.X[samples.seen].mean(axis=0)
        tables = tables.lifted(spans, rest, center)
    network = SplineNetwork(tables)
    return SplineFit(network, _error(network, samples.take(samples.held_out)))


def _coordinates(samples, spans):
    """Samples of the same function by the coordinates ``spans.T @ x``."""
    X, gradients = samples.X @ spans, samples.gradients
    return samples._replace(
        X=X, gradients=None if gradients is None else gradients @ spans
    )


def _error(network, samples):
    """Mean squared error of the values, or of the gradients where no value is known."""
    with threads_for(samples.X.size):
        value, slope = network.value_and_gradient_at(to_tensor(samples.X))
    with np.errstate(over="ignore", invalid="ignore"):
        if samples.values is not None:
            return float(np.mean((value.numpy() - samples.values) ** 2))
        return float(np.mean(((slope.numpy() - samples.gradients) ** 2).sum(axis=1)))
