"""Images of which some pixels, or some spatial frequencies, are measured."""

import numpy as np
import torch
from numpy.typing import ArrayLike

from skhj.operators.base import ForwardOperator

__all__ = ["FourierSampling", "Inpainting"]


class _Sampling(ForwardOperator):
    """Entries of an array where a mask is true; places of them on devices met."""

    def _hold(self, mask, n_numbers):
        self.mask = mask
        self.image_shape = mask.shape
        super().__init__((n_numbers * int(mask.sum()), mask.size))
        self._copies = {}

    def _places(self, device):
        if device not in self._copies:
            self._copies[device] = torch.tensor(
                np.flatnonzero(self.mask), device=device
            )
        return self._copies[device]

    def _taken(self, rows):
        return rows[:, self._places(rows.device)]

    def _put_back(self, values):
        """Rows that are zero where nothing was taken."""
        rows = values.new_zeros(len(values), self.mask.size)
        return rows.index_copy(1, self._places(values.device), values)


class Inpainting(_Sampling):
    """Some pixels of flattened images: the others are to be painted in.

    Parameters
    ----------
    mask : array-like of bool of shape (N,), (H, W) or (C, H, W)
        Which pixels are measured, of images of that shape. The measurements are those
        pixels, in the order of ``image[mask]``.

    Attributes
    ----------
    mask : ndarray of bool
        The mask.
    image_shape : tuple of int
        Its shape.

    Raises
    ------
    ValueError
        If the mask is not of the form asked for, or true nowhere.

    Examples
    --------
    >>> from skhj.operators import Inpainting
    >>> A = Inpainting([[True, False], [True, True]])
    >>> A.shape
    (3, 4)
    >>> A.matvec([1.0, 2.0, 3.0, 4.0])
    array([1., 3., 4.])
    >>> A.rmatvec([1.0, 3.0, 4.0])
    array([1., 0., 3., 4.])
    """

    def __init__(self, mask: ArrayLike) -> None:
        mask = _check_mask(mask, {1: "(N,)", 2: "(H, W)", 3: "(C, H, W)"})
        self._hold(mask, 1)

    def _apply(self, x):
        return self._taken(x)

    def _apply_adjoint(self, r):
        return self._put_back(r)


class FourierSampling(_Sampling):
    r"""Some Fourier coefficients of flattened real images, as in magnetic resonance.

    The transform is orthonormal: the operator's norm is at most one. It is that of a
    single coil of uniform sensitivity.

    Parameters
    ----------
    mask : array-like of bool of shape (H, W) or (N,)
        Which coefficients are measured, in the order of ``numpy.fft.fft2``: the
        constant's comes first. A mask with it in the middle goes through
        ``numpy.fft.ifftshift``. For signals, a mask of shape (N,).

    Attributes
    ----------
    mask : ndarray of bool
        The mask.
    image_shape : tuple of int
        Its shape.

    Raises
    ------
    ValueError
        If the mask is not of the form asked for, or true nowhere.

    Notes
    -----
    A measured coefficient is two real columns, its real part and then its imaginary
    part: for float64 arrays, ``B.view(numpy.complex128)`` are the coefficients
    ``numpy.fft.fft2(image, norm="ortho")[mask]``. Those of a real image at opposite
    frequencies are conjugate, so that a mask with both measures twice.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.operators import FourierSampling
    >>> A = FourierSampling([[True, True], [False, False]])
    >>> A.shape
    (4, 4)
    >>> A.matvec([1.0, 2.0, 3.0, 4.0]).round(12)
    array([ 5.,  0., -1.,  0.])
    """

    def __init__(self, mask: ArrayLike) -> None:
        self._hold(_check_mask(mask, {1: "(N,)", 2: "(H, W)"}), 2)

    def _apply(self, x):
        images = x.reshape(len(x), *self.image_shape)
        spectrum = torch.fft.fftn(images, dim=self._axes, norm="ortho")
        taken = self._taken(spectrum.reshape(len(x), self.mask.size))
        return torch.view_as_real(taken).reshape(len(x), self.shape[0])

    def _apply_adjoint(self, r):
        pairs = r.reshape(len(r), self.shape[0] // 2, 2).contiguous()
        spectrum = self._put_back(torch.view_as_complex(pairs))
        spectrum = spectrum.reshape(len(r), *self.image_shape)
        images = torch.fft.ifftn(spectrum, dim=self._axes, norm="ortho").real
        return images.reshape(len(r), self.mask.size)

    @property
    def _axes(self):
        return tuple(range(1, 1 + len(self.image_shape)))


def _check_mask(mask, forms):
    """Mask as an array of its own, of one of the numbers of axes."""
    try:
        array = np.array(mask)
    except ValueError:  # rows of several lengths
        array = np.array(None)
    if array.dtype != bool or array.ndim not in forms:
        kind = f"an array of shape {array.shape} and dtype {array.dtype}"
        raise ValueError(
            f"mask must be an array of booleans of shape {' or '.join(forms.values())}"
            f", got {kind if array.dtype != object else type(mask).__name__}"
        )
    if not array.any():
        raise ValueError(
            "mask must be True for at least one entry, got one of False alone"
        )
    return array
