r"""Value function and prox of a max-plus prior, by an active set on its pieces.

For a prior :math:`J = \max_k` of pieces with curvatures :math:`-\beta_k` and a time s,

.. math:: S(x, s) = \min_y \max_k \phi_k(y), \qquad
    \phi_k(y) = J_k + \langle g_k, y - y_k \rangle - \frac{\beta_k}{2} |y - y_k|^2
    + \frac{|x - y|^2}{2 s},

where :math:`s \phi_k` has the Hessian :math:`\alpha_k I`, :math:`\alpha_k = 1 - s
\beta_k`. Each round maximises the dual on a few candidate pieces
(`skhj.max_plus.active_set`), evaluates all the pieces at its y by one matrix product
(`skhj.max_plus.candidates`), which gives the duality gap, and adds the pieces found
above. Where curvatures are equal a round is exact on its candidates; where they differ
it is a step of sequential quadratic programming, with alpha-bar of the last.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm
from skhj.max_plus.active_set import ActiveSet, ActiveSetStep
from skhj.max_plus.candidates import CandidateSearch, pick
from skhj.max_plus.pieces import half_squared_norms, pieces_at_time
from skhj.numerics.blocks import row_blocks

__all__ = ["ValueFunction", "ValueSolver"]


class ValueFunction(NamedTuple):
    """Value function of a max-plus prior.

    Attributes
    ----------
    value : ndarray of shape (n_queries,)
        S(x, s), from below within ``gap``.
    prox : ndarray of shape (n_queries, d)
        The minimiser y.
    gap : ndarray of shape (n_queries,)
        Duality gap, a bound on the error of ``value``.
    n_rounds : ndarray of shape (n_queries,)
        Passes over all the pieces.
    converged : ndarray of shape (n_queries,), dtype bool
        Whether the gap is within the tolerance.
    """

    value: np.ndarray
    prox: np.ndarray
    gap: np.ndarray
    n_rounds: np.ndarray
    converged: np.ndarray


class _Problem(NamedTuple):
    """Pieces and a time, with the scale of their values."""

    pieces: object
    time: float
    tol: float
    center: float
    spread: float

    @property
    def uniform(self):
        return np.ndim(self.pieces.beta) == 0

    def enough(self, value):
        """Gap of a solved query."""
        return self.tol * (self.spread + np.abs(value - self.center))

    def largest_alpha(self, support):
        """With it each piece's model is above the piece: a step cannot but descend."""
        beta = np.broadcast_to(self.pieces.take(support).beta, support.shape)
        return 1 - self.time * beta.min(axis=1, initial=1 / self.time)


