"""The kind "icnn": a convex network of the potential, and a second one of the prior."""

from dataclasses import dataclass

from skhj.priors.convex.architecture import Architecture, ICNNArchitecture
from skhj.priors.convex.rough import RoughNetwork, fit_network
from skhj.priors.convex.second_network import add_prior
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
    """

    architecture: Architecture = ICNNArchitecture()
    second: Architecture | None = None
    is_rough: bool = False
    far_better: float = 0.05

    @property
    def name(self):
        """That of the architecture."""
        return self.architecture.name

    def may_gain(self, search):
        """Whether a rough network is not far behind what was found."""
        if self.is_rough or not search.found:
            return True
        rough = search.shared(RoughNetwork())
        beside = self.far_better * search.validation_error(rough.model)
        return RoughNetwork().is_full(search) or not search.settles(beside)

    def fit(self, search):
        """Fit the network to the value function."""
        is_there = search.found and RoughNetwork().is_full(search)
        if self.is_rough or is_there:
            return search.shared(RoughNetwork())._replace(kind=self)
        return fit_network(self, search, search.max_iter)

    def finish(self, candidate, search):
        """Fit a second network, to the prior."""
        return add_prior(candidate, search)

    def load(self, arrays, prior_arrays, *, t, method):
        """Both networks."""
        prior = None if prior_arrays is None else self.second.load(prior_arrays)
        return ValueModel(self.architecture.load(arrays), t, prior, method)
