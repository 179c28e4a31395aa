"""The kind "envelope": the prior as a sum of norms of affine maps."""

import math
from dataclasses import dataclass, field, replace

from skhj.numerics.covariance import spanned
from skhj.priors.candidate import Candidate
from skhj.priors.convex.architecture import Architecture
from skhj.priors.convex.rough import RoughNetwork
from skhj.priors.envelope.fit import NormEnvelope
from skhj.priors.envelope.norm_units import NormsArchitecture
from skhj.priors.kind import Kind
from skhj.priors.prior_model import PriorModel
from skhj.priors.samples import samples_of_prior

__all__ = ["Envelope"]


@dataclass(frozen=True)
class Envelope(Kind):
    """A sum of norms for the prior, trained through the minimisation over y.

    Parameters
    ----------
    start : Architecture or None, default=None
        Of the rough network of the value function, once there is one.
    norms : NormsArchitecture or None, default=None
        Of the sum of norms, once there is one.
    samples_per_weight : int, default=5
        Samples for each squared feature at least.
    most_features : int, default=16
        Features at most, for the time of its steps.
    full_steps : int, default=8
        Features up to which it takes all of its steps; their time grows faster than the
        square of the features.
    step_share, pair_share : float, default=0.8, 0.2
        Its steps, and the epochs of its fit to samples of the prior, as shares of
        ``max_iter``.
    narrowest : float, default=1e-3
        Spread, as a share of the widest, that all directions must have.
    solver : NormEnvelope or None
        Fits it; None once that is done.
    """

    start: Architecture | None = None
    norms: NormsArchitecture | None = None
    samples_per_weight: int = 5
    most_features: int = 16
    full_steps: int = 8
    step_share: float = 0.8
    pair_share: float = 0.2
    narrowest: float = 1e-3
    solver: NormEnvelope | None = field(default_factory=NormEnvelope)

    name = "envelope"

    def obstacle(self, samples, settings):
        """It is trained on values."""
        return self.without_values(samples, "it is trained on values")

    def limit(self, search):
        """Too many features, too few samples for them, or a flat direction."""
        samples, d = search.samples, search.samples.X.shape[1]
        too_many = self.too_many_features(search, self.most_features)
        limit = too_many or self.too_few_samples(search, self.samples_per_weight * d**2)
        if limit or spanned(samples.X, self.narrowest)[0].shape[1] == d:
            return limit
        return "the points hardly vary along some direction"

    def fit(self, search):
        """Fit the prior through the value function, from a rough network's."""
        rough = search.shared(RoughNetwork())
        samples, seed = search.samples, search.seed()
        slower = min(1, self.full_steps / samples.X.shape[1])
        solver = replace(
            self.solver,
            max_iter=math.ceil(self.step_share * search.max_iter * slower),
            pair_iter=math.ceil(self.pair_share * search.max_iter),
        )
        trainer = search.trainer(seed)
        with trainer.task("prior", None):
            fit = solver.fit(samples, samples_of_prior(samples, rough.model), trainer)
        kind = replace(self, start=search.settings.architecture, norms=fit.architecture)
        # That the rough network could go on does not matter: it only starts.
        unsettled = () if fit.converged else ("prior",)
        model = PriorModel(fit.network, samples.t, rough.model.function)
        return Candidate(kind, model, rough.loss_curve, fit.loss_curve, unsettled)

    def saved(self):
        """The two architectures are all that loading asks for."""
        return replace(self, solver=None)

    def load(self, arrays, prior_arrays, *, t, method):
        """The sum of norms, and the rough network."""
        start = self.start.load(arrays)
        return PriorModel(self.norms.load(prior_arrays), t, start)
