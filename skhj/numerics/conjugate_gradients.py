"""Conjugate gradients for a few iterations of one linear system, or of many."""

from typing import NamedTuple

import numpy as np
import torch

from skhj.numerics.memory_gradient import row_products

__all__ = ["Solution", "conjugate_gradients", "conjugate_gradients_by_row"]


def conjugate_gradients(product, target, precondition, *, tol, max_iter):
    """Approximate solution of a positive definite system.

    The residual is measured in the preconditioner's norm, in which variables of
    different units count alike; scipy's iterations end by the Euclidean norm.

    Parameters
    ----------
    product : callable
        Takes a vector of shape (p,) to its image under the matrix.
    target : ndarray of shape (p,)
        The right-hand side.
    precondition : callable
        Takes a vector to its image under an approximate inverse, positive definite.
    tol : float
        Norm of the residual at the end, relative to the first.
    max_iter : int
        Largest number of iterations.

    Returns
    -------
    ndarray of shape (p,)
        The solution where the iterations ended.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.conjugate_gradients import conjugate_gradients
    >>> conjugate_gradients(
    ...     lambda x: 4 * x, np.array([4.0, 8.0]), lambda x: x, tol=1e-9, max_iter=9
    ... )
    array([1., 2.])
    """
    x, residual = np.zeros_like(target), target
    z = precondition(residual)
    direction, rho = z, residual @ z
    goal = tol**2 * rho
    for _ in range(max_iter):
        if rho <= goal:
            break
        image = product(direction)
        curvature = direction @ image
        if not curvature > 0:  # rounding: what is left has no size of its own
            break
        step = rho / curvature
        x = x + step * direction
        residual = residual - step * image
        z = precondition(residual)
        rho, before = residual @ z, rho
        direction = z + rho / before * direction
    return x


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
def conjugate_gradients_by_row(product, target, start, *, max_iter, tolerance=0.0):
    """Solve H v = target for each row, all at once.

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
