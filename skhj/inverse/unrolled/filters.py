"""Filters of images on tensors, by multiplication of waves."""

import torch
from torch import nn

__all__ = ["CosineFilter", "FourierFilter"]


class FourierFilter(nn.Module):
    """Waves of periodic images multiplied, by fast transforms.

    Parameters
    ----------
    image_shape : tuple of int
        Shape (..., H, W).
    """

    def __init__(self, image_shape):
        super().__init__()
        self.image_shape = tuple(image_shape)[-2:]

    def forward(self, images, multiplier):
        """Images (n, ..., H, W) with the coefficient of each wave multiplied."""
        coefficients = multiplier * torch.fft.rfft2(images)
        return torch.fft.irfft2(coefficients, s=self.image_shape)


class CosineFilter(nn.Module):
    """Waves of reflected images multiplied; torch has no transform, but matrices.

    Parameters
    ----------
    image_shape : tuple of int
        Shape (..., H, W).
    """

    def __init__(self, image_shape):
        super().__init__()
        for name, size in zip("HW", image_shape[-2:], strict=True):
            self.register_buffer(f"cosines_{name}", _cosines(size), persistent=False)

    def forward(self, images, multiplier):
        """Images (n, ..., H, W) with the coefficient of each wave multiplied."""
        rows, columns = self.cosines_H, self.cosines_W
        return rows.T @ (multiplier * (rows @ images @ columns.T)) @ columns


def _cosines(size):
    """Orthonormal cosines of a reflecting border, one a row (DCT-II)."""
    place = torch.arange(size, dtype=torch.float64)
    waves = torch.cos(torch.pi / size * place[:, None] * (place + 0.5))
    waves *= (2 / size) ** 0.5
    waves[0] /= 2**0.5
    return waves
