"""A maximum of affine functions fitted to its envelope."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.numerics.least_squares_quadratic import fit_quadratic
from skhj.numerics.levenberg_marquardt import LevenbergMarquardt
from skhj.priors.polyhedral.affine_maximum import AffineMaximum
from skhj.priors.rough_fit import RoughFit, shuffled

__all__ = ["PolyhedralSolver"]


@dataclass(frozen=True)
class PolyhedralSolver:
    r"""How a maximum of affine functions is fitted: by the steps of Gauss and Newton.

    With :math:`\lambda_k` the weights of the affine functions that are active at the
    proximal point u of v, the envelope's derivatives by slope and offset are
    :math:`\lambda_k u` and :math:`\lambda_k`: exact, without any smoothing. Those that
    are active nowhere are dropped as the samples become more. The start is tangents of
    the best quadratic at random points.

    Parameters
    ----------
    per_feature, fewest, most : int, default=4, 24 and 64
        Affine functions to start with: for each feature, at least, and at most. It is
        twice as many as the maximum norm has, since some find no use.
    samples : tuple of int, default=(1_000, 2_000, 8_000)
        Samples of the rough fit, and of those that follow.
    steps : tuple of int, default=(8, 30, 12)
        Steps of each at most; where the values are exact, they end sooner.
    spread : float, default=1.5
        How far out tangents start, as a multiple of the points: the steep ones are met
        by few samples.
    negligible : float, default=1e-26
        Share of the variance that is rounding.
    descent : LevenbergMarquardt
        Takes the steps.
    """

    per_feature: int = 4
    fewest: int = 24
    most: int = 64
    samples: tuple[int, ...] = (1_000, 2_000, 8_000)
    steps: tuple[int, ...] = (8, 30, 12)
    spread: float = 1.5
    negligible: float = 1e-26
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
        few = self.samples[0]
        start = self._start(V[:few], values[:few], rng)
        pieces, error = self._improved(start, V[:few], values[:few], self.steps[0])
        return RoughFit(units, V, values, pieces, error * units.squared_error)

    def fit(self, rough, enough=np.inf):
        """Fit a maximum of affine functions to more samples, from a rough one.

        Parameters
        ----------
        rough : RoughFit
            Where to start.
        enough : float, default=inf
            Mean squared error that has been reached otherwise: if it is not, the steps
            on most samples are spared.

        Returns
        -------
        AffineMaximum
            In the units of the rough one.
        """
        pieces, unit = rough.prior, rough.units.squared_error
        for n, n_steps in zip(self.samples[1:], self.steps[1:], strict=True):
            V, values = rough.V[:n], rough.values[:n]
            pieces, error = self._improved(pieces, V, values, n_steps)
            if error * unit > enough:
                break
        return pieces

    def _start(self, V, values, rng):
        """Affine functions whose envelopes are tangents of the best quadratic."""
        d = V.shape[1]
        quadratic = fit_quadratic(V, values, curvature_floor=-np.inf)
        m = min(max(self.per_feature * d, self.fewest), self.most, len(V))
        points = self.spread * V[rng.choice(len(V), m, replace=False)]
        slopes = quadratic.slope + points @ quadratic.hessian
        squares = (slopes * slopes).sum(axis=1) / 2
        return AffineMaximum(
            slopes, quadratic(points) - (slopes * points).sum(axis=1) + squares
        )

    def _improved(self, pieces, V, values, n_steps):
        """Pieces after some steps, without those that no sample uses, and the error."""
        state = _State.at(pieces, V, values)
        enough = self.negligible * values.var()
        state = self.descent.improved(state, n_steps, enough=enough)
        used = (state.weights > 0).sum(axis=0) > V.shape[1]
        used[state.weights.sum(axis=0).argmax()] = True
        return state.pieces.take(used), state.error


class _State(NamedTuple):
    """Pieces with their envelope at the samples."""

    V: np.ndarray
    values: np.ndarray
    pieces: AffineMaximum
    answers: np.ndarray
    weights: np.ndarray
    points: np.ndarray
    error: float

    @classmethod
    def at(cls, pieces, V, values):
        answers, minimum = pieces.envelope(V)
        error = float(((answers - values) ** 2).mean())
        return cls(
            V, values, pieces, answers, minimum.weights, V + minimum.point, error
        )

    def moved(self, step):
        """The pieces changed by a step."""
        pieces = self.pieces.moved(step.reshape(-1, self.V.shape[1] + 1))
        return self.at(pieces, self.V, self.values)

    def equations(self):
        """Normal equations of a step."""
        V, values = self.V, self.values
        by_slope = self.weights[:, :, None] * self.points[:, None, :]
        jacobian = np.dstack([by_slope, self.weights]).reshape(len(V), -1)
        n = len(V)
        return jacobian.T @ jacobian / n, jacobian.T @ (values - self.answers) / n
