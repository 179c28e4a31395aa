"""The linear estimate that a network starts from, and settings made of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from torch import nn

from skhj.inverse.linear.dense import estimated_operator, statistics_of
from skhj.inverse.linear.selection import LinearSelection
from skhj.inverse.linear.spectral_selection import SpectralSelection
from skhj.inverse.output_sizes import OutputSizes
from skhj.inverse.preconditioner import Preconditioning, literal
from skhj.inverse.setting import (
    DenseSetting,
    NonlinearSetting,
    Setting,
    SpectralSetting,
)
from skhj.inverse.units import SpectralUnits
from skhj.numerics.rows import extent, total
from skhj.numerics.threads import threads_for

__all__ = ["Candidate", "SettingChoice"]


class Candidate(NamedTuple):
    """A setting to train a network in.

    Attributes
    ----------
    setting : Setting
        The setting.
    physics : nn.Module
        Misfit in its units, in double precision.
    refit : callable
        Maps data and models to the same kind of linear estimate.
    """

    setting: Setting
    physics: nn.Module
    refit: Callable


@dataclass(frozen=True)
class SettingChoice:
    """Makes settings of pairs and an operator.

    Parameters
    ----------
    preconditioned : bool, default=True
        Whether the statistics of the data give the units and the start.
    dense_pixels : int, default=1024
        Images of more pixels are treated by their spectrum, not their covariance.
    dense_samples : int, default=4
        So are those of fewer samples a pixel: windows of one photograph overlap, and
        the hold-out does not show that a covariance has been learned by heart.
    linear : LinearSelection
        Chooses the estimate of vectors.
    spectral : SpectralSelection or None
        Chooses that of images; None treats all by their covariance.
    preconditioning : Preconditioning
        Makes the units of vectors.
    sizes : OutputSizes
        Tells relative to what the errors of vectors' entries count.
    """

    preconditioned: bool = True
    dense_pixels: int = 1024
    dense_samples: int = 4
    linear: LinearSelection = LinearSelection()
    spectral: SpectralSelection | None = SpectralSelection()
    preconditioning: Preconditioning = Preconditioning()
    sizes: OutputSizes = OutputSizes()

    def candidates(self, pairs, operator, image_shape):
        """Choose the linear estimate, and make units and misfits of it.

        Parameters
        ----------
        pairs : Pairs
            Data and models.
        operator : ForwardOperator or None
            The operator; None estimates it from the pairs.
        image_shape : tuple of int or None
            Shape (C, H, W) of models that are images.

        Returns
        -------
        list of Candidate
            One for each of the units, where these come from covariance matrices.
        """
        if self._by_spectrum(pairs, image_shape):
            with threads_for(SpectralSetting.n_products(*pairs.sizes)):
                candidate = self._of_waves(pairs, operator, image_shape)
            if candidate is not None:
                return [candidate]
        with threads_for(DenseSetting.n_products(*pairs.sizes)):
            return self._of_vectors(pairs, operator, keep_order=image_shape is not None)

    def _by_spectrum(self, pairs, image_shape):
        if self.spectral is None:
            return False
        largest = min(self.dense_pixels, pairs.seen.sum() // self.dense_samples)
        is_large = image_shape is not None and pairs.X.shape[1] > largest
        return self.preconditioned and is_large and pairs.B.shape == pairs.X.shape

    def _of_waves(self, pairs, operator, image_shape):
        """Candidate of waves, where the operator is a convolution, else None."""
        if operator is not None and not operator.is_linear:
            return None
        data = None if operator is None else operator.data
        kind = self.spectral.choose(pairs, data, image_shape)
        if kind is None:
            return None
        B, X = pairs.of(pairs.seen)
        linear = kind.fit(B, X)
        means = linear.data_mean, linear.model_mean
        size = self.sizes.of_all(X.map(lambda x, b: x - linear(b), B))
        units = SpectralUnits(linear.waves, *means, linear.start, size)
        setting = SpectralSetting(linear, units)
        return Candidate(setting, setting.physics(setting.arrays(), None), kind.fit)

    def _of_vectors(self, pairs, operator, *, keep_order):
        """Candidates from covariance matrices.

        With ``keep_order``, the units have one unknown for each one of the models, and
        one size for all of them: convolutions do not know their places.
        """
        is_known = operator is not None and operator.is_linear
        A = operator.dense() if is_known else None
        A = None if A is None else A.numpy()
        B, X = pairs.of(pairs.seen)
        spread = 1.0 if keep_order else self.sizes(X.centred(), X)
        choice = self.linear.choose(pairs, A, spread)
        statistics = statistics_of(B, X)
        linear = choice.kind.fit(statistics)
        if not is_known:
            A = estimated_operator(statistics)
        apply_operator = operator.data if A is None else partial(_times, A)
        kind = DenseSetting if is_known or operator is None else NonlinearSetting
        if not self.preconditioned:
            linear, as_it_is = _without_statistics(linear, X, apply_operator, is_known)
        left = X.map(lambda x, b, estimate=linear: x - estimate(b), B)
        sizes = self.sizes.of_all(left) if keep_order else self.sizes(left, X)
        if self.preconditioned:
            preconditioners = self.preconditioning.preconditioners(
                linear.of_scaled(spread),
                lambda scaled: apply_operator(scaled * spread),
                np.sum(choice.error / spread**2),
                keep_order=keep_order,
                compress=kind.is_linear,
            )
            preconditioners = [p.of_unscaled(spread) for p in preconditioners]
            refit = partial(_refitted, choice.kind)
        else:
            preconditioners = [as_it_is]
            refit = partial(_unchanged, linear.without_covariances())
        matrix = A if operator is None else None
        bounds = extent(X)
        linear = linear.without_covariances()
        candidates = []
        for preconditioner in preconditioners:
            setting = kind(linear, preconditioner.units(linear, sizes), matrix)
            arrays = setting.arrays(preconditioner, bounds)
            candidate = Candidate(setting, setting.physics(arrays, operator), refit)
            candidates.append(candidate)
        return candidates


def _refitted(kind, B, X):
    return kind.fit(statistics_of(B, X)).without_covariances()


def _without_statistics(linear, X, apply_operator, is_known):
    """The start A^T b as a linear estimate, and its units.

    Means are those of the estimate only where the operator had to be estimated too.
    """
    if is_known:
        means = np.zeros_like(linear.data_mean), np.zeros_like(linear.model_mean)
        linear = linear._replace(data_mean=means[0], model_mean=means[1])
    mean = linear.model_mean
    squared = total(lambda rows: np.sum((rows - mean) ** 2), X)
    scale = np.sqrt(squared / X.size) or 1.0
    units = literal(apply_operator, X.shape[1], scale)
    return linear._replace(gain=units.gain), units


def _unchanged(linear, B, X):
    return linear


def _times(A, models):
    """Data (n, M) of models (n, N)."""
    return models @ A.T
