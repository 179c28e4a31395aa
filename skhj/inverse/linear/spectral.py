r"""Linear estimates of images whose statistics do not depend on the place.

In a basis of waves, the Fourier basis or the cosines of a reflecting border, the
covariance of such images is diagonal, their power spectrum s, and so is an operator
that is a convolution, its transfer function t. With the noise's power v, the best
linear estimate multiplies each wave of the data by

.. math:: g = \bar t s / (|t|^2 s + v).
"""

from typing import NamedTuple

import numpy as np

from skhj.inverse.waves import CosineWaves, FourierWaves
from skhj.numerics.blocks import row_blocks
from skhj.numerics.rows import Rows

__all__ = [
    "SpectralEstimate",
    "SpectralStatistics",
    "spectral_estimate",
    "spectral_statistics",
    "transfer_function",
]


class SpectralStatistics(NamedTuple):
    """Means and spectra of data and models that are images of one shape.

    Attributes
    ----------
    waves : FourierWaves or CosineWaves
        The waves.
    data_mean, model_mean : ndarray of shape (C, H, W)
        Means.
    transfer : ndarray
        Transfer function of the operator.
    model_power, noise_power : ndarray
        Power of the models and of the data that the operator does not explain.
    """

    waves: FourierWaves | CosineWaves
    data_mean: np.ndarray
    model_mean: np.ndarray
    transfer: np.ndarray
    model_power: np.ndarray
    noise_power: np.ndarray


class SpectralEstimate(NamedTuple):
    """Linear estimate that multiplies waves, and the spectra it assumes.

    Attributes
    ----------
    waves : FourierWaves or CosineWaves
        The waves.
    data_mean, model_mean : ndarray of shape (C, H, W)
        Means.
    gain : ndarray
        Multiplier g.
    factor : ndarray
        Square root of the power of the models.
    normal : ndarray
        Share |t|^2 s / (|t|^2 s + v) of the data's power that the models explain.
    transfer : ndarray
        Transfer function t of the operator.
    """

    waves: FourierWaves | CosineWaves
    data_mean: np.ndarray
    model_mean: np.ndarray
    gain: np.ndarray
    factor: np.ndarray
    normal: np.ndarray
    transfer: np.ndarray

    @property
    def start(self):
        """Multiplier from centred data to the estimate in units of the factor."""
        return _divide(self.gain, self.factor)

    def __call__(self, B):
        """Models (n, N) from data (n, N)."""
        return self._map(B, self.gain, self.data_mean, self.model_mean)

    def data(self, X):
        """Data (n, N) that the operator makes of models (n, N)."""
        return self._map(X, self.transfer, self.model_mean, self.data_mean)

    def _map(self, rows, multiplier, origin, answer):
        images = rows.reshape(len(rows), *origin.shape)
        images = self.waves.filter(images, multiplier, origin=origin, answer=answer)
        return images.reshape(rows.shape)


def transfer_function(
    apply_operator, image_shape, waves, *, n_probes=4, tolerance=1e-5
):
    """Transfer function of an operator, where it only multiplies waves.

    Parameters
    ----------
    apply_operator : callable
        Maps models of shape (n, N) to data of the same shape, linearly.
    image_shape : tuple of int
        Shape (C, H, W).
    waves : FourierWaves or CosineWaves
        The waves.
    n_probes : int, default=4
        Random images that it is found from.
    tolerance : float, default=1e-5
        Relative difference up to which an operator is a multiplication of waves; those
        that compute in single precision are.

    Returns
    -------
    ndarray or None
        The multiplier of each wave; None where there is more to the operator.
    """
    probes = np.random.RandomState(0).normal(size=(n_probes, *image_shape))
    images = apply_operator(probes.reshape(n_probes, -1)).reshape(probes.shape)
    images, probes = waves.coefficients(images), waves.coefficients(probes)
    transfer = _regression([(images, probes)])
    misfit = np.abs(images - transfer * probes).max()
    return transfer if misfit <= tolerance * np.abs(images).max() else None


def spectral_statistics(B, X, transfer, waves):
    """Means and spectra of pairs of images.

    Parameters
    ----------
    B, X : ndarray or Rows of shape (n, C, H, W)
        Data and models.
    transfer : ndarray or None
        Transfer function of the operator; None estimates it from the pairs.
    waves : FourierWaves or CosineWaves
        The waves.

    Returns
    -------
    SpectralStatistics
        Means and spectra.
    """
    B, X = Rows.of(B), Rows.of(X)
    data_mean, model_mean = B.mean(), X.mean()

    def coefficients():
        for rows in row_blocks(len(B), 8 * model_mean.size):
            yield tuple(
                waves.coefficients(images[rows] - mean)
                for images, mean in ((B, data_mean), (X, model_mean))
            )

    if transfer is None:
        transfer = _regression(coefficients())
    powers = np.zeros((2, *transfer.shape))
    for data, models in coefficients():
        powers += [_power(models), _power(data - transfer * models)]
    powers /= len(B)
    return SpectralStatistics(waves, data_mean, model_mean, transfer, *powers)


def spectral_estimate(statistics, *, white):
    """Linear estimate of images from their spectra.

    Parameters
    ----------
    statistics : SpectralStatistics
        Of the pairs.
    white : bool
        Whether the noise has the same power in all waves.

    Returns
    -------
    SpectralEstimate
        The estimate.
    """
    waves, data_mean, model_mean, t, s, v = statistics
    if white:
        v = np.full_like(v, v.mean())
    explained = np.abs(t) ** 2 * s
    return SpectralEstimate(
        waves,
        data_mean,
        model_mean,
        _divide(t.conj() * s, explained + v),
        np.sqrt(s),
        _divide(explained, explained + v),
        t,
    )


def _regression(blocks):
    """Multiplier of each wave of the models that is closest to the data.

    From blocks of coefficients of data and models.
    """
    cross, power = 0.0, 0.0
    for data, models in blocks:
        cross = cross + np.sum(data * models.conj(), axis=0)
        power = power + _power(models)
    return _divide(cross, power)


def _power(coefficients):
    """Squared sizes of coefficients (n, ...), summed over the images."""
    return np.sum(np.abs(coefficients) ** 2, axis=0)


def _divide(numerator, denominator):
    """Quotient, zero where the denominator is."""
    out = np.zeros(numerator.shape, np.result_type(numerator, denominator))
    return np.divide(numerator, denominator, out=out, where=denominator != 0)
