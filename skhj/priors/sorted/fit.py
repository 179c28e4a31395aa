"""Weighted singular values fitted to their envelope."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.numerics.least_squares_quadratic import fit_quadratic
from skhj.numerics.levenberg_marquardt import LevenbergMarquardt
from skhj.priors.rough_fit import RoughFit, shuffled
from skhj.priors.sorted.bases import BasisStarts, fourth_moments
from skhj.priors.sorted.singular_values import Layout, layouts_of
from skhj.priors.sorted.sorted_norm import SortedNorm

__all__ = ["SortedSolver"]


@dataclass(frozen=True)
class SortedSolver:
    """How weights, basis and center are fitted: by the steps of Gauss and Newton.

    By the envelope theorem, the envelope's derivatives are those of the norm at the
    proximal point, which is exact. Steps turn the basis; from a wrong one they end in
    other minima, so that fourth moments tell where to start, for each layout. Center
    and offset are the Euclidean norm's.

    Parameters
    ----------
    n_rivals : int, default=4
        The best starts, after few steps, that go on.
    start_samples : int, default=20_000
        Samples in which starts are found.
    samples : tuple of int, default=(1_000, 2_000, 16_000)
        Samples of the first steps, of the rivals, and of the last steps.
    steps : tuple of int, default=(6, 20, 12)
        Steps of each at most; where the values are exact, they end sooner.
    negligible : float, default=1e-26
        Share of the variance that is rounding.
    bases : BasisStarts
        Finds bases to start from.
    descent : LevenbergMarquardt
        Takes the steps.
    """

    n_rivals: int = 4
    start_samples: int = 20_000
    samples: tuple[int, ...] = (1_000, 2_000, 16_000)
    steps: tuple[int, ...] = (6, 20, 12)
    negligible: float = 1e-26
    bases: BasisStarts = BasisStarts()
    descent: LevenbergMarquardt = LevenbergMarquardt()

    def rough(self, samples, rng):
        """Tell from few samples and steps how well it may do.

        Parameters
        ----------
        samples : Samples
            Values of a value function.
        rng : RandomState
            Source of the choices.

        Returns
        -------
        RoughFit
            What was found.
        """
        units, V, values = shuffled(samples, rng)
        few = slice(self.start_samples)
        cone = self._cone(V, values)
        moments = fourth_moments(V[few], values[few], cone.center)
        states = [
            self._improved(norm, V, values, 0)
            for layout in layouts_of(V.shape[1])
            for norm in self._starts(layout, cone, moments, rng)
        ]
        states.sort(key=lambda state: state.error)
        states = [
            self._improved(state.norm, V, values, 1)
            for state in states[: self.n_rivals]
        ]
        best = min(states, key=lambda state: state.error)
        error = best.error * units.squared_error
        return RoughFit(units, V, values, best.norm, error)

    def fit(self, rough):
        """Fit a sorted norm to more samples, from a rough one.

        Parameters
        ----------
        rough : RoughFit
            Where to start.

        Returns
        -------
        SortedNorm
            In the units of the rough one.
        """
        return self._improved(rough.prior, rough.V, rough.values, 2).norm

    def _cone(self, V, values):
        """The Euclidean norm, of which center, weight and offset are the first."""
        n, d = self.samples[0], V.shape[1]
        V, values = V[:n], values[:n]
        quadratic = fit_quadratic(V, values, curvature_floor=-np.inf)
        # Directions that are all but flat do not tell where the center is.
        center = -np.linalg.pinv(quadratic.hessian, 1e-2) @ quadratic.slope
        # Where it is no minimum, the mean of the points is as good.
        center = center if np.abs(center).max() < np.abs(V).max() else 0 * center
        distances = np.linalg.norm(V - center, axis=1)
        columns = np.column_stack([distances, np.ones(len(V))])
        weight, offset = np.linalg.lstsq(columns, values, rcond=None)[0]
        weights = np.array([max(weight, 0.0)])
        cone = SortedNorm(Layout(1, 1, d), np.eye(d), weights, center, float(offset))
        return self._improved(cone, V, values, 0).norm

    def _starts(self, layout, cone, moments, rng):
        """Sorted norms along bases of both signs of the moments."""
        falling = np.arange(2 * layout.n_sizes, layout.n_sizes, -1.0)
        weights = cone.weights * falling / np.linalg.norm(falling)
        for sign in (-1, 1):
            basis = self.bases.find(layout, sign * moments, rng)
            yield cone._replace(layout=layout, basis=basis, weights=weights)

    def _improved(self, norm, V, values, stage):
        """The state after the steps of a stage."""
        rows = slice(self.samples[stage])
        state = _State.at(norm, V[rows], values[rows])
        enough = self.negligible * values.var()
        return self.descent.improved(state, self.steps[stage], enough=enough)


class _State(NamedTuple):
    """A sorted norm with its envelope at the samples."""

    norm: SortedNorm
    V: np.ndarray
    values: np.ndarray
    jacobian: np.ndarray
    errors: np.ndarray
    error: float

    @classmethod
    def at(cls, norm, V, values):
        answers, jacobian = norm.envelope(V)
        errors = values - answers
        return cls(norm, V, values, jacobian, errors, float((errors**2).mean()))

    def moved(self, step):
        """The norm changed by a step."""
        return self.at(self.norm.moved(step), self.V, self.values)

    def equations(self):
        """Normal equations of a step."""
        n, jacobian = len(self.V), self.jacobian
        return jacobian.T @ jacobian / n, jacobian.T @ self.errors / n
