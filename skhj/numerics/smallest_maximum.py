"""The point where the largest of few convex quadratics is smallest, many at once."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from skhj.numerics.blocks import row_blocks
from skhj.numerics.simplex_qp import SimplexQP

__all__ = ["SmallestMaximum", "SmallestMaximumPoint"]


class SmallestMaximumPoint(NamedTuple):
    """Solutions of min_z max_i phi_i(z).

    Attributes
    ----------
    value : ndarray of shape (n,)
        The minima, from above.
    point : ndarray of shape (n, d)
        Where they are attained.
    weights : ndarray of shape (n, m)
        The multipliers, of the simplex.
    slopes : ndarray of shape (n, m, d)
        Gradients of the quadratics there.
    converged : ndarray of shape (n,), dtype bool
        Whether each is within its tolerance.
    """

    value: np.ndarray
    point: np.ndarray
    weights: np.ndarray
    slopes: np.ndarray
    converged: np.ndarray


@dataclass(frozen=True)
class SmallestMaximum:
    r"""Newton's method for the dual, which has one variable for each quadratic.

    For :math:`\phi_i(z) = \langle z, A_i z\rangle / 2 + \langle b_i, z\rangle + c_i`
    the minimum over z of the largest is the maximum of

    .. math:: g(\lambda) = \bar c - \langle \bar b, \bar A^{-1} \bar b\rangle / 2

    over weights of the simplex, bars being averages by them. With z the minimiser of
    the average, :math:`-\bar A^{-1} \bar b`, the gradient of g is
    :math:`(\phi_i(z))_i`, and its Hessian minus the products
    :math:`\langle \nabla\phi_i(z), \bar A^{-1} \nabla\phi_j(z)\rangle`: each step is a
    quadratic program on the simplex.

    Parameters
    ----------
    tol : float, default=1e-13
        Bound on the distance to the minimum, relative to the size of the terms: some
        hundreds of roundings.
    max_iter : int, default=50
        Steps at most; some six are enough.
    sufficient : float, default=1e-4
        A step is halved until it gains this share of what its slope promises, the usual
        number of line searches.
    halvings : int, default=30
        Of a step at most.
    solver : SimplexQP
        Of the programs.
    """

    tol: float = 1e-13
    max_iter: int = 50
    sufficient: float = 1e-4
    halvings: int = 30
    solver: SimplexQP = field(default_factory=SimplexQP)

    def minimize(self, A, b, c):
        """Minimise the largest of some quadratics, for many problems.

        Parameters
        ----------
        A : ndarray of shape (m, d, d) or (m,)
            Hessians, symmetric and positive definite, the same in every problem; or
            the numbers of which they are the multiples of the identity.
        b : ndarray of shape (n, m, d)
            Gradients at the origin.
        c : ndarray of shape (n, m)
            Values there.

        Returns
        -------
        SmallestMaximumPoint
            The minima, and whether ``max_iter`` steps were enough for each.

        Examples
        --------
        >>> import numpy as np
        >>> from skhj.numerics.smallest_maximum import SmallestMaximum
        >>> A = np.ones((2, 1, 1))
        >>> b = np.array([[[-1.0], [1.0]]])
        >>> minimum = SmallestMaximum().minimize(A, b, np.ones((1, 2)))
        >>> minimum.value, minimum.weights
        (array([1.]), array([[0.5, 0.5]]))
        """
        n, (m, d) = len(c), b.shape[1:]
        blocks = row_blocks(n, (m + d) * (m + d))
        parts = [self._block(A, b[rows], c[rows]) for rows in blocks]
        if not parts:
            parts = [self._block(A, b, c)]
        return SmallestMaximumPoint(*map(np.concatenate, zip(*parts, strict=True)))

    def derivative(self, A, minimum, V):
        """Derivative of the points where the gradients at the origin all move by -V.

        Where several quadratics are active, the point moves so that they stay equal.

        Parameters
        ----------
        A : ndarray of shape (m, d, d) or (m,)
            Hessians.
        minimum : SmallestMaximumPoint
            Solutions.
        V : ndarray of shape (n, d)
            A direction for each.

        Returns
        -------
        ndarray of shape (n, d)
            Directions of the points.
        """
        moved = np.empty_like(V)
        m, d = minimum.slopes.shape[1:]
        for rows in row_blocks(len(V), (m + d) * (m + d)):
            weights, slopes = minimum.weights[rows], minimum.slopes[rows]
            root = _root(A, weights)
            whitened = _solve(root, V[rows][:, :, None])
            reference = weights.argmax(axis=1)[:, None, None]
            differences = slopes - np.take_along_axis(slopes, reference, axis=1)
            active = differences * (weights > 0)[:, :, None]
            E = _solve(root, active.transpose(0, 2, 1))
            whitened -= E @ (np.linalg.pinv(E) @ whitened)
            moved[rows] = _solve_transposed(root, whitened)[:, :, 0]
        return moved

    def _block(self, A, b, c):
        weights = self._best_single(A, b, c)
        size = np.abs(c).max(axis=1, initial=0) + np.einsum("nmd,nmd->nm", b, b).max(
            axis=1, initial=0
        )
        active, converged = np.arange(len(c)), np.zeros(len(c), dtype=bool)
        for _ in range(self.max_iter):
            if not len(active):
                break
            state = _State.at(weights[active], A, b[active], c[active])
            done = state.gap <= self.tol * size[active]
            converged[active[done]] = True
            active, state = active[~done], state.take(~done)
            if len(active):
                problem = A, b[active], c[active]
                weights[active] = self._step(weights[active], state, problem)
        state = _State.at(weights, A, b, c)
        largest = state.values.max(axis=1)
        return largest, state.point, weights, state.slopes, converged

    def _best_single(self, A, b, c):
        """Weights of the quadratic whose own minimum is largest."""
        n, m = c.shape
        minima = np.stack(
            [
                c[:, i] - np.einsum("nd,nd->n", b[:, i], _by_inverse(A[i], b[:, i])) / 2
                for i in range(m)
            ],
            axis=1,
        )
        weights = np.zeros((n, m))
        weights[np.arange(n), minima.argmax(axis=1)] = 1.0
        return weights

    def _step(self, weights, state, problem):
        """Weights after a step of Newton that gains."""
        rows = np.arange(len(weights))
        reference = weights.argmax(axis=1)
        D = _solve(state.root, state.slopes.transpose(0, 2, 1)).transpose(0, 2, 1)
        base, level = D[rows, reference], state.values[rows, reference]
        others = np.argsort(np.arange(D.shape[1]) == reference[:, None], axis=1)
        others = others[:, :-1] if D.shape[1] > 1 else others[:, :0]
        E = np.take_along_axis(D, others[:, :, None], axis=1) - base[:, None]
        gains = np.take_along_axis(state.values, others, axis=1) - level[:, None]
        found = self.solver.minimize(E, gains - np.einsum("nkd,nd->nk", E, base))
        target = np.empty_like(weights)
        np.put_along_axis(target, others, found[:, :-1], axis=1)
        target[rows, reference] = found[:, -1]
        return self._line_search(weights, target - weights, state, problem)

    def _line_search(self, weights, step, state, problem):
        A, b, c = problem
        promised = np.einsum("nm,nm->n", step, state.values)
        before, length = state.dual, np.ones(len(step))
        short = np.arange(len(step))
        for _ in range(self.halvings):
            trial = weights[short] + length[short, None] * step[short]
            there = _State.at(trial, A, b[short], c[short])
            gain = self.sufficient * length[short] * promised[short]
            # Near the solution gains are rounding: a smaller bound decides.
            gains = there.dual >= before[short] + gain
            short = short[~gains & (there.gap > state.gap[short] / 2)]
            if not len(short):
                break
            length[short] /= 2
        return np.maximum(weights + length[:, None] * step, 0.0)


class _State(NamedTuple):
    """What weights lead to: the root of the mean Hessian, and the quadratics there."""

    root: np.ndarray
    point: np.ndarray
    slopes: np.ndarray
    values: np.ndarray
    dual: np.ndarray
    gap: np.ndarray

    @classmethod
    def at(cls, weights, A, b, c):
        root = _root(A, weights)
        mean = np.einsum("nm,nmd->nd", weights, b)
        half = _solve(root, mean[:, :, None])
        point = -_solve_transposed(root, half)[:, :, 0]
        if A.ndim == 1:
            images = A[:, None] * point[:, None, :]
        else:
            images = np.tensordot(point, A, axes=(1, 2))
        values = np.einsum("nmd,nd->nm", images / 2 + b, point) + c
        dual = np.einsum("nm,nm->n", weights, values)
        gap = values.max(axis=1) - dual
        return cls(root, point, images + b, values, dual, gap)

    def take(self, rows):
        return _State(*(part[rows] for part in self))


def _root(A, weights):
    """Cholesky factors of the mean Hessians; numbers as matrices of one entry."""
    mean = np.tensordot(weights, A, axes=1)
    if A.ndim == 1:
        return np.sqrt(mean)[:, None, None]
    return np.linalg.cholesky(mean)


def _solve(root, right):
    """Solve with lower triangular factors."""
    return right / root if root.shape[1] == 1 else np.linalg.solve(root, right)


def _solve_transposed(root, right):
    return _solve(root.transpose(0, 2, 1), right)


def _by_inverse(A, b):
    """Rows b by the inverse of a symmetric matrix, or number."""
    return b / A if A.ndim == 0 else np.linalg.solve(A, b.T).T
