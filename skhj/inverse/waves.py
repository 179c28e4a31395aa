"""Bases of waves, in which convolutions of images are multiplications.

One class a kind of waves: how numpy multiplies them, and which module does on tensors.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import fft

from skhj.inverse.unrolled.filters import CosineFilter, FourierFilter
from skhj.numerics.blocks import row_blocks

__all__ = ["CosineWaves", "FourierWaves"]


class _Waves:
    """What both kinds share."""

    def filter(self, images, multiplier, *, origin=0.0, answer=0.0):
        """Images (n, ..., H, W), each wave's coefficient multiplied, by blocks of n.

        Those of what they are beyond the image ``origin``, which becomes ``answer``.
        """
        shape, answers = images.shape[1:], np.empty(images.shape)
        for rows in row_blocks(len(images), 4 * math.prod(shape)):
            coefficients = multiplier * self.coefficients(images[rows] - origin)
            answers[rows] = self._synthesis(coefficients, shape) + answer
        return answers


@dataclass(frozen=True)
class FourierWaves(_Waves):
    """Waves of images that continue periodically."""

    def coefficients(self, images):
        """Coefficients of images (n, ..., H, W) in the orthonormal basis."""
        return fft.rfft2(images, axes=(-2, -1), norm="ortho")

    def _synthesis(self, coefficients, shape):
        return fft.irfft2(coefficients, s=shape[-2:], axes=(-2, -1), norm="ortho")

    def module(self, image_shape):
        """The same filter on tensors."""
        return FourierFilter(image_shape)


@dataclass(frozen=True)
class CosineWaves(_Waves):
    """Waves of images that continue by reflection."""

    def coefficients(self, images):
        """Coefficients of images (n, ..., H, W) in the orthonormal basis."""
        return fft.dctn(images, axes=(-2, -1), norm="ortho")

    def _synthesis(self, coefficients, shape):
        return fft.idctn(coefficients, axes=(-2, -1), norm="ortho")

    def module(self, image_shape):
        """The same filter on tensors."""
        return CosineFilter(image_shape)
