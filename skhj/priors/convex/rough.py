"""A network of the value function, in full or rough, for others to start from."""

import math
from dataclasses import dataclass

import numpy as np

from skhj.priors.candidate import Candidate
from skhj.priors.convex.fit import SemiconvexFitter
from skhj.priors.value_model import ValueModel

__all__ = ["RoughNetwork", "fit_network"]


@dataclass(frozen=True)
class RoughNetwork:
    """A network of fewer epochs; called with a search, it trains one.

    Parameters
    ----------
    share : float, default=0.2
        Share of the epochs.
    fewest_steps : int, default=1500
        Steps at least: from the gradients of a rougher one the prior's side may not
        start.
    small : int, default=2000
        Samples up to which training costs so little that it need not be rough.
    """

    share: float = 0.2
    fewest_steps: int = 1500
    small: int = 2000

    def is_full(self, search):
        """Whether all epochs are run, so that it need not be trained again."""
        return search.samples.n_seen <= self.small

    def epochs(self, search):
        """Number of its epochs."""
        max_iter = search.max_iter
        if search.found and self.is_full(search):
            return max_iter
        steps = search.settings.trainer.schedule.n_steps(search.samples.n_seen)
        return math.ceil(
            max_iter * min(1.0, max(self.share, self.fewest_steps / steps))
        )

    def __call__(self, search):
        """Candidate of the search's architecture, for no kind yet."""
        return fit_network(None, search, self.epochs(search))


def fit_network(kind, search, max_iter, *, silent=False):
    """Fit a convex network to the value function of a search.

    Parameters
    ----------
    kind : Kind or None
        What the candidate is of.
    search : PriorSearch
        Samples and settings.
    max_iter : int
        Epochs at most.
    silent : bool, default=False
        Whether nobody is told of it.

    Returns
    -------
    Candidate
        A model of the value function.
    """
    samples, settings, seed = search.samples, search.settings, search.seed()
    matching = settings.matching if samples.values is None else None
    architecture = settings.architecture if kind is None else kind.architecture
    core = architecture.core(samples.X.shape[1], seed)
    trainer = search.trainer(seed, max_iter)
    trainer = trainer.silent() if silent else trainer
    ending = None if kind is None else kind.ending
    fitter = SemiconvexFitter(settings.gradient_weight, matching, ending)
    # Matching adds epochs; None says that their number is not known.
    with trainer.task("value function", max_iter if matching is None else None):
        fit = fitter.fit(core, samples.negated(), trainer)
    unsettled = () if fit.converged else ("value function",)
    model = ValueModel(fit.network, samples.t)
    return Candidate(kind, model, fit.loss_curve, np.empty(0), unsettled)
