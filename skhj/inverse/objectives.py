"""What a network is trained for, one class each: posterior means, or draws."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from torch import nn

from skhj.inverse.correction import CorrectionRule
from skhj.inverse.unrolled.energy_score import Draws, EnergyScore, whitening_of
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for

__all__ = ["DrawObjective", "Judged", "MeanObjective"]


class Judged(NamedTuple):
    """An inverse, judged on samples that its network has not seen.

    Attributes
    ----------
    inverse : LearnedInverse
        The inverse, with the correction that is best there.
    helps : bool
        Whether its network is of use.
    finite : ndarray of shape (n,), dtype bool
        Where its answers to these samples are finite.
    """

    inverse: object
    helps: bool
    finite: np.ndarray


@dataclass(frozen=True)
class MeanObjective:
    """Answers are posterior means: those of least squared error.

    Parameters
    ----------
    correction : CorrectionRule
        Chooses how much of the network's correction is applied.
    """

    correction: CorrectionRule = CorrectionRule()
    # Whether answers are draws.
    draws = False

    def prepare(self, network, setting, pairs, generator):
        """Criterion, and module whose output it judges.

        Parameters
        ----------
        network : UnrolledNetwork
            The network.
        setting : Setting
            What it is built on.
        pairs : Pairs
            Data and models.
        generator : torch.Generator
            Source of noise.

        Returns
        -------
        criterion, module : nn.Module
            To be trained.
        """
        return _SquaredError(), network

    def judge(self, inverse, result, criterion, B, X):
        """Judge an inverse on samples that its network has not seen.

        Parameters
        ----------
        inverse : LearnedInverse
            The inverse, with all of its correction.
        result : TrainingResult
            How its training went.
        criterion : nn.Module
            The criterion of the training.
        B, X : ndarray of shape (n, M), (n, N)
            Data and models.

        Returns
        -------
        Judged
            The judgement.
        """
        models, finite = inverse.predict(B)
        share = self.correction.share(inverse.linear(B), models, X)
        return Judged(replace(inverse, correction=share), share > 0, finite)


@dataclass(frozen=True)
class DrawObjective:
    """Answers are draws from the posterior, by the energy score.

    Parameters
    ----------
    n_draws : int, default=4
        Draws of each posterior in training.
    n_draws_of_images : int, default=2
        Those of images that are too large for covariances; more would take too long.
    floor : float, default=1e-4
        Directions whose variance is less than this share of the largest are whitened
        as if they had that.
    no_worse : float, default=1.05
        Draws help up to this ratio of their score to that of the linear estimate plus
        what it leaves of other samples: the hold-out is finite, and some posteriors
        are Gaussian.
    """

    n_draws: int = 4
    n_draws_of_images: int = 2
    floor: float = 1e-4
    no_worse: float = 1.05
    # Whether answers are draws.
    draws = True

    def prepare(self, network, setting, pairs, generator):
        """Criterion and module, see `MeanObjective.prepare`."""
        if not setting.has_covariances:
            return EnergyScore(), Draws(network, self.n_draws_of_images, generator)
        B, X = pairs.of(pairs.seen)
        units = setting.units
        left = units.answers(X) - units.answers(setting.linear(B))
        whitening = to_tensor(whitening_of(left, self.floor), dtype=np.float32)
        return EnergyScore(whitening), Draws(network, self.n_draws, generator)

    def judge(self, inverse, result, criterion, B, X):
        """Judge an inverse by its score, see `MeanObjective.judge`."""
        peer = self._score_of_linear(criterion, inverse.setting, B, X)
        helps = result.best_loss <= self.no_worse * peer
        return Judged(inverse, helps, np.ones(len(B), dtype=bool))

    def _score_of_linear(self, criterion, setting, B, X):
        """Score of draws that are linear estimates plus what they leave of others."""
        if len(B) <= self.n_draws:  # too few others
            return np.inf
        answers = setting.units.answers(X)
        linear = setting.units.answers(setting.linear(B))
        left = answers - linear
        draws = [linear + np.roll(left, i, 0) for i in range(1, self.n_draws + 1)]
        criterion = criterion.cpu().double()
        with threads_for(answers.size * answers.shape[1] * self.n_draws):
            return criterion(to_tensor(np.array(draws)), [to_tensor(answers)]).item()


class _SquaredError(nn.Module):
    """Squared error, summed over the unknowns."""

    def forward(self, answers, targets):
        return (answers - targets[0]).square().sum(1).mean()
