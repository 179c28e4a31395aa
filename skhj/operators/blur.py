"""Blurs by point-spread functions that look the same in all directions."""

import math
from collections.abc import Sequence
from numbers import Real

import torch

from skhj.operators.base import ForwardOperator
from skhj.operators.image_shape import check_image_shape

__all__ = ["ExponentialBlur", "GaussianBlur"]


class _IsotropicBlur(ForwardOperator):
    """Convolution of the continued image; a subclass has `_point_spread(distance)`."""

    def __init__(self, image_shape, boundary):
        self.image_shape = check_image_shape(image_shape)
        if not isinstance(boundary, str) or boundary not in {"periodic", "reflect"}:
            raise ValueError(
                f"boundary must be 'periodic' or 'reflect', got {boundary!r}"
            )
        self.boundary = boundary
        n_pixels = math.prod(self.image_shape)
        super().__init__((n_pixels, n_pixels))
        self._copies = {}

    def _apply(self, x):
        H, W = self.image_shape
        images = x.reshape(len(x), H, W)
        if self.boundary == "reflect":
            images = torch.cat([images, images.flip(1)], dim=1)
            images = torch.cat([images, images.flip(2)], dim=2)
        spectrum = torch.fft.rfft2(images) * self._transfer_function(x)
        blurred = torch.fft.irfft2(spectrum, s=images.shape[1:])
        return blurred[:, :H, :W].reshape(len(x), -1)

    # The function is even along each axis, and so is the reflecting continuation.
    _apply_adjoint = _apply

    def _transfer_function(self, rows):
        """Fourier transform of the point-spread function on one period, real."""
        place = rows.dtype, rows.device
        if place not in self._copies:
            n_periods = 2 if self.boundary == "reflect" else 1
            squared = [
                torch.minimum(axis, n_periods * size - axis) ** 2
                for size in self.image_shape
                for axis in [torch.arange(n_periods * size, dtype=torch.float64)]
            ]
            distance = (squared[0][:, None] + squared[1]).sqrt()
            psf = self._point_spread(distance)
            transfer = torch.fft.rfft2(psf / psf.sum()).real
            self._copies[place] = transfer.to(*reversed(place))
        return self._copies[place]


class ExponentialBlur(_IsotropicBlur):
    """Blur of flattened images by the point-spread function exp(-|r| / s).

    The function is scaled to sum to one, so that a constant image stays as it is. The
    image continues beyond its borders periodically or by reflection, and the function
    reaches as far as a period of that. The operator is symmetric: it is its own
    adjoint.

    Parameters
    ----------
    image_shape : tuple of int
        Shape (H, W) of an image.
    s : float
        Width of the function in pixels, positive.
    boundary : {"periodic", "reflect"}, default="periodic"
        How the image continues. "reflect" repeats the pixels of the border
        (d c b a | a b c d | d c b a), as photographs need; it costs four times as
        much.

    Notes
    -----
    This is the blur of section 5.2 of Eliasof, Haber, Treister, "An over complete deep
    learning method for inverse problems", arXiv 2402.04653, there periodic.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.operators import ExponentialBlur
    >>> blur = ExponentialBlur((8, 8), s=1.0)
    >>> blur.shape
    (64, 64)
    >>> blur.matvec(np.ones(64)).round(12).max()
    np.float64(1.0)
    """

    def __init__(
        self, image_shape: Sequence[int], s: float, boundary: str = "periodic"
    ) -> None:
        super().__init__(image_shape, boundary)
        self.s = _check_width("s", s)

    def _point_spread(self, distance):
        return torch.exp(-distance / self.s)


class GaussianBlur(_IsotropicBlur):
    """Blur of flattened images by the point-spread function exp(-|r|^2 / (2 width^2)).

    The function is scaled to sum to one, so that a constant image stays as it is. The
    image continues beyond its borders periodically or by reflection, and the function
    reaches as far as a period of that. The operator is symmetric: it is its own
    adjoint.

    Parameters
    ----------
    image_shape : tuple of int
        Shape (H, W) of an image.
    width : float
        Standard deviation of the function in pixels, positive.
    boundary : {"periodic", "reflect"}, default="periodic"
        How the image continues. "reflect" repeats the pixels of the border
        (d c b a | a b c d | d c b a), as photographs need; it costs four times as
        much.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.operators import GaussianBlur
    >>> blur = GaussianBlur((8, 8), width=1.6)
    >>> blur.shape
    (64, 64)
    >>> blur.matvec(np.ones(64)).round(12).max()
    np.float64(1.0)
    """

    def __init__(
        self, image_shape: Sequence[int], width: float, boundary: str = "periodic"
    ) -> None:
        super().__init__(image_shape, boundary)
        self.width = _check_width("width", width)

    def _point_spread(self, distance):
        return torch.exp(-((distance / self.width) ** 2) / 2)


def _check_width(name, width):
    if not isinstance(width, Real) or not 0 < width < math.inf:
        raise ValueError(f"{name} must be a positive finite number, got {width!r}")
    return float(width)
