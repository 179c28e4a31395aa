"""Units of networks: what they are given, and what their answers mean."""

from typing import NamedTuple

import numpy as np

from skhj.inverse.waves import CosineWaves, FourierWaves

__all__ = ["DenseUnits", "SpectralUnits"]


class DenseUnits(NamedTuple):
    """Standardised units: what a network is given, and what its answers mean.

    Attributes
    ----------
    data_mean, model_mean : ndarray of shape (M,), (N,)
        Where the inputs and the answers are zero.
    start, whitening : ndarray of shape (k, M), (m, M)
        Map centred data to the network's inputs, the start and the data.
    analysis, synthesis : ndarray of shape (N, k)
        From centred models to answers, and back to those that the network can answer.
    sizes : ndarray of shape (N,) or float
        Sizes of the models: squares of answers are those of models over them.
    """

    data_mean: np.ndarray
    model_mean: np.ndarray
    start: np.ndarray
    whitening: np.ndarray
    analysis: np.ndarray
    synthesis: np.ndarray
    sizes: np.ndarray | float

    def inputs(self, B):
        """Inputs of the network, (n, k + m), from data (n, M)."""
        centred = B - self.data_mean
        return np.concatenate(
            [centred @ self.start.T, centred @ self.whitening.T], axis=1
        )

    def answers(self, X):
        """What the network should answer, (n, k), for models (n, N)."""
        return (X - self.model_mean) @ self.analysis

    def differences(self, answers):
        """Differences of models (..., N) from differences of answers (..., k)."""
        return answers @ self.synthesis.T


class SpectralUnits(NamedTuple):
    """Standardised units of images, by multiplication of waves.

    Attributes
    ----------
    waves : FourierWaves or CosineWaves
        The waves.
    data_mean, model_mean : ndarray of shape (C, H, W)
        Where the inputs and the answers are zero.
    start : ndarray
        Multiplier from centred data to the start.
    sizes : float
        Size of all models, that of one unit of the network's answers: other sizes of
        pixels would not commute with waves.
    """

    waves: FourierWaves | CosineWaves
    data_mean: np.ndarray
    model_mean: np.ndarray
    start: np.ndarray
    sizes: float

    def inputs(self, B):
        """Inputs of the network, (n, N), from data (n, N)."""
        images = B.reshape(len(B), *self.data_mean.shape)
        images = self.waves.filter(images, self.start, origin=self.data_mean)
        return images.reshape(B.shape)

    def answers(self, X):
        """What the network should answer, (n, N), for models (n, N)."""
        return (X - self.model_mean.ravel()) / self.sizes

    def differences(self, answers):
        """Differences of models from differences of answers, of the same shape."""
        return self.sizes * answers
