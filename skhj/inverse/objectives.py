"""What a network is trained for, where answers are means, and how that is judged.

That of draws is in `skhj.inverse.posterior.draw_objective`.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from torch import nn

from skhj.inverse.correction import CorrectionRule
from skhj.numerics.rows import Rows

__all__ = ["Judged", "MeanObjective"]


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
    outside : float, default=1.0
        How many times as many draws as should lie where there are no models.
    """

    inverse: object
    helps: bool
    finite: np.ndarray
    outside: float = 1.0


@dataclass(frozen=True)
class MeanObjective:
    """Answers are posterior means: those of least squared error.

    Parameters
    ----------
    correction : CorrectionRule
        Chooses how much of the network's correction is applied.
    """

    correction: CorrectionRule = CorrectionRule()
    # Whether answers are draws, and what they start from.
    draws, mixtures = False, None

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

    def judge(self, inverse, result, criterion, pairs):
        """Judge an inverse on samples that its network has not seen.

        Parameters
        ----------
        inverse : LearnedInverse
            The inverse, with all of its correction.
        result : TrainingResult
            How its training went.
        criterion : nn.Module
            The criterion of the training.
        pairs : Pairs
            Data and models.

        Returns
        -------
        Judged
            The judgement.
        """
        B, X = pairs.of(pairs.held_out)
        models, finite = _answers(inverse, B, X)
        sizes = inverse.setting.units.sizes
        linear = B.map(inverse.linear)
        scaled = [rows.map(lambda x: x / sizes) for rows in (linear, models, X)]
        share = self.correction.share(*scaled)
        if not inverse.architecture.remainder:  # the answer is the iteration's
            return Judged(inverse, share > 0, finite)
        if np.ndim(sizes) > 0:
            share = self.correction.by_output(share, *scaled)
        return Judged(replace(inverse, correction=share), np.any(share > 0), finite)


def _answers(inverse, B, X):
    """An inverse's answers to data, as models X are kept, and where they are finite."""
    finite = np.empty(len(B), dtype=bool)

    def read(rows):
        models, finite[rows] = inverse.predict(B[rows])
        return models

    answers = Rows(read, X.shape, on_disk=X.on_disk, work=B.work + X.work)
    return answers.kept(), finite


class _SquaredError(nn.Module):
    """Squared error, summed over the unknowns."""

    def forward(self, answers, targets):
        return (answers - targets[0]).square().sum(1).mean()
