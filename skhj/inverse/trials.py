"""Trainings of one network in several settings, of which the best is kept."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.inverse.objectives import MeanObjective
from skhj.inverse.pairs import Pairs
from skhj.inverse.posterior.draw_objective import DrawObjective
from skhj.inverse.unrolled.architecture import Architecture
from skhj.inverse.unrolled.build import make_unrolled
from skhj.numerics.rows import Rows
from skhj.numerics.tensors import TensorRows
from skhj.numerics.threads import threads_for

__all__ = ["Task", "Trained"]


class Trained(NamedTuple):
    """A trained network.

    Attributes
    ----------
    network : UnrolledNetwork
        The network, in single precision.
    result : TrainingResult
        Its losses.
    criterion : nn.Module
        The criterion that made them.
    """

    network: nn.Module
    result: Any
    criterion: nn.Module


@dataclass(frozen=True)
class Task:
    """What a network is to learn, whatever the setting.

    Parameters
    ----------
    pairs : Pairs
        Data and models.
    architecture : Architecture
        What the network is made of.
    objective : MeanObjective or DrawObjective
        What it is trained for.
    judged : bool, default=True
        Whether the samples held out choose the best weights.
    noise_level : float or None, default=None
        Standard deviation of the noise drawn afresh in each step; None draws none.
    noiseless : ndarray or Rows of shape (n, M) or None, default=None
        Data that it is added to.
    max_norm : float, default=1.0
        Norm to which longer gradients are clipped: those of a step that went astray,
        for the loss is of order one.
    pilot_share : float, default=1/4
        Share of the passes of trainings by which settings are chosen.
    """

    pairs: Pairs
    architecture: Architecture
    objective: MeanObjective | DrawObjective
    judged: bool = True
    noise_level: float | None = None
    noiseless: np.ndarray | Rows | None = None
    max_norm: float = 1.0
    pilot_share: float = 1 / 4

    def best(self, candidates, trainer):
        """Place of the candidate in which a short training has the smallest loss.

        Parameters
        ----------
        candidates : list of Candidate
            Settings.
        trainer : Trainer
            With the schedule of the whole training.

        Returns
        -------
        place : int
            The best; the first where none trains.
        pilot : Trained or None
            Its network after the short training.
        """
        pilots = []
        for candidate in candidates:
            try:
                pilots.append(self.pilot(candidate, trainer, self.pilot_share))
            except FloatingPointError:  # the other may train
                pilots.append(None)
        losses = [np.inf if p is None else p.result.best_loss for p in pilots]
        best = int(np.argmin(losses))
        return best, pilots[best]

    def pilot(self, candidate, trainer, share):
        """`Trained` network of a candidate, after a share of the passes."""
        n_passes = max(1, int(share * trainer.schedule.max_iter))
        return self.train(candidate, trainer.scheduled(max_iter=n_passes).silent())

    def train(self, candidate, trainer):
        """`Trained` network of a candidate."""
        setting, pairs, generator = candidate.setting, self.pairs, trainer.generator
        with threads_for(setting.n_products(*pairs.sizes)):
            network = self._network(candidate.physics, trainer.device)
            criterion, module = self.objective.prepare(
                network, setting, pairs, generator
            )
            tensors = self._tensors(setting.units, trainer)
        result = trainer.scheduled(max_norm=self.max_norm).train(
            module,
            criterion.to(trainer.device),
            *tensors,
            n_places=self.architecture.n_places(pairs.X.shape[1]),
            augment=setting.augment(pairs, self.noise_level, generator),
        )
        return Trained(network, result, criterion)

    def _network(self, physics, device):
        network = make_unrolled(physics, self.architecture).to(device)
        if self.architecture.convolutional:
            network = network.to(memory_format=torch.channels_last)
        return network

    def _tensors(self, units, trainer):
        """Inputs and answers to train on, and those held out, None if not judged."""
        pairs = self.pairs

        def of(mask, data):
            data, models = pairs._replace(B=data).of(mask)
            rows = data.map(units.inputs), models.map(units.answers)
            return tuple(TensorRows(one, trainer.device).settled() for one in rows)

        validation = of(pairs.held_out, pairs.B) if self.judged else None
        data = pairs.B if self.noise_level is None else self.noiseless
        return of(pairs.seen, data), validation
