"""A prior fitted to its value function, through the minimisation that makes it one."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.numerics.tensors import to_tensor
from skhj.priors.convex.build import make_core
from skhj.priors.convex.fit import fit_semiconvex
from skhj.priors.envelope.gauss_newton import GaussNewton, Refinement, Targets
from skhj.priors.envelope.lax_oleinik import Envelope

__all__ = ["EnvelopeFit", "fit_norm_envelope"]

# Candidates: FULL_RANK_UNITS of full rank, then units in multiples of the number of
# features, their rank, and the share of the epochs of the fit to pairs. MANY_RIDGES
# join where the others leave more than LEFT_OVER of what a quadratic leaves.
FEW_RIDGES, PAIRS, MANY_RIDGES = (3, 1, 0.25), (3, 2, 1.0), (6, 1, 0.25)
FULL_RANK_UNITS, LEFT_OVER = 4, 3e-3
# Loss below which it does not matter that steps could go on.
MATTERS = 1e-3
# Samples that each weight of the units asks for.
SAMPLES_PER_WEIGHT = 4
# Steps of each in a round; then those go on whose loss is below a multiple of the
# least, until that is negligible.
FIRST_ROUND, ROUND, HOPELESS, NEGLIGIBLE = 25, 10, 10.0, 1e-6


class EnvelopeFit(NamedTuple):
    """A fitted prior, and how its training went.

    Attributes
    ----------
    network : SemiconvexNetwork
        The prior, in double precision.
    training : Refinement
        Losses, in units of what the best quadratic leaves.
    validation_error : float
        Mean squared error of S on the hold-out, in the caller's units.
    converged : bool
        Whether progress ended before the steps did, or the loss is negligible.
    architecture : dict
        Of the network's core, as for `skhj.priors.convex.build.make_core`.
    """

    network: nn.Module
    training: Refinement
    validation_error: float
    converged: bool
    architecture: dict

    @property
    def loss_curve(self):
        """Training loss of each step or epoch."""
        return self.training.loss_curve


def _tensors(network, samples, Y):
    """Slopes, values and first minimisers in the units of the prior."""
    device = network.unit_center.device
    X, S, Y = (to_tensor(a, device=device) for a in (samples.X, samples.values, Y))
    envelope = Envelope(network, samples.t)
    return envelope.slopes(X), envelope.values(X, S), envelope.points(Y)


def _rows(held_out, device):
    """Rows of the samples to train on, and of those held out."""
    return [
        torch.as_tensor(np.flatnonzero(mask), device=device)
        for mask in (~held_out, held_out)
    ]


def _descent(network, samples, rows, t, generator):
    """Gauss and Newton's method on a network of norm units."""
    envelope = Envelope(network, t)
    seen, held_out = rows
    order = torch.randperm(len(seen), generator=generator).to(seen.device)
    sets = [
        Targets(envelope, *(a[r] for a in samples)) for r in (seen[order], held_out)
    ]
    return GaussNewton(envelope, *sets)


def _finish(descent, architecture):
    descent.set_best()
    network, result = descent.network, descent.result()
    error = result.best_loss * float(network.unit_scale) ** 2
    converged = result.ended or result.best_loss < MATTERS
    return EnvelopeFit(network, result, error, converged, architecture)


def fit_norm_envelope(samples, of_prior, trainer, *, max_iter=80, pair_iter=20):
    """Fit a prior that is a sum of norms of affine maps to its value function.

    Few and many norms of one row (ridges), norms of two rows, and some of as many as
    there are features are fitted to the samples of the prior. All of them improve, a
    few steps at a time, until they are hopelessly behind the best on the hold-out.

    Parameters
    ----------
    samples : Samples
        Values of the value function.
    of_prior : Samples
        The proximal points of the same points, the prior and its gradient there; rough
        ones are enough.
    trainer : Trainer
        Fits modules to the samples of the prior.
    max_iter : int, default=80
        Largest number of steps of Gauss and Newton.
    pair_iter : int, default=20
        Epochs of the fit to the samples of the prior.

    Returns
    -------
    EnvelopeFit
        The prior and its losses.
    """
    generator = trainer.generator

    def begin(n_units, rank, share):
        architecture = {"network": "norms", "n_units": n_units, "rank": rank}
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        core = make_core(n_features=samples.X.shape[1], seed=seed, **architecture)
        pairs = fit_semiconvex(
            core,
            of_prior,
            trainer.scheduled(max_iter=max(1, round(share * pair_iter))),
        )
        tensors = _tensors(pairs.network, samples, of_prior.X)
        rows = _rows(samples.held_out, tensors[0].device)
        descent = _descent(pairs.network, tensors, rows, samples.t, generator)
        descent.run(min(FIRST_ROUND, max_iter), trainer.task)
        return descent, architecture

    *few, many = _candidates(samples.X.shape[1], samples.n_seen)
    descents = [begin(*candidate) for candidate in few]
    if min(descent.best[0] for descent, _ in descents) > LEFT_OVER:
        descents.append(begin(*many))
    return _finish(*_race(descents, max_iter, trainer.task))


def _race(descents, max_iter, task):
    """Go on with the descents, each paired with its architecture; return the best."""
    n_steps = FIRST_ROUND
    while True:
        # All have the same units: those of the samples of the prior.
        descents.sort(key=lambda pair: pair[0].best[0])
        least = descents[0][0].best[0]
        left = [
            descent
            for descent, _ in descents
            if not descent.ended and descent.best[0] <= HOPELESS * least
        ]
        if not left or least < NEGLIGIBLE or n_steps >= max_iter:
            return descents[0]
        for descent in left:
            descent.run(min(ROUND, max_iter - n_steps), task)
        n_steps += ROUND


def _candidates(n_features, n_seen):
    """Units, rank and share of each candidate, as far as the samples allow."""
    d = n_features
    wanted = [(FULL_RANK_UNITS, d, 1.0)]
    for multiple, rank, share in (FEW_RIDGES, PAIRS, MANY_RIDGES):
        wanted.append((multiple * d, min(rank, d), share))
    affordable = [
        max(1, n_seen // (SAMPLES_PER_WEIGHT * (rank * (d + 1) + 1)))
        for _, rank, _ in wanted
    ]
    return [
        (min(n_units, most), rank, share)
        for (n_units, rank, share), most in zip(wanted, affordable, strict=True)
    ]
