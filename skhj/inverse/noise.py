"""Noise in measurements: its level, and how data to learn from come to have it.

One class for each answer to what noise the measurements to come have: that of the
measurements given, white noise of a known level, or white noise whose level these tell.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import norm

from skhj.numerics.rows import (
    Rows,
    extent,
    gathered,
    means_and_counts,
    total,
    variance,
)
from skhj.numerics.tensors import to_tensor

__all__ = [
    "EstimatedNoise",
    "FreshNoise",
    "KnownNoise",
    "MeasuredNoise",
    "white_noise_level",
]


@dataclass(frozen=True)
class MeasuredNoise:
    """That of the data given: they are taken as they are."""

    def complete(self, B, noiseless, generator):
        """Data with the noise that they lack.

        Parameters
        ----------
        B : ndarray or Rows of shape (n, M)
            Data.
        noiseless : callable
            Makes them without noise, (n, M).
        generator : torch.Generator
            Source of the noise.

        Returns
        -------
        ndarray or Rows of shape (n, M)
            Data.
        """
        return B

    def level(self, B, X, operator):
        """Standard deviation of the noise to draw afresh in each step, None for none.

        Parameters
        ----------
        B, X : ndarray or Rows of shape (n, M), (n, N)
            Data and models.
        operator : ForwardOperator or None
            The operator, where it is known.

        Returns
        -------
        float or None
            The level.
        """
        return


@dataclass(frozen=True)
class KnownNoise(MeasuredNoise):
    """White noise of a level that is known.

    Parameters
    ----------
    size : float
        Its standard deviation.
    """

    size: float

    def complete(self, B, noiseless, generator):
        """Data with white noise added where theirs is less than the level."""
        B = Rows.of(B)
        lacking = self.size**2 - np.mean(_variances(B.map(np.subtract, noiseless())))
        scale = np.sqrt(max(lacking, 0))

        def noisy(rows):
            data = B[rows]
            return data + scale * _white(data.shape, generator)

        return Rows(noisy, B.shape, B.dtype, on_disk=B.on_disk).kept()

    def level(self, B, X, operator):
        """The level."""
        return self.size


@dataclass(frozen=True)
class EstimatedNoise(MeasuredNoise):
    """White noise of the level that the data tell, where nothing speaks against it."""

    def level(self, B, X, operator):
        """Level of white noise by an operator that is a matrix, else None."""
        A = None
        if operator is not None and operator.is_linear:
            A = operator.dense()
        if A is None:
            return None
        complete = gathered(lambda b: ~np.isnan(b).any(axis=1), B)
        if complete.sum() < 2:
            return None
        B, X = Rows.of(B).take(complete), Rows.of(X).take(complete)
        return white_noise_level(B, X, A.numpy())


@dataclass(frozen=True)
class FreshNoise:
    """White noise added to a network's inputs, drawn afresh for each batch.

    Parameters
    ----------
    units : DenseUnits or SpectralUnits
        Units of the network.
    level : float
        Standard deviation of the noise, in the units of the data.
    generator : torch.Generator
        Source of the noise, on the CPU.
    """

    units: object
    level: float
    generator: torch.Generator

    def __call__(self, inputs):
        """Inputs (n, ...) of the same samples."""
        mean = self.units.data_mean.ravel()
        draws = _white((len(inputs), len(mean)), self.generator)
        noise = self.units.inputs(mean + self.level * draws)
        return inputs + to_tensor(noise).to(inputs)


def white_noise_level(B, X, A, *, chance=1e-3, rounding=1e-12):
    """Standard deviation of b - A x, where nothing speaks against white noise.

    Parameters
    ----------
    B : ndarray or Rows of shape (n, M)
        Data.
    X : ndarray or Rows of shape (n, N)
        Models.
    A : ndarray of shape (M, N)
        The operator.
    chance : float, default=1e-3
        Probability with which one of white noise's moments is taken for more than
        chance.
    rounding : float, default=1e-12
        Size of noise, relative to the data, that is rounding.

    Returns
    -------
    float or None
        The level; None where the remainders are zero, differ in size between the
        measurements, or correlate with each other, with the data's noiseless part or,
        in size, with its size, by more than chance allows.
    """
    clean = Rows.of(X).centred().map(lambda x: x @ A.T)
    noise = Rows.of(B).centred().map(np.subtract, clean)
    level = np.sqrt(variance(noise))
    if not level > rounding * np.sqrt(variance(B)):
        return None
    # In units in which fourth powers are numbers.
    unit = np.abs(extent(clean)).max() or 1.0
    moments = _noise_moments(
        noise.map(lambda left: left / level), clean.map(lambda rows: rows / unit)
    )
    n_moments = sum(moment.size for moment in moments)
    allowed = norm.isf(chance / 2 / n_moments) / np.sqrt(len(B))
    # No correlation is larger than one: so few samples cannot tell.
    if allowed >= 1 or any(np.abs(moment).max() > allowed for moment in moments):
        return None
    return float(level)


def _white(shape, generator):
    """Standard normal numbers."""
    return torch.randn(shape, generator=generator, dtype=torch.float64).numpy()


def _noise_moments(noise, clean):
    """Moments that are about zero for white noise of variance 1."""
    n, squares = len(noise), clean.map(np.square)
    standards = [_standards(columns) for columns in (clean, squares)]

    def products(e, x, s):
        # The square of a normal number has the standard deviation sqrt(2).
        sizes = (e**2 - 1) / np.sqrt(2)
        x, s = (
            (rows - mean) / scale
            for rows, (mean, scale) in zip((x, s), standards, strict=True)
        )
        return e.T @ e, sizes.sum(axis=0), e.T @ x, sizes.T @ s

    correlations, sizes, *others = total(products, noise, clean, squares)
    np.fill_diagonal(correlations, sizes)
    return [moment / n for moment in (correlations, *others)]


def _standards(columns):
    """Means of columns, and their standard deviations, 1 where there is none."""
    mean = columns.mean()
    scale = np.sqrt(_variances(columns))
    return mean, np.where(scale > 0, scale, 1)


def _variances(columns):
    """Variances of columns, of the numbers that are not NaN."""
    mean, n = means_and_counts(columns)
    squared = total(lambda rows: np.nansum((rows - mean) ** 2, axis=0), columns)
    return squared / n
