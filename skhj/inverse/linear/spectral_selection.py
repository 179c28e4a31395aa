"""Choose a linear estimate of images by waves, where an operator is a convolution."""

from dataclasses import dataclass

import numpy as np

from skhj.inverse.linear.spectral import (
    spectral_estimate,
    spectral_statistics,
    transfer_function,
)
from skhj.inverse.waves import CosineWaves, FourierWaves
from skhj.numerics.rows import Rows, total, variance

__all__ = ["SpectralFilter", "SpectralSelection"]


@dataclass(frozen=True)
class SpectralFilter:
    """The linear estimate that multiplies waves.

    Parameters
    ----------
    waves : FourierWaves or CosineWaves
        The waves.
    image_shape : tuple of int
        Shape (C, H, W).
    transfer : ndarray or None
        Transfer function of the operator; None estimates it.
    white : bool
        Whether the noise has the same power in all waves.
    """

    waves: FourierWaves | CosineWaves
    image_shape: tuple[int, int, int]
    transfer: np.ndarray | None
    white: bool

    def fit(self, B, X):
        """Make it from pairs (n, N)."""

        def images(rows):
            return rows.reshape(len(rows), *self.image_shape)

        B, X = Rows.of(B).map(images), Rows.of(X).map(images)
        statistics = spectral_statistics(B, X, self.transfer, self.waves)
        return spectral_estimate(statistics, white=self.white)


@dataclass(frozen=True)
class SpectralSelection:
    """Fits multipliers of waves to some samples, and chooses on the others.

    Parameters
    ----------
    waves : tuple
        Kinds of waves to try.
    unexplained : float, default=0.2
        Share of the data's variance that an estimated convolution may leave.
    """

    waves: tuple[FourierWaves | CosineWaves, ...] = (CosineWaves(), FourierWaves())
    unexplained: float = 0.2

    def choose(self, pairs, apply_operator, image_shape):
        """Choose the filter that is best on samples held out.

        Parameters
        ----------
        pairs : Pairs
            Data and models.
        apply_operator : callable or None
            Maps models to data, linearly; None takes an operator that is not known for
            a convolution where that explains the data.
        image_shape : tuple of int
            Shape (C, H, W).

        Returns
        -------
        SpectralFilter or None
            The filter; None where the operator is no convolution.
        """
        B, X = pairs.of(pairs.held_out)
        candidates = []
        for kind in self._filters(apply_operator, image_shape):
            estimate = kind.fit(*pairs.of(~pairs.held_out))
            if apply_operator is None:
                left = B.map(lambda b, x, f=estimate: b - f.data(x), X)
                if variance(left) > self.unexplained * variance(B):
                    continue
            error = total(lambda b, x, f=estimate: np.sum((f(b) - x) ** 2), B, X)
            candidates.append((error, kind))
        if not candidates:
            return None
        return min(candidates, key=lambda candidate: candidate[0])[1]

    def _filters(self, apply_operator, image_shape):
        """Filters of the waves that an operator multiplies, if it is known."""
        for waves in self.waves:
            transfer = None
            if apply_operator is not None:
                transfer = transfer_function(apply_operator, image_shape, waves)
                if transfer is None:
                    continue
            for white in (True, False):
                yield SpectralFilter(waves, image_shape, transfer, white)
