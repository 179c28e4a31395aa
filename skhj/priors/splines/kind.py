"""The kind "ridge": convex splines along the axes or along a basis that is found."""

from dataclasses import dataclass, field, replace

import numpy as np

from skhj.priors.candidate import Candidate
from skhj.priors.convex.architecture import Architecture
from skhj.priors.convex.second_network import add_prior
from skhj.priors.kind import Kind
from skhj.priors.splines.fit import SplineSolver, fit_splines
from skhj.priors.splines.network import SplineNetwork
from skhj.priors.value_model import ValueModel

__all__ = ["Splines"]


@dataclass(frozen=True)
class Splines(Kind):
    """A sum of convex splines for the potential.

    Parameters
    ----------
    directions : {"axes", "basis"}, default="axes"
        What ``label`` calls them.
    solver : SplineSolver or None
        Fits along the axes, or with a search for a basis; None once that is done.
    second : Architecture or None, default=None
        Of the prior's network, once there is one.
    most_features : int, default=300
        Features up to which a basis is sought in gradients, for the time that takes.
    """

    directions: str = "axes"
    solver: SplineSolver | None = field(default_factory=SplineSolver)
    second: Architecture | None = None
    most_features: int = 300

    name = "ridge"

    @property
    def label(self):
        """The name with the directions."""
        return f"{self.name} ({self.directions})"

    def obstacle(self, samples, settings):
        """Splines know the squared error only."""
        if settings.matching is None:
            return ""
        return (
            "prox_loss='matching' needs target='prox' and a network that is not "
            f"'ridge', got target='prox' and network={self.name!r}"
        )

    def limit(self, search):
        """Too many features for a basis; fewer, but none is found in values alone."""
        if self.solver.basis is None:
            return ""
        with_gradients = search.samples.gradients is not None
        basis = self.solver.basis
        most = self.most_features if with_gradients else basis.most_features
        return self.too_many_features(search, most)

    def fit(self, search):
        """Fit the splines to the value function."""
        samples, settings = search.samples, search.settings
        fit = fit_splines(
            samples.negated(),
            gradient_weight=settings.gradient_weight,
            rng=search.rng,
            solver=self.solver,
        )
        model = ValueModel(fit.network.to(settings.trainer.device), samples.t)
        return Candidate(self, model, fit.loss_curve, np.empty(0), ())

    def finish(self, candidate, search):
        """Conjugate in closed form, unless the user wants another way."""
        if search.settings.prior_method not in {"auto", "newton"}:
            return add_prior(candidate, search)
        model = candidate.model
        method = "exact" if model.function.is_additive else "newton"
        return candidate._replace(model=model.with_prior(method))

    def saved(self):
        """The architecture of the prior's network is all that loading asks for."""
        return replace(self, solver=None)

    def load(self, arrays, prior_arrays, *, t, method):
        """The splines, and the prior's network where there is one."""
        prior = None if prior_arrays is None else self.second.load(prior_arrays)
        return ValueModel(SplineNetwork.from_arrays(arrays), t, prior, method)
