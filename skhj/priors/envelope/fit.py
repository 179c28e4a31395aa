"""A prior fitted to its value function, through the minimisation that makes it one."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from skhj.numerics.tensors import to_tensor
from skhj.priors.convex.fit import SemiconvexFitter
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.envelope.descent import Refinement, Targets
from skhj.priors.envelope.gauss_newton import GaussNewton
from skhj.priors.envelope.lax_oleinik import MoreauEnvelope
from skhj.priors.envelope.norm_units import NormsArchitecture

__all__ = ["EnvelopeFit", "NormEnvelope", "NormSum"]


class EnvelopeFit(NamedTuple):
    """A fitted prior, and how its training went.

    Attributes
    ----------
    network : SemiconvexNetwork
        The prior, in double precision.
    training : Refinement
        Losses, in units of what the best quadratic leaves.
    converged : bool
        Whether progress ended before the steps did, or the loss is negligible.
    architecture : NormsArchitecture
        Of the network's core.
    """

    network: SemiconvexNetwork
    training: Refinement
    converged: bool
    architecture: NormsArchitecture

    @property
    def loss_curve(self):
        """Training loss of each step."""
        return self.training.loss_curve


class NormSum(NamedTuple):
    """A sum of norms that is tried.

    Attributes
    ----------
    n_units : int
        Number of norms.
    rank : int
        Rows of each; one for ridges.
    pair_share : float
        Share of the epochs of the fit to samples of the prior. Ridges find their
        directions later, by the descent.
    """

    n_units: int
    rank: int
    pair_share: float


@dataclass(frozen=True)
class NormEnvelope:
    """Sums of norms of affine maps, fitted to a value function; the best one is kept.

    Few and many norms of one row (ridges), norms of two rows, and some of as many as
    there are features are fitted to samples of the prior. All of them improve, a few
    steps at a time, until they are hopelessly behind the best on the hold-out. The
    defaults are those that ``benchmarks/bench_generalisation.py`` measures.

    Parameters
    ----------
    max_iter : int, default=80
        Largest number of steps of Gauss and Newton.
    pair_iter : int, default=20
        Epochs of the fit to samples of the prior.
    full_rank_units : int, default=4
        Norms of as many rows as there are features.
    few, pairs, many : int, default=3, 3, 6
        Few ridges, norms of two rows, and many ridges, in multiples of the number of
        features.
    left_over : float, default=3e-3
        Share of what a quadratic leaves above which many ridges join the others.
    samples_per_weight : int, default=4
        Samples that each weight asks for: fewer leave fewer norms.
    first_steps, more_steps : int, default=25, 10
        Steps of each before the losses are compared, and between.
    hopeless : float, default=10.0
        Multiple of the least loss from which one is left behind.
    negligible, matters : float, default=1e-6, 1e-3
        Loss that ends the race, and one below which it does not matter that steps could
        go on.
    descent : GaussNewton
        How each of them improves.
    """

    max_iter: int = 80
    pair_iter: int = 20
    full_rank_units: int = 4
    few: int = 3
    pairs: int = 3
    many: int = 6
    left_over: float = 3e-3
    samples_per_weight: int = 4
    first_steps: int = 25
    more_steps: int = 10
    hopeless: float = 10.0
    negligible: float = 1e-6
    matters: float = 1e-3
    descent: GaussNewton = field(default_factory=GaussNewton)

    def fit(self, samples, of_prior, trainer):
        """Fit a prior that is a sum of norms of affine maps to its value function.

        Parameters
        ----------
        samples : Samples
            Values of the value function.
        of_prior : Samples
            The proximal points of the same points, the prior and its gradient there;
            rough ones are enough.
        trainer : Trainer
            Fits modules to the samples of the prior.

        Returns
        -------
        EnvelopeFit
            The prior and its losses.
        """
        *few, many = self.candidates(samples.X.shape[1], samples.n_seen)
        rivals = [self._begin(norms, samples, of_prior, trainer) for norms in few]
        if min(descent.best[0] for descent, _ in rivals) > self.left_over:
            rivals.append(self._begin(many, samples, of_prior, trainer))
        descent, architecture = self._race(rivals, trainer.task)
        descent.set_best()
        network, result = descent.network, descent.result()
        converged = result.ended or result.best_loss < self.matters
        return EnvelopeFit(network, result, converged, architecture)

    def candidates(self, n_features, n_seen):
        """Sums of norms to try, as far as the samples allow, many ridges last."""
        d = n_features
        wanted = (
            NormSum(self.full_rank_units, d, 1.0),
            NormSum(self.few * d, 1, 0.25),
            NormSum(self.pairs * d, min(2, d), 1.0),
            NormSum(self.many * d, 1, 0.25),
        )
        weights = [self.samples_per_weight * (one.rank * (d + 1) + 1) for one in wanted]
        return [
            one._replace(n_units=min(one.n_units, max(1, n_seen // each)))
            for one, each in zip(wanted, weights, strict=True)
        ]

    def _begin(self, norms, samples, of_prior, trainer):
        """A descent after its first round, and its architecture."""
        generator = trainer.generator
        architecture = NormsArchitecture(norms.n_units, norms.rank)
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        core = architecture.core(samples.X.shape[1], seed)
        n_epochs = max(1, round(norms.pair_share * self.pair_iter))
        pairs = SemiconvexFitter().fit(
            core, of_prior, trainer.scheduled(max_iter=n_epochs)
        )
        descent = self.descent.start(
            *_targets(pairs.network, samples, of_prior, trainer)
        )
        descent.run(min(self.first_steps, self.max_iter), trainer.task)
        return descent, architecture

    def _race(self, rivals, task):
        """Go on with the descents, each beside its architecture; return the best."""
        n_steps = self.first_steps
        while True:
            # All have the same units: those of the samples of the prior.
            rivals.sort(key=lambda pair: pair[0].best[0])
            least = rivals[0][0].best[0]
            left = [
                descent
                for descent, _ in rivals
                if not descent.ended and descent.best[0] <= self.hopeless * least
            ]
            if not left or least < self.negligible or n_steps >= self.max_iter:
                return rivals[0]
            for descent in left:
                descent.run(min(self.more_steps, self.max_iter - n_steps), task)
            n_steps += self.more_steps


def _targets(network, samples, of_prior, trainer):
    """The envelope of a prior, and its samples to train on, shuffled, and held out."""
    device, envelope = trainer.device, MoreauEnvelope(network, samples.t)
    X, S, Y = (
        to_tensor(array, device=device)
        for array in (samples.X, samples.values, of_prior.X)
    )
    tensors = envelope.slopes(X), envelope.values(X, S), envelope.points(Y)
    seen, held_out = (
        torch.as_tensor(np.flatnonzero(mask), device=device)
        for mask in (samples.seen, samples.held_out)
    )
    order = torch.randperm(len(seen), generator=trainer.generator).to(device)
    sets = (
        Targets(envelope, *(tensor[rows] for tensor in tensors))
        for rows in (seen[order], held_out)
    )
    return envelope, *sets
