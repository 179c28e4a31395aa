"""A fitted inverse: a linear estimate, and a network's correction of it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.inverse.setting import Setting
from skhj.inverse.unrolled.architecture import Architecture
from skhj.inverse.unrolled.build import make_unrolled
from skhj.inverse.unrolled.mixture_start import MixtureStart
from skhj.inverse.unrolled.network import standard_normal
from skhj.numerics.blocks import joined, row_blocks
from skhj.numerics.profiles import Profiles
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for

__all__ = ["Answers", "InverseState", "LearnedInverse", "starts_of"]


def _unfinished(models):
    return models


def _double(B):
    return B.astype(np.float64, copy=False)


class Answers(NamedTuple):
    """Models, and for which samples the network had an answer.

    Attributes
    ----------
    models : ndarray of shape (..., n, N)
        Models.
    finite : ndarray of shape (n,), dtype bool
        False: the network's answer was not finite, and models are the linear estimate.
    """

    models: np.ndarray
    finite: np.ndarray


class InverseState(NamedTuple):
    """What an inverse is saved as: arrays, and plain objects of them.

    Attributes
    ----------
    setting : Setting
        What the network is built on.
    architecture : Architecture
        What it is made of.
    weights : dict of str to ndarray
        Its state.
    correction : float or ndarray of shape (N,)
        Share of its correction that is applied.
    """

    setting: Setting
    architecture: Architecture
    weights: dict[str, np.ndarray]
    correction: float | np.ndarray


@dataclass(frozen=True)
class LearnedInverse:
    """Models from data, on numpy arrays in float64.

    Parameters
    ----------
    setting : Setting
        What the network is built on, with the linear estimate that it corrects.
    architecture : Architecture
        What the network is made of; its seed is that of the noise of draws too.
    network : nn.Module
        The network, in double precision.
    correction : float or ndarray of shape (N,), default=1.0
        Share of the network's correction that is applied, from 0 to 1: of the linear
        estimate, where the outputs' differ one for each, or of draws of the setting's
        mixture.
    n_averaged : int, default=100
        Draws that are averaged to a mean: their noise is a hundredth of its variance.
    """

    setting: Setting
    architecture: Architecture
    network: nn.Module
    correction: float | np.ndarray = 1.0
    n_averaged: int = 100

    def to_state(self):
        """Arrays and plain objects that the inverse is saved as."""
        weights = self.network.state_dict()
        weights = {name: tensor.cpu().numpy() for name, tensor in weights.items()}
        return InverseState(self.setting, self.architecture, weights, self.correction)

    @classmethod
    def from_state(cls, state, operator, device):
        """Make an inverse of what was saved of it.

        Parameters
        ----------
        state : InverseState
            What was saved.
        operator : ForwardOperator or None
            The operator, which only a non-linear one needs.
        device : torch.device
            Where to compute.

        Returns
        -------
        LearnedInverse
            The inverse.
        """
        setting, architecture, weights, correction = state
        # The misfit's buffers are part of the network's state.
        prefix = "physics."
        buffers = {
            name.removeprefix(prefix): array
            for name, array in weights.items()
            if name.startswith(prefix)
        }
        physics = setting.physics(buffers, operator)
        network = make_unrolled(physics, architecture).double()
        network.load_state_dict(
            {name: to_tensor(array) for name, array in weights.items()}
        )
        network.requires_grad_(False).eval().to(device)
        return cls(setting, architecture, network, correction)

    @property
    def draws(self):
        """Whether the network's answers are draws from the posterior."""
        return self.architecture.noisy

    @cached_property
    def starts(self):
        """Draws that the network starts from, None where it draws its own."""
        starts = starts_of(self.setting, self.network)
        if starts is not None:
            starts.to(next(self.network.parameters()).device)
        return starts

    @torch.no_grad()
    def profiles(self):
        """Columns of the last layer's embedding, in the models' units, longest first.

        The answer is a sum of them. Of images, those of the place in the middle, one a
        channel.

        Returns
        -------
        Profiles or None
            Directions (K, N) alone; None where there is no embedding.
        """
        if not hasattr(self.network, "kernels"):
            return None
        kernel = self.network.kernels()[-1]
        columns = self.network.embedding.columns(kernel)
        models = self.network.physics.to_model(columns, torch.zeros_like(columns))
        directions = self.setting.units.differences(models.cpu().numpy())
        order = np.argsort(-np.linalg.norm(directions, axis=1), kind="stable")
        return Profiles(directions[order])

    def with_linear(self, linear):
        """The same network's correction of another linear estimate."""
        return replace(self, setting=self.setting.with_linear(linear))

    def linear(self, B, finish=_unfinished):
        """Linear estimates (n, N) from data (n, M), see `predict`."""
        blocks = row_blocks(len(B), max(B.shape[1], self.setting.row_size))
        answers = (finish(self.setting.linear(_double(B[rows]))) for rows in blocks)
        return joined(answers, blocks)

    def predict(self, B, finish=_unfinished):
        """Models; means of draws, where these are made.

        Parameters
        ----------
        B : ndarray or Rows of shape (n, M)
            Data, of which a block of rows at a time is worked on.
        finish : callable, default=identity
            Maps models of a block (..., r, N), in double precision, to what is kept of
            them.

        Returns
        -------
        Answers
            Models (n, N).
        """
        answer = self._corrected(B, lambda inputs: self._mean(inputs)[-1:], finish)
        return answer._replace(models=answer.models[0])

    def trajectory(self, B, finish=_unfinished):
        """Iterates (J + 1, n, N), the linear estimate first; see `predict`."""
        return self._corrected(B, self._mean, finish)

    def _mean(self, inputs):
        """Mean iterates, over draws whose noise is that of every sample.

        Rows do not matter to each other. Where the mean of the starts is known, only
        steps away from them are averaged.
        """
        if not self.draws:
            return torch.stack(self.network.iterates(inputs))
        noise = standard_normal(self._generator(), common=True)
        n_draws = self.n_averaged
        if self.starts is None:
            return sum(self._iterates(inputs, noise) for _ in range(n_draws)) / n_draws
        mean = self._to_model(self.starts.mean(inputs))
        if self.correction == 0:
            return mean.expand(self.network.n_layers + 1, *mean.shape)
        total = 0.0
        for _ in range(n_draws):
            iterates = self._iterates(self.starts.replace(inputs, noise), noise)
            total = total + (iterates - iterates[0])
        return mean + total / n_draws

    def _iterates(self, inputs, noise):
        return torch.stack(self.network.iterates(inputs, noise))

    def _to_model(self, start):
        return self.network.physics.to_model(start, start)

    def sample(self, B, n_samples, finish=_unfinished):
        """Draws (n_samples, n, N) from the posterior, see `predict`."""
        noise = standard_normal(self._generator())

        def draw(inputs):
            if self.starts is None:
                return self.network(inputs, noise)
            started = self.starts.replace(inputs, noise)
            if self.correction:
                return self.network(started, noise)
            return self._to_model(self.network.physics.split(started)[0])

        return self._corrected(
            B, lambda inputs: [draw(inputs) for _ in range(n_samples)], finish
        )

    def _generator(self):
        return torch.Generator().manual_seed(self.architecture.seed)

    @torch.no_grad()
    def _corrected(self, B, evaluate, finish):
        """Linear estimates plus corrections of them, a block of rows at a time.

        ``evaluate`` maps inputs to a sequence of answers.
        """
        weights = list(self.network.parameters())
        n_unknowns = self.setting.units.model_mean.size
        width = max(max(weight.shape) for weight in weights)
        row_size = B.shape[1] + max(self.setting.row_size, width)
        blocks = row_blocks(len(B), row_size)
        n_places = self.architecture.n_places(n_unknowns)
        n_weights = sum(weight.numel() for weight in weights)
        with threads_for(blocks[0].stop * n_weights * n_places):
            finite = np.empty(len(B), dtype=bool)

            def answer(rows):
                block = self._corrected_block(_double(B[rows]), evaluate)
                models, finite[rows] = block
                return finish(models)

            models = joined(map(answer, blocks), blocks)
        return Answers(models, finite)

    def _corrected_block(self, B, evaluate):
        units = self.setting.units
        device = next(self.network.parameters()).device
        inputs = to_tensor(units.inputs(B), device=device)
        start = self._to_model(self.network.physics.split(inputs)[0])
        steps = torch.stack([answer - start for answer in evaluate(inputs)])
        differences = units.differences(steps.cpu().numpy())
        if np.all(self.correction == 0) and not self.draws:
            answered = np.ones(len(B), dtype=bool)
            return self.setting.linear(B) + np.zeros_like(differences), answered
        finite = np.isfinite(differences).all(axis=(0, 2))
        differences[:, ~finite] = 0
        # Draws have the share of the correction, of their own starts, already.
        share = 1.0 if self.draws else self.correction
        differences *= share
        differences += self.setting.linear(B)
        return differences, finite


def starts_of(setting, network):
    """Draws that a network starts from.

    Parameters
    ----------
    setting : Setting
        What the network is built on.
    network : UnrolledNetwork
        The network.

    Returns
    -------
    MixtureStart or None
        The starts, in double precision on the CPU; None where the setting has no
        mixture.
    """
    if setting.mixture is None:
        return None
    factor = network.physics.factor.detach().cpu().double().numpy()
    return MixtureStart.of(setting.mixture, setting.units, factor).requires_grad_(False)
