"""The kind "icnn": a convex network of the potential, and a second one of the prior."""

import math
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from skhj.priors.candidate import Candidate
from skhj.priors.convex.architecture import Architecture, ICNNArchitecture
from skhj.priors.convex.batch_gauss_newton import BatchGaussNewton
from skhj.priors.convex.rough import RoughNetwork, fit_network
from skhj.priors.convex.second_network import add_prior
from skhj.priors.convex.subspace import SubspaceArchitecture
from skhj.priors.convex.subspace_fit import SubspaceFitter
from skhj.priors.kind import Kind
from skhj.priors.value_model import ValueModel

__all__ = ["ConvexNetwork"]


@dataclass(frozen=True)
class ConvexNetwork(Kind):
    """A convex network of the potential.

    Parameters
    ----------
    architecture : Architecture, default=ICNNArchitecture()
        Of the network.
    second : Architecture or None, default=None
        Of the prior's network, once there is one.
    is_rough : bool, default=False
        Whether the rough network that others start from is enough.
    far_better : float, default=0.05
        Share of the rough network's error from which a full one, trained for several
        times as long, has nothing to gain.
    most_features : int, default=64
        Features of proximal points up to which the network sees all of them, white.
    shallow_share : float, default=0.2
        Share of the epochs of the shallow branch alone. A sum of ridges is told where
        there are no samples by those along the ridges; of a deep branch nothing is.
    ending : BatchGaussNewton or None
        What follows Adam; None once that is done.
    subspace : SubspaceFitter or None
        Fits to proximal points of more; None once that is done.
    """

    architecture: Architecture = ICNNArchitecture()
    second: Architecture | None = None
    is_rough: bool = False
    far_better: float = 0.05
    most_features: int = 64
    shallow_share: float = 0.2
    ending: BatchGaussNewton | None = BatchGaussNewton()
    subspace: SubspaceFitter | None = SubspaceFitter()

    @property
    def name(self):
        """That of the architecture."""
        return self.architecture.name

    def may_gain(self, search):
        """Whether a rough network is not far behind what was found."""
        if self.is_rough or not search.found or self._sees_subspace(search):
            return True
        rough = search.shared(RoughNetwork())
        beside = self.far_better * search.validation_error(rough.model)
        return RoughNetwork().is_full(search) or not search.settles(beside)

    def fit(self, search):
        """Fit the network to the value function."""
        if self._sees_subspace(search):
            return self._fit_on_subspace(search)
        is_there = search.found and RoughNetwork().is_full(search)
        if self.is_rough or is_there:
            return search.shared(RoughNetwork())._replace(kind=self)
        return self._best_branches(search)

    def _best_branches(self, search):
        """The shallow branch alone, or the whole network: what the hold-out prefers."""
        error, shallow = np.inf, None
        if self._has_both(search):
            shallow = self._fit_shallow(search)
            error = search.validation_error(shallow.model)
        if search.is_negligible(error):
            return shallow
        whole = fit_network(self, search, search.max_iter)
        return whole if search.validation_error(whole.model) < error else shallow

    def _has_both(self, search):
        """Whether there are two branches, values, and no other wish of the user's."""
        recipe, net_params = self.architecture, search.settings.trainer.net_params
        if not isinstance(recipe, ICNNArchitecture) or net_params:
            return False
        both = recipe.hidden_layer_sizes and recipe.wide_units
        return bool(both) and search.samples.values is not None

    def _fit_shallow(self, search):
        shallow = replace(self.architecture, hidden_layer_sizes=())
        max_iter = math.ceil(self.shallow_share * search.max_iter)
        kind = replace(self, architecture=shallow)
        # Its seed is the whole network's, who must not depend on this trial.
        search = replace(search, rng=deepcopy(search.rng))
        return fit_network(kind, search, max_iter, silent=True)

    def _sees_subspace(self, search):
        """Whether proximal points have so many features that few of them matter."""
        samples, settings = search.samples, search.settings
        pairs = samples.values is None and settings.matching is None
        many = samples.X.shape[1] > self.most_features
        # A user's module may know how many features there are.
        return pairs and many and isinstance(self.architecture, ICNNArchitecture)

    def _fit_on_subspace(self, search):
        """Fit where the linear prox responds."""
        samples, seed = search.samples, search.seed()
        trainer = search.trainer(seed)
        with trainer.task("value function", search.max_iter):
            fit, whole = self.subspace.fit(samples, self.architecture, trainer, seed)
        unsettled = () if fit.converged else ("value function",)
        model = ValueModel(fit.network, samples.t)
        kind = replace(self, architecture=whole, subspace=None)
        return Candidate(kind, model, fit.loss_curve, np.empty(0), unsettled)

    def finish(self, candidate, search):
        """Fit a second network, to the prior; beside a subspace only where wanted."""
        on_subspace = isinstance(self.architecture, SubspaceArchitecture)
        if on_subspace and search.settings.prior_method in {"auto", "newton"}:
            return candidate._replace(model=candidate.model.with_prior("newton"))
        return add_prior(candidate, search)

    def saved(self):
        """The architectures are all that loading asks for."""
        return replace(self, subspace=None, ending=None)

    def load(self, arrays, prior_arrays, *, t, method):
        """Both networks."""
        prior = None if prior_arrays is None else self.second.load(prior_arrays)
        return ValueModel(self.architecture.load(arrays), t, prior, method)
