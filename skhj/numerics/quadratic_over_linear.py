"""A quadratic-over-linear function minimised on the simplex, many problems at once.

The quadratic programs of `skhj.numerics.simplex_qp` are those of one curvature a.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["PairMoves", "SimplexMinimum"]


class SimplexMinimum(NamedTuple):
    """Minima on the simplex.

    Attributes
    ----------
    value : ndarray of shape (n,)
        The minima, from above.
    converged : ndarray of shape (n,), dtype bool
        Whether each is within its tolerance.
    """

    value: np.ndarray
    converged: np.ndarray


@dataclass(frozen=True)
class PairMoves:
    """Solver that moves weight between the most violating pair of vertices.

    Parameters
    ----------
    tol : float, default=1e-13
        Bound on the distance to the minimum, relative to the size of the terms: some
        hundreds of roundings.
    max_iter : int, default=10_000
        Largest number of moves. A few vertices take some tens.
    """

    tol: float = 1e-13
    max_iter: int = 10_000

    def minimize(self, a, b, c):
        r"""Minimum of |bbar|^2 / (2 abar) + cbar, bars being averages by the weights.

        The function is jointly convex in the weights :math:`\lambda` of the simplex.
        Each move is by the exact minimiser along its direction.

        Parameters
        ----------
        a : ndarray of shape (m,)
            Positive curvatures, the same in every problem.
        b : ndarray of shape (n, m, d)
            Vectors of each of the n problems.
        c : ndarray of shape (n, m)
            Constants of each problem.

        Returns
        -------
        SimplexMinimum
            The minima, and whether ``max_iter`` moves were enough for each.
        """
        n, m = c.shape
        weights = np.zeros((n, m))
        # The best single vertex, then pairs.
        vertex = ((b * b).sum(-1) / (2 * a) + c).argmin(axis=1)
        weights[np.arange(n), vertex] = 1.0
        size = np.abs(c).max(axis=1) + (b * b).sum(-1).max(axis=1) / (2 * a.min())
        active = np.arange(n)
        for _ in range(self.max_iter):
            gradient = _gradient(weights[active], a, b[active], c[active])
            support = np.where(weights[active] > 0, gradient, -np.inf)
            gap = (weights[active] * gradient).sum(axis=1) - gradient.min(axis=1)
            open_ = gap > self.tol * size[active]
            active = active[open_]
            if not len(active):
                break
            gain, lose = gradient[open_].argmin(axis=1), support[open_].argmax(axis=1)
            _move_pair(weights, active, gain, lose, (a, b, c))
        converged = np.ones(n, dtype=bool)
        converged[active] = False
        mean = np.einsum("nm,nmd->nd", weights, b)
        value = (mean * mean).sum(1) / (2 * weights @ a) + (weights * c).sum(1)
        return SimplexMinimum(value, converged)


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
