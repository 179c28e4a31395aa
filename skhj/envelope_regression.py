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
# Units in multiples of the number of features, and their rank (0 for that number);
# four of full rank. Samples that each of their weights asks for.
CANDIDATES, FULL_RANK_UNITS, SAMPLES_PER_WEIGHT = ((3, 1), (6, 1), (3, 2)), 4, 4
# Steps after which the best of them go on, and how many.
TRIAL_STEPS, FINALISTS = 25, 2


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
        Whether progress ended before the steps did.
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
    return _finish(descent, max_iter, progress, {})


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


def _finish(descent, n_steps, progress, architecture):
    result = descent.run(n_steps, progress)
    descent.set_best()
    network = descent.network
    error = result.best_loss * float(network.unit_scale) ** 2
    return EnvelopeFit(network, result, error, result.ended, architecture)


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
    there are features are fitted to the samples of the prior; each improves for some
    steps, and those that are then the best on the hold-out go on.

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
    n_features, n_seen = X.shape[1], int((~held_out).sum())
    descents = []
    for architecture in _candidates(n_features, n_seen):
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        core = make_core(n_features=n_features, seed=seed, **architecture)
        pairs = fit_semiconvex(
            core,
            Y,
            J,
            slope,
            t=t,
            held_out=held_out,
            device=device,
            max_iter=pair_iter,
            batch_size=batch_size,
            learning_rate=learning_rate,
            generator=generator,
            verbose=verbose,
            progress=progress,
        )
        samples = _samples(pairs.network, X, w, Y, t)
        rows = _rows(held_out, samples[0].device)
        descent = _descent(pairs.network, samples, rows, t, generator)
        descent.run(min(TRIAL_STEPS, max_iter), progress)
        descents.append((descent, architecture))
    # All have the same units: those of the samples of the prior.
    descents.sort(key=lambda one: one[0].best[0])
    n_steps = max(max_iter - TRIAL_STEPS, 0)
    fits = [
        _finish(descent, n_steps, progress, architecture)
        for descent, architecture in descents[:FINALISTS]
    ]
    return min(fits, key=lambda fit: fit.validation_error)


def _candidates(n_features, n_seen):
    """Architectures, each with as many units as the samples allow."""
    wanted = [(k * n_features, min(rank, n_features)) for k, rank in CANDIDATES]
    wanted.append((FULL_RANK_UNITS, n_features))
    for n_units, rank in dict.fromkeys(wanted):
        n_weights = rank * (n_features + 1) + 1
        affordable = max(1, n_seen // (SAMPLES_PER_WEIGHT * n_weights))
        yield {"network": "norms", "n_units": min(n_units, affordable), "rank": rank}
