"""The kind "polyhedral": the prior as the largest of few affine functions."""

from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np

from skhj.priors.candidate import Candidate
from skhj.priors.kind import Kind
from skhj.priors.polyhedral.fit import PolyhedralSolver
from skhj.priors.polyhedral.function import PolyhedralFunction, PolyhedralTables
from skhj.priors.prox_model import ProxModel

__all__ = ["Polyhedral"]


@dataclass(frozen=True)
class Polyhedral(Kind):
    """The largest of few affine functions, by Gauss and Newton on its envelope.

    Parameters
    ----------
    most_features : int, default=16
        Features at most, for the time of its steps.
    samples_per_feature : int, default=40
        Samples for each feature at least: some ten for each affine function.
    sure : float, default=1.5
        A rough fit has to leave less than so many times the error of what was found:
        the fit goes on from there.
    solver : PolyhedralSolver or None
        Fits it; None once that is done.
    """

    most_features: int = 16
    samples_per_feature: int = 40
    sure: float = 1.5
    solver: PolyhedralSolver | None = field(default_factory=PolyhedralSolver)

    name = "polyhedral"

    def obstacle(self, samples, settings):
        """It is fitted to values."""
        return self.without_values(samples, "it is fitted to values")

    def limit(self, search):
        """Too many features, or too few samples for them."""
        fewest = self.samples_per_feature * search.samples.X.shape[1]
        too_many = self.too_many_features(search, self.most_features)
        return too_many or self.too_few_samples(search, fewest)

    def may_gain(self, search):
        """Whether a rough fit comes near to what was found."""
        return search.shared(self._rough).error < self.sure * search.least_error

    def _rough(self, search):
        # With a copy the choices of the other kinds do not depend on this one.
        return self.solver.rough(search.samples, deepcopy(search.rng))

    def fit(self, search):
        """Improve the rough fit by more of the samples."""
        samples, rough = search.samples, search.shared(self._rough)
        pieces, units = self.solver.fit(rough, search.least_error), rough.units
        tables = PolyhedralTables(
            units.center, units.length, units.intercept, units.time, *pieces
        )
        function = PolyhedralFunction(tables).to(search.settings.trainer.device)
        model = ProxModel(function, samples.t)
        # For want of epochs, as for splines.
        curve = np.array([search.validation_error(model)])
        return Candidate(self, model, curve, np.empty(0), ())

    def saved(self):
        """Nothing is needed for loading."""
        return replace(self, solver=None)

    def load(self, arrays, prior_arrays, *, t, method):
        """The affine functions."""
        return ProxModel(PolyhedralFunction.from_arrays(prior_arrays), t)
