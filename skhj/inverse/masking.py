"""Settings for data of which some were not measured: NaN in B."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from skhj.inverse.candidates import Candidate, SettingChoice
from skhj.inverse.linear.missing import GaussianFill, MaskedEstimate, gaussian_fill
from skhj.inverse.setting import DenseSetting
from skhj.inverse.units import DenseUnits
from skhj.inverse.unrolled.masked_misfit import MaskedPhysics
from skhj.numerics.covariance import covariance, symmetric_power
from skhj.numerics.rows import Rows
from skhj.numerics.tensors import to_tensor

__all__ = ["FreshMasks", "MaskedChoice", "MaskedSetting", "MaskedUnits"]


class MaskedUnits(NamedTuple):
    """Units of networks whose inputs are data beside their masks.

    Attributes
    ----------
    dense : DenseUnits
        Units of the models.
    mean, scale : ndarray of shape (M,)
        Where inputs are zero, and what makes them of size one.
    """

    dense: DenseUnits
    mean: np.ndarray
    scale: np.ndarray

    @property
    def data_mean(self):
        """Where the inputs are zero, (M,)."""
        return self.mean

    @property
    def model_mean(self):
        """Where the answers are zero, (N,)."""
        return self.dense.model_mean

    @property
    def sizes(self):
        """Sizes of the models."""
        return self.dense.sizes

    def inputs(self, B):
        """Inputs of the network, (n, 2 M), from data (n, M), some of them NaN."""
        mask = ~np.isnan(B)
        values = np.where(mask, (B - self.mean) / self.scale, 0)
        return np.concatenate([values, mask], axis=1)

    def answers(self, X):
        """What the network should answer, (n, k), for models (n, N)."""
        return self.dense.answers(X)

    def differences(self, answers):
        """Differences of models (..., N) from differences of answers (..., k)."""
        return self.dense.differences(answers)


@dataclass(frozen=True)
class MaskedSetting(DenseSetting):
    """A linear operator of whose data some were not measured.

    Parameters
    ----------
    linear : MaskedEstimate
        The linear estimate.
    units : MaskedUnits
        Units of the network.
    """

    is_masked = True

    @property
    def row_size(self):
        """Numbers that the work on one sample holds at a time."""
        return self.units.mean.size**2

    def physics(self, arrays, operator):
        """Misfit in these units, see `DenseSetting.physics`."""
        return MaskedPhysics(*(to_tensor(arrays[name]) for name in MaskedPhysics.names))

    def augment(self, pairs, noise_level, generator):
        """What is drawn afresh in each step: noise where it is known, and masks."""
        measured = pairs.of(pairs.seen)[0]
        return FreshMasks(measured, self.units.scale, noise_level, generator)


@dataclass(frozen=True)
class FreshMasks:
    """Masks of other samples for those of a batch, drawn afresh, and noise.

    Parameters
    ----------
    measured : Rows of shape (n, M)
        Data of samples, NaN where they were not measured.
    scale : ndarray of shape (M,)
        Size of data whose inputs are of size one.
    level : float or None
        Standard deviation of white noise for inputs that have none; None for inputs
        that are measurements.
    generator : torch.Generator
        Source of both, on the CPU.
    share : float, default=0.5
        Share of the samples of a batch that lose more of their measurements.
    """

    measured: Rows
    scale: np.ndarray
    level: float | None
    generator: torch.Generator
    share: float = 0.5

    def __call__(self, inputs):
        """Inputs (n, 2 M) of the same samples."""
        values, mask = inputs.tensor_split(2, dim=1)
        n, draws = len(values), {"generator": self.generator}
        drawn = torch.randint(len(self.measured), (n,), **draws)
        other = to_tensor(~np.isnan(self.measured[drawn.numpy()])).to(inputs)
        if self.level is None:
            loses = torch.rand((n, 1), **draws) < self.share
            other = torch.where(loses.to(other.device), other, 1.0)
        else:
            noise = torch.randn(values.shape, dtype=torch.float64, **draws)
            noise = noise * to_tensor(self.level / self.scale)
            values = values + noise.to(values)
        return torch.cat([values * other, mask * other], dim=1)


@dataclass(frozen=True)
class MaskedChoice:
    """Makes settings of pairs whose data were not all measured.

    Parameters
    ----------
    complete : SettingChoice
        Makes those of complete data.
    floor : float, default=1e-6
        Variance added to data in the misfit, relative to theirs: rounding of single
        precision.
    """

    complete: SettingChoice
    floor: float = 1e-6

    @property
    def preconditioned(self):
        """Whether the statistics of the data give the units and the start."""
        return self.complete.preconditioned

    def candidates(self, pairs, operator, image_shape):
        """Make units and misfits, see `SettingChoice.candidates`."""
        A = None if operator is None else operator.dense().numpy()
        fill = gaussian_fill(*pairs.of(pairs.seen), A)
        filled = pairs._replace(B=Rows.of(pairs.B).map(fill).kept())
        # A covariance of the data there is anyway, and masks do not commute with waves.
        dense = replace(self.complete, spectral=None)
        candidates = dense.candidates(filled, operator, image_shape)
        if not self.preconditioned:
            M = len(fill.mean)
            fill = GaussianFill(candidates[0].setting.linear.data_mean, np.eye(M))
        return [self._masked(one, pairs, fill, A) for one in candidates]

    def _masked(self, candidate, pairs, fill, A):
        setting = candidate.setting
        units, A = setting.units, setting.matrix if A is None else A
        scale = np.sqrt(fill.covariance.diagonal())
        linear = MaskedEstimate(setting.linear, fill)
        masked = MaskedSetting(
            linear, MaskedUnits(units, fill.mean, scale), setting.matrix
        )
        factor = candidate.physics.factor.numpy()
        spread = candidate.physics.spread.numpy()
        if self.preconditioned:
            B, X = pairs.of(pairs.seen)
            left = X.map(lambda x, b: units.answers(x) - units.answers(linear(b)), B)
            spread = symmetric_power(covariance(left), 1 / 2)
        correlation = fill.covariance / np.outer(scale, scale)
        correlation = correlation + self.floor * np.eye(len(scale))
        matrix = A @ units.synthesis @ factor / scale[:, None]
        white = np.linalg.solve(np.linalg.cholesky(correlation), matrix)
        size = max(1.0, np.linalg.norm(white, 2))
        arrays = {
            "matrix": matrix / size,
            "correlation": correlation,
            "start": units.start * scale,
            "offset": units.start @ (fill.mean - units.data_mean),
            "size": np.array(size),
            "factor": factor,
            "spread": spread,
        }
        refit = partial(_refitted, candidate.refit, fill)
        return Candidate(masked, masked.physics(arrays, None), refit)


def _refitted(refit, fill, B, X):
    return MaskedEstimate(refit(fill(B), X), fill)
