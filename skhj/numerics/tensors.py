"""Tensors of arrays, whatever their layout."""

import numpy as np
import torch

__all__ = ["to_tensor"]


def to_tensor(array, *, dtype=np.float64, device=None):
    """Copy an array to a tensor.

    Parameters
    ----------
    array : ndarray
        Numbers in any layout: torch itself refuses negative strides and other machines'
        byte orders, and warns of arrays that are read-only.
    dtype : numpy dtype, default=numpy.float64
        Type of the tensor's numbers.
    device : torch.device or None, default=None
        Where it is; None is the CPU.

    Returns
    -------
    Tensor
        A contiguous copy.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.tensors import to_tensor
    >>> to_tensor(np.arange(3)[::-1])
    tensor([2., 1., 0.], dtype=torch.float64)
    """
    with np.errstate(over="ignore"):
        copy = np.array(array, dtype=dtype, order="C", copy=True)
    return torch.from_numpy(copy).to(device)
