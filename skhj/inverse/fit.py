"""An unrolled network fitted to pairs: the linear estimate first, then training."""

from functools import partial
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import nn

from skhj.inverse.learned_inverse import LearnedInverse
from skhj.inverse.noise import white_noise_level
from skhj.inverse.setting import estimated_data, make_settings
from skhj.inverse.units import SpectralUnits
from skhj.inverse.unrolled.build import make_unrolled
from skhj.inverse.unrolled.energy_score import Draws, EnergyScore, whitening_of

__all__ = ["UnrolledFit", "fit_unrolled"]

# Units are chosen by trainings of this share of the passes.
PILOT_SHARE = 1 / 4
# Draws of each posterior in training.
N_DRAWS = 4
# Draws help up to this ratio of their score to that of the linear estimate plus what it
# leaves of other samples: the hold-out is finite, and some posteriors are Gaussian.
NO_WORSE = 1.05
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
        Losses; the linear estimate's mean squared error is about 1.
    estimated_matrix : ndarray of shape (M, N) or None
        The operator, where it had to be estimated.
    helps : bool
        Whether the network is better than the linear estimate on the hold-out, or its
        draws no worse; taken for granted without early stopping.
    """

    inverse: LearnedInverse
    training: Any
    estimated_matrix: np.ndarray | None
    helps: bool


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
    architecture,
    preconditioned=True,
    noise_level=None,
    early_stopping=True,
    trainer,
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
    architecture : dict
        Passed to `skhj.inverse.unrolled.build.make_unrolled`.
    preconditioned : bool, default=True
        Whether the data's statistics give the units and the start.
    noise_level : float, "auto" or None, default=None
        Standard deviation of the noise, which is then drawn afresh each step; data with
        less get the rest first. "auto" finds it where it is white; None takes the data
        as they are.
    early_stopping : bool, default=True
        Whether the samples held out also choose the best weights and the size of the
        correction; if not, all samples are trained on.
    trainer : Trainer
        Trains modules; its generator is the source of the noise too.

    Returns
    -------
    UnrolledFit
        The inverse and its training losses.
    """
    seen = ~held_out if early_stopping else np.ones(len(B), dtype=bool)
    settings_of = partial(
        make_settings,
        X=X,
        operator=operator,
        image_shape=architecture["image_shape"],
        held_out=held_out,
        seen=seen,
        preconditioned=preconditioned,
    )
    if isinstance(noise_level, Real):
        if operator is None:
            setting = settings_of(B)[0]
            noiseless = estimated_data(setting.linear, setting.matrix, X)
        else:
            noiseless = operator.data(X)
        B = _with_noise(B, noiseless, noise_level, trainer.generator)
    settings = settings_of(B)
    if noise_level == "auto":
        noise_level = _estimated_noise_level(B, X, operator)
    setting = settings[0]
    noiseless = None
    if noise_level is not None:  # the same for all settings: they differ in units
        noiseless = _noiseless_data(X, operator, setting)
    train_in = partial(
        _train_in,
        B=B,
        X=X,
        noiseless=noiseless,
        seen=seen,
        held_out=held_out if early_stopping else None,
        architecture=architecture,
        noise_level=noise_level,
    )
    if early_stopping and len(settings) > 1:
        setting = _best_setting(settings, train_in, trainer)
    network, result, criterion = train_in(setting, trainer)
    # The layout of a network that is loaded, for the same rounding.
    network.to(memory_format=torch.contiguous_format)
    network.double().requires_grad_(False).eval()
    seed = architecture["seed"]
    inverse = LearnedInverse(setting.linear, setting.units, network, 1.0, seed=seed)
    helps = True
    if early_stopping:
        if architecture["noisy"]:
            peer = _score_of_linear(criterion, setting, B[held_out], X[held_out])
            helps = result.best_loss <= NO_WORSE * peer
        else:
            inverse.correction = _best_correction(inverse, B[held_out], X[held_out])
            helps = inverse.correction > 0
        inverse.linear = setting.refit(B, X)
    return UnrolledFit(inverse, result, setting.matrix, helps)


def _best_setting(settings, train_in, trainer):
    """The setting in which a short training comes to the smallest loss."""
    n_passes = max(1, int(PILOT_SHARE * trainer.schedule.max_iter))
    short = trainer.scheduled(max_iter=n_passes).silent()
    losses = []
    for setting in settings:
        try:
            losses.append(train_in(setting, short)[1].best_loss)
        except FloatingPointError:  # the other may train
            losses.append(np.inf)
    return settings[int(np.argmin(losses))]


def _train_in(
    setting, trainer, B, X, *, noiseless, seen, held_out, architecture, noise_level
):
    """Network trained in a setting, its losses, and the criterion that made them."""
    units, device, generator = setting.units, trainer.device, trainer.generator
    network = make_unrolled(setting.physics, **architecture).to(device)
    n_places = 1
    if architecture["image_shape"] is not None:
        network = network.to(memory_format=torch.channels_last)
        n_places = X.shape[1] // (4 if architecture["resolution"] == "half" else 1)
    single = partial(_tensor, dtype=np.float32, device=device)
    inputs, answers = single(units.inputs(B)), single(units.answers(X))
    validation = None
    if held_out is not None:
        validation = inputs[held_out], answers[held_out]
    augment = None
    if noise_level is not None:
        inputs = single(units.inputs(noiseless))
        augment = partial(_add_noise, units, noise_level, generator)
    criterion, module = _SquaredError(), network
    if architecture["noisy"]:
        left = units.answers(X[seen]) - units.answers(setting.linear(B[seen]))
        criterion, module = _energy_training(network, units, left, generator)
        criterion.to(device)
    result = trainer.scheduled(max_norm=MAX_NORM).train(
        module,
        criterion,
        (inputs[seen], answers[seen]),
        validation,
        n_places=n_places,
        augment=augment,
    )
    return network, result, criterion


def _with_noise(B, noiseless, noise_level, generator):
    """Data with white noise added where theirs is less than the level given."""
    missing = noise_level**2 - np.mean((B - noiseless).var(axis=0))
    draws = torch.randn(B.shape, generator=generator, dtype=torch.float64).numpy()
    return B + np.sqrt(max(missing, 0)) * draws


def _score_of_linear(criterion, setting, B, X):
    """Score of draws that are linear estimates plus what they leave of others."""
    if len(B) <= N_DRAWS:  # too few others
        return np.inf
    answers = setting.units.answers(X)
    linear = setting.units.answers(setting.linear(B))
    draws = [linear + np.roll(answers - linear, i, 0) for i in range(1, N_DRAWS + 1)]
    criterion = criterion.cpu().double()
    return criterion(torch.tensor(np.array(draws)), [torch.tensor(answers)]).item()


def _energy_training(network, units, remainders, generator):
    """Criterion and module for draws, from what the linear estimate leaves."""
    if isinstance(units, SpectralUnits):  # of large images, more would take too long
        return EnergyScore(), Draws(network, 2, generator)
    whitening = torch.as_tensor(whitening_of(remainders), dtype=torch.float32)
    return EnergyScore(whitening), Draws(network, N_DRAWS, generator)


def _tensor(array, dtype, device):
    return torch.as_tensor(np.ascontiguousarray(array, dtype=dtype), device=device)


def _noiseless_data(X, operator, setting):
    """Data that an operator makes of models, plus their offset where it is linear."""
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
