"""A prior fitted to its value function, through the minimisation that makes it one."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.envelope import Envelope
from skhj.gauss_newton import GaussNewton, Refinement, Targets
from skhj.networks import make_core
from skhj.semiconvex_regression import fit_semiconvex
from skhj.training import TrainingResult, train

__all__ = ["EnvelopeFit", "fit_envelope", "fit_norm_envelope"]

# Newton steps of the hold-out's minimisers after each epoch, and of every one at first.
HELD_OUT_STEPS, FIRST_STEPS = 4, 10
# Candidates: units in multiples of the number of features, their rank, and the share
# of the epochs of the fit to pairs; then FULL_RANK_UNITS of full rank. The last of the
# list joins where the others leave more than LEFT_OVER of what a quadratic leaves.
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
    training : TrainingResult or Refinement
        Losses, in units of what the best quadratic leaves.
    validation_error : float
        Mean squared error of S on the hold-out, in the caller's units.
    converged : bool
        Whether progress ended before the steps did, or the loss is negligible.
    architecture : dict
        Of the network's core, as for `skhj.networks.make_core`; empty where it came
        from the caller.
    """

    network: nn.Module
    training: TrainingResult | Refinement
    validation_error: float
    converged: bool
    architecture: dict

    @property
    def loss_curve(self):
        """Training loss of each step or epoch."""
        return self.training.loss_curve


class _Minima(nn.Module):
    """The minima as a function of the rows of the samples; keeps the minimisers."""

    def __init__(self, envelope, slopes, points):
        super().__init__()
        self.network, self.project_ = envelope.network, envelope.network.project_
        self.envelope, self.slopes, self.points = envelope, slopes, points

    def forward(self, rows):
        p, u = self.slopes[rows], self.points[rows]
        n_steps = 1 if self.training else HELD_OUT_STEPS
        u = self.envelope.minimise(p, u, max_iter=n_steps).point
        self.points[rows] = u
        quadratic = u @ self.envelope.quadratic.to(u.dtype) / 2
        return self.network(u) + (u * (quadratic - p)).sum(1)


class _Loss(nn.Module):
    def forward(self, minima, targets):
        return nn.functional.mse_loss(minima, targets[0])


def fit_envelope(
    network,
    X,
    w,
    *,
    Y_start,
    t,
    held_out,
    max_iter=60,
    generator,
    progress=None,
    **training,
):
    """Improve a prior so that the value function it generates is -w.

    A network of `skhj.networks.NormUnits` is improved by `skhj.gauss_newton`, any
    other by `skhj.training.train`, where each step first moves the minimisers of its
    batch by one step of Newton's method.

    Parameters
    ----------
    network : SemiconvexNetwork
        The prior, such as `fit_semiconvex` fits to proximal points. It is changed in
        place.
    X : ndarray of shape (n, d)
        Points.
    w : ndarray of shape (n,)
        Values of minus the value function.
    Y_start : ndarray of shape (n, d)
        First guesses of the proximal points of X.
    t : float
        Time.
    held_out : ndarray of shape (n,), dtype bool
        Samples that choose the best weights and are not trained on.
    max_iter : int, default=60
        Largest number of steps of Gauss and Newton, or of epochs.
    generator : torch.Generator
        Source of the order of the samples.
    progress : FitProgress or None, default=None
        Told of each step.
    **training : dict
        Passed to `skhj.training.train`, where that is used.

    Returns
    -------
    EnvelopeFit
        The prior and its losses.

    Notes
    -----
    Where gradients of S are known, so are the proximal points x - t grad S, and
    `fit_semiconvex` fits the prior to them directly: Y_start is then exact, and this is
    a polish.
    """
    samples = _samples(network, X, w, Y_start, t)
    rows = _rows(held_out, samples[0].device)
    if not hasattr(network.core, "parameter_jacobian"):
        return _by_training(
            network,
            samples,
            rows,
            t,
            max_iter=max_iter,
            generator=generator,
            progress=progress,
            **training,
        )
    descent = _descent(network, samples, rows, t, generator)
    descent.run(max_iter, progress)
    return _finish(descent, {})


