"""An unrolled network fitted to pairs: the linear estimate first, then training."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from skhj.inverse.candidates import SettingChoice
from skhj.inverse.learned_inverse import LearnedInverse
from skhj.inverse.noise import MeasuredNoise
from skhj.inverse.objectives import MeanObjective
from skhj.inverse.pairs import Pairs
from skhj.inverse.posterior.draw_objective import DrawObjective
from skhj.inverse.trials import Task
from skhj.inverse.unrolled.architecture import Architecture
from skhj.numerics.rows import Rows
from skhj.numerics.threads import threads_for

__all__ = ["UnrolledFit", "UnrolledFitter"]


class UnrolledFit(NamedTuple):
    """A fitted inverse, and how its training went.

    Attributes
    ----------
    inverse : LearnedInverse
        The inverse, in double precision.
    training : TrainingResult
        Losses; the linear estimate's mean squared error is about 1.
    helps : bool
        Whether the network is better than the linear estimate on the hold-out, or its
        draws no worse; taken for granted without early stopping.
    finite : ndarray of bool
        Where its answers to the samples held out are finite.
    outside : float, default=1.0
        How many times as many draws as should lie where there are no models.
    """

    inverse: LearnedInverse
    training: Any
    helps: bool
    finite: np.ndarray
    outside: float = 1.0


@dataclass(frozen=True)
class UnrolledFitter:
    """Fits inverses of b = A x + noise to pairs (b, x).

    Parameters
    ----------
    architecture : Architecture
        What the network is made of.
    objective : MeanObjective or DrawObjective, default=MeanObjective()
        What it is trained for.
    noise : MeasuredNoise, KnownNoise or EstimatedNoise, default=MeasuredNoise()
        Noise of the data to come.
    choice : SettingChoice, default=SettingChoice()
        Makes the linear estimate, the start and the units.
    early_stopping : bool, default=True
        Whether the samples held out also choose the best weights and the size of the
        correction; if not, all samples are trained on.
    """

    architecture: Architecture
    objective: MeanObjective | DrawObjective = MeanObjective()
    noise: MeasuredNoise = MeasuredNoise()
    choice: SettingChoice = SettingChoice()
    early_stopping: bool = True

    def fit(self, B, X, operator, *, held_out, trainer, counts=None, place=None):
        """Fit an inverse.

        Parameters
        ----------
        B : ndarray or Rows of shape (n, M)
            Data.
        X : ndarray or Rows of shape (n, N)
            Models.
        operator : ForwardOperator or None
            The operator; None estimates it from the pairs.
        held_out : ndarray of shape (n,), dtype bool
            Samples on which the linear estimate is chosen.
        trainer : Trainer
            Trains modules; its generator is the source of the noise too.
        counts : ndarray of shape (n,), dtype int, or None, default=None
            How often each sample counts; None where all count once.
        place : int or None, default=None
            The candidate that a `trial` preferred; None makes trials where there are
            several.

        Returns
        -------
        UnrolledFit
            The inverse and its training losses.
        """
        candidates, task = self._prepared(B, X, operator, held_out, trainer, counts)
        pairs = task.pairs
        if place is None and self.early_stopping and len(candidates) > 1:
            with trainer.task("trials"):
                place, _ = task.best(candidates, trainer)
        candidate = candidates[place or 0]
        trained = self._pilot(candidate, task, trainer)
        if trained is None:
            with trainer.task("network", trainer.schedule.max_iter):
                trained = task.train(candidate, trainer)
        inverse = self._inverse(candidate, trained)
        _, result, criterion = trained
        if not self.early_stopping:
            return UnrolledFit(inverse, result, True, np.ones(0, dtype=bool))
        with trainer.task("hold-out"):
            judged = self.objective.judge(inverse, result, criterion, pairs)
            inverse = _refitted(judged.inverse, candidate, pairs)
        helps, outside = judged.helps, judged.outside
        return UnrolledFit(inverse, result, helps, judged.finite, outside)

    def trial(self, B, X, operator, *, held_out, trainer, counts=None):
        """Train for a short time.

        The parameters are those of `fit`.

        Returns
        -------
        error : float
            Mean squared error on the samples held out; infinite where training fails.
        place : int
            The candidate that made it.
        """
        candidates, task = self._prepared(B, X, operator, held_out, trainer, counts)
        place, trained = task.best(candidates, trainer)
        if trained is None:
            return np.inf, place
        data, models = task.pairs.of(held_out)
        answers = self._inverse(candidates[place], trained).predict(data[:]).models
        return float(np.mean((answers - models[:]) ** 2)), place

    def _prepared(self, B, X, operator, held_out, trainer, counts):
        """Candidates, and what their networks are to learn."""
        seen = ~held_out if self.early_stopping else np.ones(len(B), dtype=bool)
        with trainer.task("linear estimate"):
            pairs = Pairs(B, X, held_out, seen, counts)
            pairs = self._with_noise(pairs, operator, trainer)
            candidates = self._candidates(pairs, operator)
            task = self._task(pairs, operator, candidates[0].setting)
            candidates = self._with_mixture(
                candidates, pairs, operator, task.noise_level
            )
        return candidates, task

    def _pilot(self, candidate, task, trainer):
        """A short training of what corrects a mixture, where that gains nothing."""
        if not self.early_stopping or candidate.setting.mixture is None:
            return None
        with trainer.task("pilot"):
            pilot = task.pilot(candidate, trainer, self.objective.pilot_share)
            inverse = self._inverse(candidate, pilot)
            gains = self.objective.gains(inverse, pilot.criterion, task.pairs)
        return None if gains else pilot

    def _inverse(self, candidate, trained):
        """A trained network, in double precision, with what it stands on."""
        network = trained.network
        # The layout of a network that is loaded, for the same rounding.
        network.to(memory_format=torch.contiguous_format)
        network.double().requires_grad_(False).eval()
        return LearnedInverse(candidate.setting, self.architecture, network)

    def _candidates(self, pairs, operator):
        image_shape = self.architecture.image_shape
        return self.choice.candidates(pairs, operator, image_shape)

    def _with_mixture(self, candidates, pairs, operator, noise_level):
        """Candidates whose draws start from a mixture, where there is one."""
        mixtures, setting = self.objective.mixtures, candidates[0].setting
        applies = self.choice.preconditioned and setting.has_covariances
        # How a mixture depends on which data are missing, its inputs do not tell.
        if mixtures is None or not applies or setting.is_masked:
            return candidates
        is_known = operator is not None and operator.is_linear
        A = operator.dense() if is_known else None
        A = None if A is None else A.numpy()
        sizes = setting.units.sizes
        mixture = mixtures.choose(
            pairs.of_scaled(sizes),
            setting.linear.of_scaled(sizes),
            None if A is None else A * sizes,
            noise_level,
        )
        return [
            candidate._replace(setting=candidate.setting.with_mixture(mixture))
            for candidate in candidates
        ]

    def _with_noise(self, pairs, operator, trainer):
        """Pairs whose data have the noise of those to come."""

        def noiseless():
            X = Rows.of(pairs.X)
            if operator is not None:
                return X.map(operator.data)
            setting = self._candidates(pairs, operator)[0].setting
            return X.map(setting.estimated_data)

        with threads_for(pairs.operator_products):
            B = self.noise.complete(pairs.B, noiseless, trainer.generator)
        return pairs._replace(B=B)

    def _task(self, pairs, operator, setting):
        """What to learn; data without noise are those of any of the settings."""
        with threads_for(pairs.operator_products):
            level = self.noise.level(*pairs.all, operator)
            noiseless = None
            if level is not None:
                noiseless = Rows.of(pairs.X).map(
                    partial(setting.noiseless_data, operator=operator)
                )
        return Task(
            pairs,
            self.architecture,
            self.objective,
            judged=self.early_stopping,
            noise_level=level,
            noiseless=noiseless,
        )


def _refitted(inverse, candidate, pairs):
    """The inverse with the linear estimate of all samples."""
    if candidate.setting.mixture is not None:  # made around the linear estimate
        return inverse
    with threads_for(candidate.setting.n_products(*pairs.sizes)):
        return inverse.with_linear(candidate.refit(*pairs.all))
