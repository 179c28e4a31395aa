"""A quadratic-over-linear function minimised on the simplex, many problems at once."""

import warnings

import numpy as np

__all__ = ["minimize_quadratic_over_linear"]


def minimize_quadratic_over_linear(a, b, c, *, tol=1e-13, max_iter=10_000):
    r"""Minimum of |bbar|^2 / (2 abar) + cbar, bars being averages by the weights.

    The function is jointly convex in the weights :math:`\lambda` of the simplex.
    Each iteration moves weight between the most violating pair, by the exact
    minimiser along that direction.

    Parameters
    ----------
    a : ndarray of shape (m,)
        Positive curvatures, the same in every problem.
    b : ndarray of shape (n, m, d)
        Vectors of each of the n problems.
    c : ndarray of shape (n, m)
        Constants of each problem.
    tol : float, default=1e-13
        Bound on the distance to the minimum, relative to the size of the terms.
    max_iter : int, default=10_000
        Largest number of pair moves.

    Returns
    -------
    ndarray of shape (n,)
        The minima.

    Warns
    -----
    RuntimeWarning
        If ``max_iter`` moves leave a problem above its tolerance.
    """
    n, m = c.shape
    weights = np.zeros((n, m))
    # The best single vertex, then pairs.
    vertex = ((b * b).sum(-1) / (2 * a) + c).argmin(axis=1)
    weights[np.arange(n), vertex] = 1.0
    size = np.abs(c).max(axis=1) + (b * b).sum(-1).max(axis=1) / (2 * a.min())
    active = np.arange(n)
    for _ in range(max_iter):
        gradient = _gradient(weights[active], a, b[active], c[active])
        support = np.where(weights[active] > 0, gradient, -np.inf)
        gap = (weights[active] * gradient).sum(axis=1) - gradient.min(axis=1)
        open_ = gap > tol * size[active]
        if not open_.any():
            break
        active = active[open_]
        _move_pair(
            weights,
            active,
            gradient[open_].argmin(axis=1),
            support[open_].argmax(axis=1),
            (a, b, c),
        )
    else:
        warnings.warn(
            f"{len(active)} of {n} minimisations on the simplex did not reach "
            f"tol={tol} in {max_iter} iterations",
            RuntimeWarning,
            stacklevel=2,
        )
    mean = np.einsum("nm,nmd->nd", weights, b)
    return (mean * mean).sum(1) / (2 * weights @ a) + (weights * c).sum(1)


def _gradient(weights, a, b, c):
    """Gradient by the weights: <b_i, x> - a_i |x|^2 / 2 + c_i with x = bbar / abar."""
    x = np.einsum("nm,nmd->nd", weights, b) / (weights @ a)[:, None]
    return np.einsum("nmd,nd->nm", b, x) - a * (x * x).sum(1, keepdims=True) / 2 + c


def _move_pair(weights, rows, gain, lose, problem):
    """Move weight from ``lose`` to ``gain`` in each row by the exact line search.

    Along the direction the function is |v + s w|^2 / (2 (alpha + s gamma)) + s kappa,
    and its derivative vanishes where gamma g s^2 + 2 alpha g s + C = 0, with
    g = |w|^2 + 2 kappa gamma: at most once for alpha + s gamma > 0.
    """
    a, b, c = problem
    v = np.einsum("nm,nmd->nd", weights[rows], b[rows])
    w = b[rows, gain] - b[rows, lose]
    alpha = weights[rows] @ a
    gamma = a[gain] - a[lose]
    kappa = c[rows, gain] - c[rows, lose]
    g = (w * w).sum(1) + 2 * kappa * gamma
    C = 2 * alpha * (v * w).sum(1) - gamma * (v * v).sum(1) + 2 * kappa * alpha**2
    root = alpha * g + np.sqrt(np.maximum((alpha * g) ** 2 - gamma * g * C, 0))
    largest = weights[rows, lose]
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where((g > 0) & (root > 0), -C / root, largest)
    step = np.clip(step, 0, largest)
    weights[rows, gain] += step
    weights[rows, lose] = largest - step