def _samples(network, X, w, Y, t):
    """Slopes, values and first minimisers in the units of the prior."""
    device = network.unit_center.device
    X, w, Y = (
        torch.tensor(np.ascontiguousarray(a, dtype=np.float64), device=device)
        for a in (X, w, Y)
    )
    envelope = Envelope(network, t)
    return envelope.slopes(X), envelope.values(X, -w), envelope.points(Y)


def _rows(held_out, device):
    """Rows of the samples to train on, and of those held out."""
    return [
        torch.as_tensor(np.flatnonzero(mask), device=device)
        for mask in (~held_out, held_out)
    ]


def _by_training(network, samples, rows, t, **training):
    envelope = Envelope(network, t)
    slopes, values, points = samples
    points = envelope.minimise(slopes, points, max_iter=FIRST_STEPS).point
    slopes, values, points = (a.float() for a in (slopes, values, points))
    with torch.no_grad():
        # Its weights alone: the units stay in double precision.
        for weight in network.parameters():
            weight.data = weight.data.float()
        network.core_weight = network.core_weight.float()
    network.requires_grad_(True)
    module = _Minima(envelope, slopes, points)
    result = train(module, _Loss(), *((r, values[r]) for r in rows), **training)
    network.double().requires_grad_(False)
    error = result.best_loss * float(network.unit_scale) ** 2
    return EnvelopeFit(network, result, error, True, {})


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


def fit_norm_envelope(
    X,
    w,
    Y,
    J,
    slope,
    *,
    t,
    held_out,
    device,
    max_iter=80,
    pair_iter=20,
    batch_size,
    learning_rate,
    generator,
    verbose=0,
    progress=None,
):
    """Fit a prior that is a sum of norms of affine maps to its value function.

    Few and many norms of one row (ridges), norms of two rows, and some of as many as
    there are features are fitted to the samples of the prior. All of them improve, a
    few steps at a time, until they are hopelessly behind the best on the hold-out.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    w : ndarray of shape (n,)
        Values of minus the value function.
    Y, J, slope : ndarray of shape (n, d), (n,) and (n, d)
        The proximal points of X, the prior and its gradient there; rough ones are
        enough.
    t : float
        Time.
    held_out : ndarray of shape (n,), dtype bool
        Samples that choose the best weights and are not trained on.
    device : torch.device
        Where to train.
    max_iter : int, default=80
        Largest number of steps of Gauss and Newton.
    pair_iter : int, default=20
        Epochs of the fit to the samples of the prior.
    batch_size, learning_rate : int and float
        Of that fit.
    generator : torch.Generator
        Source of the weights and of the order of the samples.
    verbose : int, default=0
        Positive: print a line an epoch.
    progress : FitProgress or None, default=None
        Told of each epoch and step.

    Returns
    -------
    EnvelopeFit
        The prior and its losses.
    """

    def begin(n_units, rank, share):
        architecture = {"network": "norms", "n_units": n_units, "rank": rank}
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        core = make_core(n_features=X.shape[1], seed=seed, **architecture)
        pairs = fit_semiconvex(
            core,
            Y,
            J,
            slope,
            t=t,
            held_out=held_out,
            device=device,
            max_iter=max(1, round(share * pair_iter)),
            batch_size=batch_size,
            learning_rate=learning_rate,
            generator=generator,
            verbose=verbose,
            progress=progress,
        )
        samples = _samples(pairs.network, X, w, Y, t)
        rows = _rows(held_out, samples[0].device)
        descent = _descent(pairs.network, samples, rows, t, generator)
        descent.run(min(FIRST_ROUND, max_iter), progress)
        return descent, architecture

    *few, many = _candidates(X.shape[1], int((~held_out).sum()))
    descents = [begin(*candidate) for candidate in few]
    if min(descent.best[0] for descent, _ in descents) > LEFT_OVER:
        descents.append(begin(*many))
    return _finish(*_race(descents, max_iter, progress))


def _race(descents, max_iter, progress):
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
            descent.run(min(ROUND, max_iter - n_steps), progress)
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
