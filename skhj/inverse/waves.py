"""Bases of waves, in which convolutions of images are multiplications.

One class a kind of waves: how numpy multiplies them, and which module does on tensors.
"""

from dataclasses import dataclass

from scipy import fft

from skhj.inverse.unrolled.filters import CosineFilter, FourierFilter

__all__ = ["CosineWaves", "FourierWaves"]


@dataclass(frozen=True)
class FourierWaves:
    """Waves of images that continue periodically."""

    def coefficients(self, images):
        """Coefficients of images (n, H, W) in the orthonormal basis."""
        return fft.rfft2(images, axes=(1, 2), norm="ortho")

    def filter(self, images, multiplier):
        """Images (n, H, W) with the coefficient of each wave multiplied."""
        coefficients = multiplier * self.coefficients(images)
        shape = images.shape[1:]
        return fft.irfft2(coefficients, s=shape, axes=(1, 2), norm="ortho")

    def module(self, image_shape):
        """The same filter on tensors."""
        return FourierFilter(image_shape)


@dataclass(frozen=True)
class CosineWaves:
    """Waves of images that continue by reflection."""

    def coefficients(self, images):
        """Coefficients of images (n, H, W) in the orthonormal basis."""
        return fft.dctn(images, axes=(1, 2), norm="ortho")

    def filter(self, images, multiplier):
        """Images (n, H, W) with the coefficient of each wave multiplied."""
        coefficients = multiplier * self.coefficients(images)
        return fft.idctn(coefficients, axes=(1, 2), norm="ortho")

    def module(self, image_shape):
        """The same filter on tensors."""
        return CosineFilter(image_shape)
