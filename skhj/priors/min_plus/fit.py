"""A minimum of quadratics fitted to samples of a value function."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from skhj.numerics.covariance import spanned
from skhj.priors.min_plus.equations import Equations
from skhj.priors.min_plus.form import Form
from skhj.priors.min_plus.function import MinPlusTables
from skhj.priors.min_plus.pieces import PieceSearch
from skhj.priors.splines.ridge_sum import ScaledSamples
from skhj.priors.splines.units import Units

__all__ = ["MinPlusSolver", "RoughFit"]


class RoughFit(NamedTuple):
    """Minima of quadratics of each form, found from some of the samples.

    Attributes
    ----------
    units : Units
        In which it is fitted.
    spans : ndarray of shape (d, r)
        Directions in which points vary.
    scaled : ScaledSamples
        The samples that are seen, by these directions.
    pieces : dict of Form to ndarray of shape (m, p)
        Parameters of the quadratics of each form that was tried, the best form first.
    error : float
        Mean squared error of the best on the samples that it saw, in their units.
    rng : RandomState
        Source of what follows.
    """

    units: Units
    spans: np.ndarray
    scaled: ScaledSamples
    pieces: dict
    error: float
    rng: np.random.RandomState


@dataclass(frozen=True)
class MinPlusSolver:
    """How a minimum of quadratics is fitted: roughly first, to tell whether it may do.

    Quadratics of one curvature each are tried first, and unless these leave nothing,
    those of any Hessian. The defaults are those that ``benchmarks/bench_min_plus.py``
    measures.

    Parameters
    ----------
    search : PieceSearch
        Finds the pieces.
    few, per_coefficient : int, default=1_000 and 30
        Samples of the rough fit, so many for each parameter of a quadratic if that is
        more.
    neighbours : int, default=10_000
        Samples among which a rough local fit looks for neighbours.
    few_rounds, rounds : int, default=6 and 3
        Rounds of the search on some of the samples at most, and then on all.
    worthwhile : float, default=0.9
        A round that leaves more than this part of the error is the last.
    hopeless : float, default=3.0
        A form is left that leaves so many times the error of the other.
    most_coefficients : int, default=300
        Parameters of a quadratic of any Hessian at most, for the time of local fits.
    most_numbers : int, default=20_000_000
        Numbers of the equations at most; of more samples a random choice is used.
    narrowest : float, default=1e-6
        Directions in which points spread by less than this part of the widest are left
        out.
    """

    search: PieceSearch = field(default_factory=PieceSearch)
    few: int = 1_000
    per_coefficient: int = 30
    neighbours: int = 10_000
    few_rounds: int = 6
    rounds: int = 3
    worthwhile: float = 0.9
    hopeless: float = 3.0
    most_coefficients: int = 300
    most_numbers: int = 20_000_000
    narrowest: float = 1e-6

    def rough(self, samples, gradient_weight, rng):
        """Tell by one round on few samples how well it may do.

        Parameters
        ----------
        samples : Samples
            Values of a value function, and gradients where known.
        gradient_weight : float
            Weight of the gradients where the values have 1.
        rng : RandomState
            Source of the choices.

        Returns
        -------
        RoughFit
            What was found.
        """
        spans, _ = spanned(samples.X[samples.seen], self.narrowest)
        seen = _coordinates(samples.take(samples.seen), spans)
        units = Units.of(seen)
        scaled = units.scaled(seen, gradient_weight)
        found = []
        for form in self._forms(scaled):
            pool = Equations.of(form, _some(scaled, self.neighbours, rng))
            few = pool.some(self._n_few(pool), rng)
            pieces, error = self.search.round(None, few, pool, rng)
            found.append((error, form, pieces))
            if self._is_nothing(error, scaled):
                break
        found.sort(key=lambda one: one[0])
        pieces = {form: pieces for _, form, pieces in found}
        error = found[0][0] * units.squared_error
        return RoughFit(units, spans, scaled, pieces, error, rng)

    def fit(self, rough, samples):
        """Fit a minimum of quadratics to all samples, from a rough one.

        Parameters
        ----------
        rough : RoughFit
            Where to start.
        samples : Samples
            Of which it is; those held out choose the form.

        Returns
        -------
        MinPlusTables
            The numbers of the function.
        """
        unseen = _coordinates(samples.take(samples.held_out), rough.spans)
        unseen = rough.units.scaled(unseen, 0.0)
        best, least = None, np.inf
        for form, pieces in self._few_improved(rough):
            quadratics = form.quadratics(self._improved(form, pieces, rough))
            values = quadratics.values(unseen.V).min(axis=1)
            error = ((values - unseen.values) ** 2).mean()
            if best is None or error < least:
                best, least = quadratics, error
            if self._is_nothing(least, rough.scaled):
                break
        return MinPlusTables.of(best, rough.units, rough.spans)

    def _forms(self, scaled):
        """Forms for which there are enough samples, the one of few parameters first."""
        n, d = scaled.V.shape
        p = Form(True).n_coefficients(d)
        enough = n >= 2 * self.search.equations_per_coefficient * p
        if d == 1 or not enough or p > self.most_coefficients:
            return (Form(False),)
        return Form(False), Form(True)

    def _few_improved(self, rough):
        """Forms and their pieces after rounds on some samples, without the hopeless."""
        improved = []
        for form, pieces in rough.pieces.items():
            pool = self._equations(form, rough)
            few = pool.some(self._n_few(pool), rough.rng)
            pieces, error = self._rounds(self.few_rounds, pieces, few, pool, rough)
            improved.append((error, form, pieces))
            if self._is_nothing(error, rough.scaled):
                break
        improved.sort(key=lambda one: one[0])
        most = self.hopeless * improved[0][0]
        return [(form, pieces) for error, form, pieces in improved if error <= most]

    def _improved(self, form, pieces, rough):
        """Pieces after rounds on all samples."""
        pool = self._equations(form, rough)
        pieces, _ = self._rounds(self.rounds, pieces, pool, pool, rough)
        return self.search.merge(pieces, pool)

    def _equations(self, form, rough):
        """As many samples as there is room for."""
        most = self.most_numbers // form.n_coefficients(rough.scaled.V.shape[1])
        return Equations.of(form, _some(rough.scaled, most, rough.rng))

    def _rounds(self, most, pieces, equations, pool, rough):
        """Rounds of the search as long as they are worthwhile."""
        pieces, error = self.search.alternate(pieces, equations)
        for _ in range(most):
            if self._is_nothing(error, rough.scaled):
                break
            before = error
            pieces, error = self.search.round(pieces, equations, pool, rough.rng)
            if error > self.worthwhile * before:
                break
        return pieces, error

    def _n_few(self, equations):
        return max(self.few, self.per_coefficient * equations.design.shape[1])

    def _is_nothing(self, error, scaled):
        """Whether an error is rounding."""
        return error <= self.search.negligible * scaled.values.var()


def _coordinates(samples, spans):
    """Samples of the same function by the coordinates ``spans.T @ x``."""
    gradients = samples.gradients
    return samples._replace(
        X=samples.X @ spans,
        gradients=None if gradients is None else gradients @ spans,
        held_out=np.zeros(len(samples.X), bool),
    )


def _some(scaled, most, rng):
    """At most so many samples, at random."""
    n = len(scaled.V)
    return scaled if n <= most else scaled.take(rng.choice(n, most, replace=False))
