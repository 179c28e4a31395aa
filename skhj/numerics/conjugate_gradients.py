"""Conjugate gradients for many symmetric positive definite systems at once."""

from typing import NamedTuple

import torch

from skhj.numerics.memory_gradient import row_products

__all__ = ["Solution", "conjugate_gradients"]


class Solution(NamedTuple):
    """Approximate solutions, one for each row.

    Attributes
    ----------
    point : Tensor of shape (n, ...)
        The solutions.
    residual : Tensor of shape (n,)
        Norm of what is left of the right-hand side, relative to it.
    """

    point: torch.Tensor
    residual: torch.Tensor


@torch.no_grad()
def conjugate_gradients(product, target, start, *, max_iter, tolerance=0.0):
    """Solve H v = target for each row.

    Parameters
    ----------
    product : callable
        Maps v of shape (n, ...) to H v.
    target : Tensor of shape (n, ...)
        Right-hand sides.
    start : Tensor of shape (n, ...)
        First guesses.
    max_iter : int
        Largest number of steps.
    tolerance : float, default=0.0
        Residual at which a row is solved.

    Returns
    -------
    Solution
        Points and residuals.
    """
    shape = (-1,) + (1,) * (target.ndim - 1)
    tiny = torch.finfo(target.dtype).tiny
    v, left = start, target - product(start)
    direction, squared = left, row_products(left, left)
    size = row_products(target, target).clamp(min=tiny)
    for _ in range(max_iter):
        unsolved = squared > tolerance**2 * size
        if not unsolved.any():
            break
        image = product(direction)
        curvature = row_products(direction, image)
        usable = unsolved & (curvature > tiny)
        length = torch.where(usable, squared / curvature.where(usable, 1), 0)
        v = v + length.view(shape) * direction
        left = left - length.view(shape) * image
        last, squared = squared, row_products(left, left)
        ratio = torch.where(usable, squared / last.clamp(min=tiny), 0)
        direction = left + ratio.view(shape) * direction
    return Solution(v, (squared / size).sqrt())