@dataclass(frozen=True)
class ValueSolver:
    """Solver for the value function and the prox of a max-plus prior.

    Parameters
    ----------
    tol : float, default=1e-10
        Largest duality gap, relative to the spread of the pieces' values and the
        distance of the value from their mean; see ``attainable``.
    max_rounds : int, default=100
        Largest number of passes over the pieces.
    rounding : float, default=1e-15
        The tolerance is at least this over the least alpha: a gap of round-off.
    least_alpha : float, default=1e-7
        Smallest strong convexity. PAM's value function is minus infinity outside the
        convex hull of the samples; this makes it finite there, and changes it by
        5e-8 |dy|^2 / s inside.
    least_step_alpha, nearly_solved : float, default=1e-3 and 1e-5
        Below the first, round-off decides which pieces are active: a query whose gap is
        smaller than the second, in the units of ``tol``, goes on by proximal point
        steps of that curvature.
    patience : int, default=10
        Rounds after which one without progress is followed by a short step.
    violation : float, default=0.1
        Pieces are added where they are above the bound by this part of the tolerance.
    bend : float, default=1e-8
        Where curvatures differ, pieces are bent by this part of alpha to choose the
        first: those equal up to round-off without it are unequal with it.
    search : CandidateSearch, default=CandidateSearch()
        Search for the pieces above the bound.
    step : ActiveSetStep, default=ActiveSetStep()
        Solver of one round.
    """

    tol: float = 1e-10
    max_rounds: int = 100
    rounding: float = 1e-15
    least_alpha: float = 1e-7
    least_step_alpha: float = 1e-3
    nearly_solved: float = 1e-5
    patience: int = 10
    violation: float = 0.1
    bend: float = 1e-8
    search: CandidateSearch = CandidateSearch()
    step: ActiveSetStep = ActiveSetStep()

    def solve(self, pieces, X, time):
        """Solve for the value function and the prox.

        Parameters
        ----------
        pieces : Pieces
            Pieces of the prior, with ``time * beta <= 1``.
        X : ndarray of shape (n_queries, d)
            Queries.
        time : float
            Time s, positive.

        Returns
        -------
        ValueFunction
            Values, minimisers and duality gaps.
        """
        alpha = self._alpha(pieces, time)
        pieces = pieces._replace(beta=(1 - alpha) / time)
        tol = self.attainable(pieces, time)
        problem = _Problem(pieces, time, tol, *_scale(pieces, time))
        n_queries = self.search.scores.n_queries
        # Where the passes are small, all is: else each step sees to its own threads.
        with self.search.threads(pieces, min(len(X), n_queries)):
            batches = [
                self._solve(problem, X[rows])
                for rows in row_blocks(len(X), 1, block_size=n_queries)
            ]
        return ValueFunction(*map(np.concatenate, zip(*batches, strict=True)))

    def attainable(self, pieces, time):
        """The tolerance, or where that is less, what round-off allows."""
        return max(self.tol, self.rounding / self._alpha(pieces, time).min())

    def unsolved(self, solution, pieces, time):
        """What to tell of queries above the tolerance; empty where there are none."""
        if solution.converged.all():
            return ""
        n_open, n_queries = (~solution.converged).sum(), len(solution.gap)
        return (
            f"{n_open} of {n_queries} queries of the value function did not reach "
            f"tol={self.attainable(pieces, time):.1g} in {self.max_rounds} rounds; "
            f"the largest gap is {solution.gap.max():.2g}"
        )

    def _alpha(self, pieces, time):
        return np.maximum(
            1 - time * np.asarray(pieces.beta, dtype=float), self.least_alpha
        )

    def _solve(self, problem, X):
        """One batch of queries, to the tolerance or ``max_rounds``."""
        state, winners = self._start(problem, X)
        best = ValueFunction(
            value=state.dual.copy(),
            prox=state.y.copy(),
            gap=np.full(len(X), np.inf),
            n_rounds=np.zeros(len(X), dtype=int),
            converged=np.zeros(len(X), dtype=bool),
        )
        open_ = np.arange(len(X))
        pieces, time = problem.pieces, problem.time
        for round_ in range(self.max_rounds):
            # Where curvatures differ a step is not exact: the start may already be.
            if round_ or problem.uniform:
                state = self.step.improve(pieces, X[open_], time, state, winners)
            winners, scores = self.search.winners(pieces, state.y)
            level = state.dual - half_squared_norm(X[open_] - state.y) / time
            gap = np.maximum(scores.max(axis=1) - level, 0)
            better = _record(best, open_, state, gap)
            enough = problem.enough(state.dual)
            keep = gap > enough
            best.converged[open_[~keep]] = True
            if not keep.any():
                break
            violated = scores > (level + self.violation * enough)[:, None]
            winners = np.where(violated, winners, state.support[:, :1])[keep]
            nearly = gap <= self.nearly_solved / problem.tol * enough
            stalled = ~better & (best.n_rounds[open_] > self.patience)
            least = np.where(nearly, self.least_step_alpha, 0)
            least[stalled] = problem.largest_alpha(state.support[stalled])
            state = state._replace(least_curvature=least).take(keep)
            open_ = open_[keep]
        return best

    def _start(self, problem, X):
        """The piece of the largest value function at each query, and the candidates."""
        # In float64: at a sample the start is then that sample's piece, and exact.
        # Where curvatures differ others may touch there too, up to round-off: bent a
        # little more, each is still a bound, and the sample's own is the largest.
        bent = pieces = problem.pieces
        time = problem.time
        if not problem.uniform:
            bend = self.bend * (1 / time - pieces.beta)
            bent = pieces._replace(beta=pieces.beta + bend)
        winners, bounds = self.search.winners(bent, X, time=time)
        best = bounds.argmax(axis=1)
        first = pick(winners, best)
        nearest = pieces.take(first)
        y = nearest.points
        if not problem.uniform:
            ray = X - pieces_at_time(nearest, time).points
            y = y + ray / (1 - time * nearest.beta)[:, None]
        one, none = np.ones((len(X), 1)), np.zeros(len(X))
        return ActiveSet(first[:, None], one, y, pick(bounds, best), none), winners


def _record(best, rows, state, gap):
    """Keep what a round made better, and return where that is."""
    best.n_rounds[rows] += 1
    better = gap < best.gap[rows]
    rows = rows[better]
    best.gap[rows], best.value[rows] = gap[better], state.dual[better]
    best.prox[rows] = state.y[better]
    return better


def _scale(pieces, time):
    """Middle of the pieces' values at ``time``, and their spread, above round-off."""
    values = pieces.values
    carried = values + time * half_squared_norms(pieces.slopes)
    radius = 2 * half_squared_norms(pieces.points).max()
    spread = np.ptp(values) + np.ptp(carried) + 1e-5 * radius / time
    return carried.mean(), spread + np.finfo(float).tiny
