r"""Quadratic programs on the simplex, many small ones at once.

Each minimises :math:`\frac{1}{2} |\sum_k \lambda_k d_k|^2 - \sum_k \lambda_k b_k` over
weights :math:`\lambda \ge 0` with sum 1, where one vertex, the reference, has d = 0
and b = 0. Eliminating its weight leaves the linear complementarity problem

.. math::

    w = M z + q, \quad w \ge 0, \; z \ge 0, \; \langle w, z \rangle = 0, \qquad
    M = \begin{pmatrix} D D^T & 1 \\ -1^T & 0 \end{pmatrix}, \;
    q = \begin{pmatrix} -b \\ 1 \end{pmatrix},

with z the other weights and the multiplier of their sum, w the reduced gradients and
the weight of the reference. It is solved by principal pivoting: one reduced gradient
at a time is driven to zero while the weights stay feasible, so the objective
decreases; a weight that reaches zero leaves the support.

References
----------
Keller, "The general quadratic optimization problem", Mathematical Programming 5,
1973; Cottle, Pang, Stone, "The Linear Complementarity Problem", section 4.2.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["SimplexQP"]


@dataclass(frozen=True)
class SimplexQP:
    """Solver by principal pivoting.

    Parameters
    ----------
    dependent : float, default=1e-12
        A pivot below this part of its column's largest entry is a dependent direction:
        along it a weight always reaches zero first, unless there is nothing to gain.
        Some thousands of roundings: more than a tableau's pivots add up to.
    rounding : float, default=1e-14
        Reduced gradients above minus this part of the largest |D_k|^2 and |b_k| are
        zero: some fifty roundings, those of one entry of the tableau.
    max_iter : int or None, default=None
        Largest number of pivots; None is 10 (m + 1), a weight usually entering once.
    """

    dependent: float = 1e-12
    rounding: float = 1e-14
    max_iter: int | None = None

    def minimize(self, D, b, *, n_warm=0, warm=None, rounding=0.0):
        """Minimise |lambda D|^2 / 2 - <lambda, b> over the simplex, for many problems.

        Parameters
        ----------
        D : ndarray of shape (n_problems, m, d)
            Vectors, relative to the reference vertex.
        b : ndarray of shape (n_problems, m)
            Linear gains, relative to the reference vertex.
        n_warm : int, default=0
            The first ``n_warm`` vertices may start in the support.
        warm : ndarray of bool of shape (n_problems, n_warm + 1), optional
            Which of them do, and last, whether the reference does.
        rounding : float or ndarray of shape (n_problems,), default=0.0
            Round-off of ``b``, beside the solver's own.

        Returns
        -------
        ndarray of shape (n_problems, m + 1)
            Weights, the reference's last; feasible even where pivots ran out.
        """
        n, m = b.shape
        M, in_support = _start(D, b, n_warm, warm, self.dependent)
        size = (D * D).sum(-1).max(axis=1, initial=0) + np.abs(b).max(axis=1, initial=0)
        threshold = -self.rounding * size - rounding
        weights = np.zeros((n, m + 1))
        active = np.arange(n)
        entering = np.full(n, -1)
        amount = np.zeros(n)
        stuck = np.zeros(n, dtype=bool)
        for _ in range(10 * (m + 1) if self.max_iter is None else self.max_iter):
            done = stuck | _choose_entering(M, in_support, entering, amount, threshold)
            if done.any():
                _record(weights, active, done, M, in_support, entering, amount)
                keep = ~done
                if not keep.any():
                    break
                M, in_support, active = M[keep], in_support[keep], active[keep]
                entering, amount = entering[keep], amount[keep]
                threshold = threshold[keep]
            stuck = _drive(M, in_support, entering, amount, self.dependent)
        else:
            every = np.ones(len(active), dtype=bool)
            _record(weights, active, every, M, in_support, entering, amount)
        return weights


def _record(weights, active, which, M, in_support, entering, amount):
    """Write the current weights of the problems ``which`` of the active ones."""
    rows = active[which]
    weights[rows] = np.where(in_support[which], M[which, :, -1], 0)
    weights[rows, entering[which]] = np.where(
        entering[which] >= 0, amount[which], weights[rows, entering[which]]
    )


def _start(D, b, n_warm, warm, dependent):
    """Tableau (M, q) and support: of the reference alone, or of the warm one."""
    n, m = b.shape
    M = np.zeros((n, m + 1, m + 2))
    np.matmul(D, D.transpose(0, 2, 1), out=M[:, :m, :m])
    M[:, :m, m], M[:, m, :m] = 1, -1
    M[:, :m, -1], M[:, m, -1] = -b, 1
    in_support = np.zeros((n, m + 1), dtype=bool)
    in_support[:, m] = True
    if not n_warm:
        return M, in_support
    cold = M.copy()
    feasible = np.ones(n, dtype=bool)
    for k in (*range(n_warm), m):
        rows = np.flatnonzero(warm[:, k] if k < m else ~warm[:, -1])
        feasible[rows[_exchange(M, rows, np.full(len(rows), k), dependent)]] = False
    support = in_support.copy()
    support[:, :n_warm] = warm[:, :-1]
    support[:, m] = warm[:, -1]
    feasible &= (np.where(support, M[:, :, -1], 0) >= 0).all(axis=1)
    M[~feasible] = cold[~feasible]
    support[~feasible] = in_support[~feasible]
    return M, support


def _choose_entering(M, in_support, entering, amount, threshold):
    """Give each problem that has none its most negative reduced gradient to drive."""
    idle = np.flatnonzero(entering < 0)
    done = np.zeros(len(M), dtype=bool)
    if len(idle):
        reduced = np.where(in_support[idle], np.inf, M[idle, :, -1])
        k = reduced.argmin(axis=1)
        negative = reduced[np.arange(len(idle)), k] < threshold[idle]
        done[idle] = ~negative
        entering[idle] = np.where(negative, k, -1)
        amount[idle] = 0
    return done


def _drive(M, in_support, entering, amount, dependent):
    """Increase the entering weight until its gradient or another weight is zero.

    Returns the problems left as they are, where round-off leaves no pivot.
    """
    rows = np.arange(len(M))
    value = M[:, :, -1]
    column = M[rows, :, entering]
    gain, slope = value[rows, entering], column[rows, entering]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        to_optimum = np.where(slope > 0, -gain / slope, np.inf)
        steps = np.where(
            in_support & (column < 0), np.maximum(value, 0) / -column, np.inf
        )
    leaving = steps.argmin(axis=1)
    to_block = steps[rows, leaving]
    optimal = to_optimum <= to_block
    step = np.minimum(to_optimum, to_block)
    stuck = ~np.isfinite(step)
    step[stuck] = 0
    value += step[:, None] * column
    amount += step
    pivot = np.where(optimal, entering, leaving)
    moved = rows[~stuck]
    value[moved, pivot[moved]] = 0
    stuck[moved[_exchange(M, moved, pivot[moved], dependent)]] = True
    moved, pivot, optimal = rows[~stuck], pivot[~stuck], optimal[~stuck]
    value[moved, pivot] = np.where(optimal, amount[moved], 0)
    in_support[moved, pivot] = optimal
    entering[moved[optimal]] = -1
    return stuck


def _exchange(M, rows, pivot, dependent):
    """Exchange w and z at the pivot of each row: one Gauss-Jordan step of (M, q).

    Returns the positions in ``rows`` of pivots too small to divide by.
    """
    at = np.arange(len(rows))
    column = M[rows, :, pivot]
    row = M[rows, pivot, :]
    element = column[at, pivot]
    small = np.abs(element) <= dependent * np.abs(column).max(axis=1, initial=0)
    element[small] = np.inf  # the step is then the identity
    column /= element[:, None]
    every = slice(None) if len(rows) == len(M) else rows
    M[every] -= column[:, :, None] * row[:, None, :]
    rows, pivot, at = rows[~small], pivot[~small], at[~small]
    M[rows, pivot, :] = -row[at] / element[at, None]
    M[rows, :, pivot] = column[at]
    M[rows, pivot, pivot] = 1 / element[at]
    return np.flatnonzero(small)
