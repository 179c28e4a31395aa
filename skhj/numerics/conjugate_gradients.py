"""Preconditioned conjugate gradients for a few iterations of a linear system."""

import numpy as np

__all__ = ["conjugate_gradients"]


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
        step = rho / (direction @ image)
        x = x + step * direction
        residual = residual - step * image
        z = precondition(residual)
        rho, before = residual @ z, rho
        direction = z + rho / before * direction
    return x
