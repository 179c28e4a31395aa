"""What kinds have in common that fit a prior whose prox is exact."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from skhj.priors.candidate import Candidate
from skhj.priors.kind import Kind
from skhj.priors.prox_model import ProxModel

__all__ = ["ProxKind"]


@dataclass(frozen=True)
class ProxKind(Kind):
    """Base of kinds that improve a rough fit of the prior itself.

    A subclass says which functions its models are of, how many samples it asks for, and
    what the function of a rough fit is once that is improved.

    Parameters
    ----------
    most_features : int, default=16
        Features at most, for the time of its steps.
    sure : float, default=1.5
        A rough fit has to leave less than so many times the error of what was found:
        the fit goes on from there.
    solver : object or None
        Has ``rough`` and ``fit``; None once that is done.
    """

    most_features: int = 16
    sure: float = 1.5
    solver: Any = None

    function: ClassVar[Any] = None

    def fewest_samples(self, d):
        """Samples of d features that it asks for."""
        raise NotImplementedError

    def improved(self, rough, search):
        """The prior's function, from a rough fit and more of the samples."""
        raise NotImplementedError

    def obstacle(self, samples, settings):
        """It is fitted to values."""
        return self.without_values(samples, "it is fitted to values")

    def limit(self, search):
        """Too many features, or too few samples for them."""
        fewest = self.fewest_samples(search.samples.X.shape[1])
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
        function = self.improved(search.shared(self._rough), search)
        function.to(search.settings.trainer.device)
        model = ProxModel(function, search.samples.t)
        # For want of epochs, as for splines.
        curve = np.array([search.validation_error(model)])
        return Candidate(self, model, curve, np.empty(0), ())

    def saved(self):
        """Nothing is needed for loading."""
        return replace(self, solver=None)

    def load(self, arrays, prior_arrays, *, t, method):
        """The prior's numbers are all there is."""
        return ProxModel(self.function.from_arrays(prior_arrays), t)
