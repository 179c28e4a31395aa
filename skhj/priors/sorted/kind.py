"""The kind "sorted": the prior as weighted singular values, the largest first."""

from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np

from skhj.priors.candidate import Candidate
from skhj.priors.kind import Kind
from skhj.priors.prox_model import ProxModel
from skhj.priors.sorted.fit import SortedSolver
from skhj.priors.sorted.function import SortedFunction

__all__ = ["Sorted"]


@dataclass(frozen=True)
class Sorted(Kind):
    """Weighted singular values in a basis, by Gauss and Newton on their envelope.

    Parameters
    ----------
    most_features : int, default=16
        Features at most, for the time of its steps.
    samples_per_weight : int, default=5
        Samples for each squared feature at least; a rotation has half as many numbers.
    sure : float, default=1.5
        A rough fit has to leave less than so many times the error of what was found:
        the fit goes on from there.
    solver : SortedSolver or None
        Fits it; None once that is done.
    """

    most_features: int = 16
    samples_per_weight: int = 5
    sure: float = 1.5
    solver: SortedSolver | None = field(default_factory=SortedSolver)

    name = "sorted"

    def obstacle(self, samples, settings):
        """It is fitted to values."""
        return self.without_values(samples, "it is fitted to values")

    def limit(self, search):
        """Too many features, or too few samples for them."""
        fewest = self.samples_per_weight * search.samples.X.shape[1] ** 2
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
        rough = search.shared(self._rough)
        function = SortedFunction.of(self.solver.fit(rough), rough.units)
        function.to(search.settings.trainer.device)
        model = ProxModel(function, search.samples.t)
        # For want of epochs, as for splines.
        curve = np.array([search.validation_error(model)])
        return Candidate(self, model, curve, np.empty(0), ())

    def saved(self):
        """Nothing is needed for loading."""
        return replace(self, solver=None)

    def load(self, arrays, prior_arrays, *, t, method):
        """The weights, the basis and the center."""
        return ProxModel(SortedFunction.from_arrays(prior_arrays), t)
