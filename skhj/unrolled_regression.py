"""An unrolled network fitted to pairs: the linear estimate first, then training."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.learned_inverse import LearnedInverse, Units
from skhj.linear_estimate import (
    estimated_operator,
    literal,
    precondition,
    statistics_of,
)
from skhj.linear_selection import choose_linear_estimate
from skhj.networks.build_unrolled import make_unrolled
from skhj.networks.physics import DensePhysics
from skhj.training import TrainingResult, train

__all__ = ["UnrolledFit", "fit_unrolled"]

# Longer gradients are those of a step that went astray: the loss is of order one.
MAX_NORM = 1.0


class UnrolledFit(NamedTuple):
    """A fitted inverse, and how its training went.

    Attributes
    ----------
    inverse : LearnedInverse
        The inverse, in double precision.
    training : TrainingResult
        Losses; the linear estimate's is about 1.
    estimated_matrix : ndarray of shape (M, N) or None
        The operator, where it had to be estimated.
    """

    inverse: LearnedInverse
    training: TrainingResult
    estimated_matrix: np.ndarray | None


class _SquaredError(nn.Module):
    """Squared error, summed over the unknowns."""

    def forward(self, answers, targets):
        return (answers - targets[0]).square().sum(1).mean()


def fit_unrolled(
    B,
    X,
    operator,
    *,
    held_out,
    device,
    architecture,
    preconditioned=True,
    noise_level=None,
    early_stopping=True,
    generator,
    **training,
):
    """Fit an inverse of b = A x + noise to pairs (b, x).

    Parameters
    ----------
    B : ndarray of shape (n, M)
        Data.
    X : ndarray of shape (n, N)
        Models.
    operator : ForwardOperator or None
        The operator; None estimates it from the pairs.
    held_out : ndarray of shape (n,), dtype bool
        Samples on which the linear estimate is chosen.
    device : torch.device
        Where to train.
    architecture : dict
        Passed to `skhj.networks.make_unrolled`.
    preconditioned : bool, default=True
        Whether the data's statistics give the units and the start.
    noise_level : float or None, default=None
        Standard deviation of the noise, which is then drawn afresh each step; None
        takes the data as they are.
    early_stopping : bool, default=True
        Whether the samples held out also choose the best weights and the size of the
        correction; if not, all samples are trained on.
    generator : torch.Generator
        Source of the shuffling and of the noise, on the CPU.
    **training : dict
        Passed to `skhj.training.train`.

    Returns
    -------
    UnrolledFit
        The inverse and its training losses.
    """
    known = None if operator is None else operator.dense()
    A = None if known is None else known.numpy()
    choice = choose_linear_estimate(B, X, A, held_out)
    seen = ~held_out if early_stopping else np.ones(len(B), dtype=bool)
    statistics = statistics_of(B[seen], X[seen])
    linear = choice.refit(statistics)
    if operator is None:
        A = estimated_operator(statistics)
    apply_operator = partial(_apply, operator, A)
    if preconditioned:
        preconditioner = precondition(linear, apply_operator, choice.error)
    else:
        preconditioner = literal(linear, apply_operator)
        linear = linear._replace(gain=preconditioner.gain)
    left = X[seen] - linear(B[seen])
    scale = float(np.sqrt(np.mean(np.sum(left**2, axis=1)))) or 1.0
    units = Units(
        linear.data_mean,
        preconditioner.start,
        preconditioner.whitening,
        preconditioner.basis,
        scale,
    )
    single = partial(_tensor, dtype=np.float32, device=device)
    physics = DensePhysics(
        single(preconditioner.matrix), single(preconditioner.factor / scale)
    )
    network = make_unrolled(
        physics, n_features=len(preconditioner.factor), **architecture
    ).to(device)
    inputs, augment = units.inputs(B), None
    if noise_level is not None:
        clean = linear.data_mean + apply_operator(X - linear.model_mean)
        noise = single(noise_level * units.noise_inputs())
        augment = partial(_add_noise, noise, generator)
    targets = units.targets(X, linear.model_mean)
    validation = single(inputs[held_out]), single(targets[held_out])
    if augment is not None:
        inputs = units.inputs(clean)
    result = train(
        network,
        _SquaredError(),
        (single(inputs[seen]), single(targets[seen])),
        validation if early_stopping else None,
        augment=augment,
        max_norm=MAX_NORM,
        generator=generator,
        **training,
    )
    network.double().requires_grad_(False).eval()
    inverse = LearnedInverse(linear, units, network, 1.0)
    if early_stopping:
        inverse.correction = _best_correction(inverse, B[held_out], X[held_out])
        if preconditioned:
            inverse.linear = choice.refit(statistics_of(B, X))
    return UnrolledFit(inverse, result, A if operator is None else None)


def _tensor(array, dtype, device):
    return torch.as_tensor(np.ascontiguousarray(array, dtype=dtype), device=device)


def _add_noise(noise, generator, inputs):
    """Inputs of the same samples with white noise drawn afresh."""
    draws = torch.randn(len(inputs), len(noise), generator=generator)
    return torch.addmm(inputs, draws.to(inputs), noise)


def _apply(operator, A, models):
    """Data (n, M) of models (n, N)."""
    if A is not None:
        return models @ A.T
    return operator.forward(torch.as_tensor(models)).numpy()


def _best_correction(inverse, B, X):
    """Share of the correction that is best on some samples, from 0 to 1."""
    linear = inverse.linear(B)
    step = inverse.predict(B) - linear
    squared = np.sum(step**2)
    if squared == 0:
        return 0.0
    return float(np.clip(np.sum(step * (X - linear)) / squared, 0, 1))
