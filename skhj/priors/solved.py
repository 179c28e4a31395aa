"""Functions of points, and where a solver fell short of them."""

from typing import NamedTuple

import numpy as np
import torch

from skhj.numerics.blocks import row_blocks
from skhj.numerics.tensors import to_tensor

__all__ = ["Solved", "solved_everywhere", "solved_in_blocks"]


class Solved(NamedTuple):
    """A function at some points.

    Attributes
    ----------
    value : ndarray or Tensor of shape (n,)
        Values.
    gradient : ndarray or Tensor of shape (n, d)
        Gradients.
    solved : ndarray or Tensor of shape (n,), dtype bool
        Whether the solver met its tolerance; always true where none was needed.
    """

    value: np.ndarray
    gradient: np.ndarray
    solved: np.ndarray


def solved_everywhere(value, gradient):
    """Values and gradients that are computed, not solved for."""
    return Solved(value, gradient, torch.ones(len(value), dtype=torch.bool))


def solved_in_blocks(function, X, *, device, row_size, block_size=2**20):
    """Evaluate a function of tensors on an array, a block of rows at a time.

    Parameters
    ----------
    function : callable
        Maps points (m, d) to a `Solved` of tensors.
    X : ndarray of shape (n, d)
        Points.
    device : torch.device
        Where to compute.
    row_size : int
        Numbers that a row takes meanwhile.
    block_size : int, default=2**20
        Numbers of a block at most.

    Returns
    -------
    Solved
        Arrays in double precision.
    """
    points = to_tensor(X, device=device)
    blocks = row_blocks(len(X), row_size, block_size=block_size)
    parts = zip(*(function(points[rows]) for rows in blocks), strict=True)
    return Solved(*(torch.cat(part).cpu().numpy() for part in parts))
