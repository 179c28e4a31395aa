"""The kind "min-plus": the value function as a minimum of few quadratics."""

from copy import deepcopy
from dataclasses import dataclass, field, replace

import numpy as np

from skhj.priors.candidate import Candidate
from skhj.priors.convex.architecture import Architecture
from skhj.priors.convex.second_network import add_prior
from skhj.priors.kind import Kind
from skhj.priors.min_plus.fit import MinPlusSolver
from skhj.priors.min_plus.function import MinPlusFunction
from skhj.priors.min_plus.model import MinPlusModel

__all__ = ["MinPlus"]


@dataclass(frozen=True)
class MinPlus(Kind):
    """A minimum of quadratics, found by local fits, assignment and least squares.

    Parameters
    ----------
    most_features : int, default=100
        Features at most, for the time of local fits.
    samples_per_weight : int, default=4
        Samples for each parameter of a quadratic at least.
    sure : float, default=2.0
        A rough fit has to leave less than so many times the error of what was found:
        the fit goes on from there, and what it sees is a sample.
    solver : MinPlusSolver or None
        Fits it; None once that is done.
    second : Architecture or None, default=None
        Of the prior's network, once there is one.
    """

    most_features: int = 100
    samples_per_weight: int = 4
    sure: float = 2.0
    solver: MinPlusSolver | None = field(default_factory=MinPlusSolver)
    second: Architecture | None = None

    name = "min-plus"

    def obstacle(self, samples, settings):
        """Which piece is active is told by values."""
        return self.without_values(
            samples, "values tell where one piece ends and another begins"
        )

    def limit(self, search):
        """Too many features, or too few samples for more than one piece."""
        d = search.samples.X.shape[1]
        return self.too_many_features(
            search, self.most_features
        ) or self.too_few_samples(search, 2 * self.samples_per_weight * (d + 2))

    def may_gain(self, search):
        """Whether a rough fit comes near to what was found, and none was improved."""
        if any(one.kind.name == self.name for one in search.found):
            return False
        rough = search.shared(_Rough(self.solver))
        return rough.error < self.sure * search.least_error

    def fit(self, search):
        """Improve the rough fit by all of the samples."""
        samples = search.samples
        tables = self.solver.fit(search.shared(_Rough(self.solver)), samples)
        function = MinPlusFunction(tables).to(search.settings.trainer.device)
        model = MinPlusModel(function, samples.t)
        # For want of epochs, as for splines.
        curve = np.array([search.validation_error(model)])
        return Candidate(self, model, curve, np.empty(0), ())

    def finish(self, candidate, search):
        """Conjugate by the pieces, unless the user wants another way."""
        if search.settings.prior_method in {"auto", "newton"}:
            return candidate
        return add_prior(candidate, search)

    def saved(self):
        """The architecture of the prior's network is all that loading asks for."""
        return replace(self, solver=None)

    def load(self, arrays, prior_arrays, *, t, method):
        """The quadratics, and the prior's network where there is one."""
        prior = None if prior_arrays is None else self.second.load(prior_arrays)
        function = MinPlusFunction.from_arrays(arrays)
        return MinPlusModel(function, t, prior, method)


@dataclass(frozen=True)
class _Rough:
    """The rough fit of a solver to the samples of a search."""

    solver: MinPlusSolver

    def __call__(self, search):
        # With a copy the choices of the other kinds do not depend on this one.
        rng = deepcopy(search.rng)
        weight = search.settings.gradient_weight
        return self.solver.rough(search.samples, weight, rng)
