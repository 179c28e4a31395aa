"""Tensors of arrays, whatever their layout."""

import numpy as np
import torch

from skhj.numerics.blocks import row_blocks

__all__ = ["TensorRows", "to_tensor"]


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


class TensorRows:
    """Rows as a tensor in single precision, of which batches are made when asked for.

    Parameters
    ----------
    rows : Rows of shape (n, ...)
        The rows.
    device : torch.device
        Where tensors of them are.
    """

    def __init__(self, rows, device):
        self.rows, self.device = rows, device

    def __len__(self):
        return len(self.rows)

    def size(self, axis):
        """Length of an axis, as of a tensor."""
        return self.rows.shape[axis]

    def __getitem__(self, rows):
        """Tensor of the rows of a slice or of a tensor of indices."""
        rows = rows.cpu().numpy() if isinstance(rows, torch.Tensor) else rows
        return to_tensor(self.rows[rows], dtype=np.float32, device=self.device)

    def blocks(self):
        """Tensors of all rows, a block at a time."""
        return (self[rows] for rows in row_blocks(len(self), self.rows.work))

    def settled(self):
        """Make one tensor of the rows, unless they are on disk."""
        if self.rows.on_disk:
            return self
        values = np.empty(self.rows.shape, np.float32)
        with np.errstate(over="ignore"):
            for rows in row_blocks(len(self), self.rows.work):
                values[rows] = self.rows[rows]
        return torch.from_numpy(values).to(self.device)
