"""An unrolled network fitted to pairs: the linear estimate first, then training."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import nn

from skhj.learned_inverse import LearnedInverse
from skhj.linear_estimate import white_noise_level
from skhj.networks.build_unrolled import make_unrolled
from skhj.networks.unrolled import standard_normal
from skhj.preconditioning import estimated_data, make_setting
from skhj.training import TrainingResult, train

__all__ = ["UnrolledFit", "fit_unrolled"]

SMALLEST = 1e-12
# Probability of a gain on the hold-out that is chance.
CHANCE = 0.1
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
    helps : bool
        Whether the network is better than the linear estimate on the hold-out; taken
        for granted without early stopping.
    """

    inverse: LearnedInverse
    training: TrainingResult
    estimated_matrix: np.ndarray | None
    helps: bool


class _SquaredError(nn.Module):
    """Squared error, summed over the unknowns."""

    def forward(self, answers, targets):
        return (answers - targets[0]).square().sum(1).mean()


class _EnergyScore(nn.Module):
    """Energy score of two draws y of x, E|y - x| - E|y - y'| / 2: a proper score."""

    def forward(self, draws, targets):
        first, second = draws
        x = targets[0]
        score = _distance(first, x) + _distance(second, x) - _distance(first, second)
        return score.mean() / 2


def _distance(x, y):
    # The square root has no derivative at zero.
    return (SMALLEST + (x - y).square().sum(1)).sqrt()


class _TwoDraws(nn.Module):
    """The network as a module whose output is two draws, the same in validation."""

    def __init__(self, network, generator):
        super().__init__()
        self.network = network
        self.generator = generator

    def forward(self, inputs):
        generator = self.generator
        if not self.training:
            generator = torch.Generator().manual_seed(0)
        noise = standard_normal(generator)
        answers = self.network(torch.cat([inputs, inputs]), noise)
        return answers.reshape(2, len(inputs), -1)


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
        Passed to `skhj.networks.build_unrolled.make_unrolled`.
    preconditioned : bool, default=True
        Whether the data's statistics give the units and the start.
    noise_level : float, "auto" or None, default=None
        Standard deviation of the noise, which is then drawn afresh each step; "auto"
        finds it where it is white; None takes the data as they are.
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
    seen = ~held_out if early_stopping else np.ones(len(B), dtype=bool)
    setting = make_setting(
        B,
        X,
        operator,
        architecture["image_shape"],
        held_out=held_out,
        seen=seen,
        preconditioned=preconditioned,
    )
    linear, units = setting.linear, setting.units
    if noise_level == "auto":
        noise_level = _estimated_noise_level(B, X, operator)
    network = make_unrolled(setting.physics, **architecture).to(device)
    n_places = 1
    if architecture["image_shape"] is not None:
        network = network.to(memory_format=torch.channels_last)
        n_places = X.shape[1] // (4 if architecture["resolution"] == "half" else 1)
    inputs, answers = units.inputs(B), units.answers(X)
    single = partial(_tensor, dtype=np.float32, device=device)
    validation = single(inputs[held_out]), single(answers[held_out])
    augment = None
    if noise_level is not None:
        inputs = units.inputs(_noiseless_data(X, operator, setting))
        augment = partial(_add_noise, units, noise_level, generator)
    criterion, module = _SquaredError(), network
    if architecture["noisy"]:
        criterion, module = _EnergyScore(), _TwoDraws(network, generator)
    result = train(
        module,
        criterion,
        (single(inputs[seen]), single(answers[seen])),
        validation if early_stopping else None,
        augment=augment,
        n_places=n_places,
        max_norm=MAX_NORM,
        generator=generator,
        **training,
    )
    # The layout of a network that is loaded, for the same rounding.
    network.to(memory_format=torch.contiguous_format)
    network.double().requires_grad_(False).eval()
    inverse = LearnedInverse(linear, units, network, 1.0, seed=architecture["seed"])
    share = 1.0
    if early_stopping:
        share = _best_correction(inverse, B[held_out], X[held_out])
        if not architecture["noisy"]:  # A share of a draw is not a draw.
            inverse.correction = share
        inverse.linear = setting.refit(B, X)
    return UnrolledFit(inverse, result, setting.matrix, share > 0)


def _tensor(array, dtype, device):
    return torch.as_tensor(np.ascontiguousarray(array, dtype=dtype), device=device)


def _noiseless_data(X, operator, setting):
    """Data that the operator makes of models, with what else is in their mean."""
    linear = setting.linear
    if operator is None:
        return estimated_data(linear, setting.matrix, X)
    if not operator.is_linear:
        return operator.data(X)
    return operator.data(X - linear.model_mean.ravel()) + linear.data_mean.ravel()


def _estimated_noise_level(B, X, operator):
    """Level of white noise by an operator that is a matrix, else None."""
    A = None
    if operator is not None and operator.is_linear:
        A = operator.dense()
    return None if A is None else white_noise_level(B, X, A.numpy())


def _add_noise(units, noise_level, generator, inputs):
    """Inputs of the same samples with white noise drawn afresh."""
    mean = units.data_mean.ravel()
    shape = len(inputs), len(mean)
    draws = torch.randn(shape, generator=generator, dtype=torch.float64).numpy()
    noise = units.inputs(mean + noise_level * draws)
    return inputs + torch.as_tensor(noise).to(inputs)


def _best_correction(inverse, B, X):
    """Share of the correction that is best on some samples, from 0 to 1.

    It is the share of least squares, less what its gain may owe to chance: with a mean
    gain g and its standard error e, the share is multiplied by 1 - e^2 / g^2.
    """
    linear = inverse.linear(B)
    step, left = inverse.predict(B) - linear, X - linear
    squared = np.sum(step**2)
    if squared == 0 or len(B) < 2:
        return 0.0
    share = np.clip(np.sum(step * left) / squared, 0, 1)
    gains = np.sum(left**2 - (left - share * step) ** 2, axis=1)
    mean, error = gains.mean(), gains.std(ddof=1) / np.sqrt(len(gains))
    # Of few samples the standard error is not well known either.
    if mean <= stats.t.isf(CHANCE, len(B) - 1) * error:
        return 0.0
    return float(share * (1 - (error / mean) ** 2))
