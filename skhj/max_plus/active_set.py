r"""One round of the active set: the dual maximised on a few candidate pieces.

With :math:`\phi_k` and :math:`\alpha_k` as in `skhj.max_plus.value`, weights on the
simplex and :math:`\bar\alpha = \sum_k \lambda_k \alpha_k`, the dual about any point
:math:`\bar y` is

.. math:: \sum_k \lambda_k \phi_k(\bar y) - \frac{s}{2 \bar\alpha}
    \Bigl| \sum_k \lambda_k \nabla \phi_k(\bar y) \Bigr|^2, \qquad
    y = \bar y - \frac{s}{\bar\alpha} \sum_k \lambda_k \nabla \phi_k(\bar y).

For a fixed alpha-bar, that of the last round, it is a quadratic program on the simplex.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm
from skhj.max_plus.candidates import pick
from skhj.numerics.blocks import row_blocks
from skhj.numerics.simplex_qp import SimplexQP
from skhj.numerics.threads import threads_for

__all__ = ["ActiveSet", "ActiveSetStep"]


class ActiveSet(NamedTuple):
    """Weights on some pieces for each query, and the point and bound they give.

    Attributes
    ----------
    support : ndarray of shape (n_queries, m)
        Indices of the pieces. The first is always one of the support's own; columns
        that a query has no use for repeat it, with weight zero.
    weights : ndarray of shape (n_queries, m)
        Weights on the simplex.
    y : ndarray of shape (n_queries, d)
        The points.
    dual : ndarray of shape (n_queries,)
        Lower bounds of the value function.
    least_curvature : ndarray of shape (n_queries,)
        Steps are those of at least this alpha-bar.
    """

    support: np.ndarray
    weights: np.ndarray
    y: np.ndarray
    dual: np.ndarray
    least_curvature: np.ndarray

    def take(self, rows):
        """The active sets of some queries."""
        return ActiveSet(*(part[rows] for part in self))

    def padded(self, width):
        """The same with more columns."""
        missing = width - self.support.shape[1]
        repeated = np.repeat(self.support[:, :1], missing, 1)
        return self._replace(
            support=np.hstack([self.support, repeated]),
            weights=np.pad(self.weights, ((0, 0), (0, missing))),
        )

    @classmethod
    def concatenated(cls, parts):
        """Active sets of all queries from those of some."""
        width = max(part.support.shape[1] for part in parts)
        padded = [part.padded(width) for part in parts]
        return cls(*(np.concatenate(arrays) for arrays in zip(*padded, strict=True)))


@dataclass(frozen=True)
class ActiveSetStep:
    """Solver of one round.

    Parameters
    ----------
    batch : int, default=512
        Queries whose tableaux are solved together, and
    batch_size : int, default=250_000
        the numbers in them at most, 2 MiB: they stay in the cache.
    least_batch : int, default=16
        Queries solved together however large: fewer spend their time on calls.
    rounding : float, default=1e-15
        Round-off of the pieces' heights, relative to the largest. Else pieces equal up
        to round-off would trade weights, and move y by its root.
    program : SimplexQP, default=SimplexQP()
        Solver of the quadratic programs.
    """

    batch: int = 512
    batch_size: int = 250_000
    least_batch: int = 16
    rounding: float = 1e-15
    program: SimplexQP = SimplexQP()

    def improve(self, pieces, X, time, state, winners):
        """Maximise the dual on the support and the winners, a cache's worth at a time.

        Parameters
        ----------
        pieces : Pieces
            Pieces of the prior.
        X : ndarray of shape (n_queries, d)
            Queries.
        time : float
            Time s, positive.
        state : ActiveSet
            The last round's.
        winners : ndarray of shape (n_queries, n_candidates)
            New candidates; copies of the support's first piece are none.

        Returns
        -------
        ActiveSet
            Where curvatures are equal the best of the candidates, else a step to it.
        """
        d = X.shape[1]
        width = state.support.shape[1] + winners.shape[1]
        most = self.batch_size // (width * (width + 2 * d))
        size = max(self.least_batch, min(self.batch, most))
        n_new = (winners != state.support[:, :1]).sum(axis=1)
        # Together with its like a problem has few columns of padding.
        order = np.argsort((state.weights > 0).sum(axis=1) + n_new, kind="stable")
        with threads_for(width * width * d):
            parts = [
                self._improve_batch(
                    pieces, X[rows], time, state.take(rows), winners[rows]
                )
                for rows in (
                    order[block] for block in row_blocks(len(X), 1, block_size=size)
                )
            ]
        return ActiveSet.concatenated(parts).take(np.argsort(order))

    def _improve_batch(self, pieces, X, time, state, winners):
        """Solve on the candidates, their curvatures replaced by the last alpha-bar."""
        index, n_warm = _candidates(state, winners)
        candidates = pieces.take(index)
        gradient = time * candidates.gradient_at(state.y[:, None, :])
        gradient += (state.y - X)[:, None, :]
        height = time * candidates.at(state.y[:, None, :])
        alpha = np.broadcast_to(1 - time * np.asarray(candidates.beta), index.shape)
        old = state.weights[:, :n_warm]
        curvature = (old * alpha[:, :n_warm]).sum(axis=1)
        curvature = np.maximum(curvature, state.least_curvature)

        # The best vertex is the reference: none other can then be the whole support.
        vertex = height - half_squared_norm(gradient) / curvature[:, None]
        reference = vertex.argmax(axis=1)
        anchor = pick(gradient, reference)
        D = gradient - anchor[:, None, :]
        rise = height - pick(height, reference)[:, None]
        b = curvature[:, None] * rise - np.einsum("nmd,nd->nm", D, anchor)
        same = index == pick(index, reference)[:, None]
        D[same], b[same] = 0, 0
        rounding = self.rounding * curvature * np.abs(height).max(axis=1)
        weights = self._weights(D, b, old, same, reference, rounding)

        curvature = (weights * alpha).sum(axis=1)
        slope = anchor + np.einsum("nm,nmd->nd", weights, D)
        dual = (weights * height).sum(axis=1) - half_squared_norm(slope) / curvature
        dual = (dual + half_squared_norm(X - state.y)) / time
        step = np.maximum(curvature, state.least_curvature)
        kept = _first_true(weights > 0)
        return ActiveSet(
            np.take_along_axis(index, kept, axis=1),
            np.take_along_axis(weights, kept, axis=1),
            state.y - slope / step[:, None],
            dual,
            state.least_curvature,
        )

    def _weights(self, D, b, old, same, reference, rounding):
        """Weights of the candidates, from the support of the old ones of the first."""
        n_warm = old.shape[1]
        start, is_reference = old > 0, same[:, :n_warm]
        kept = (start & is_reference).any(axis=1)
        warm = np.column_stack([start & ~is_reference, kept])
        weights = self.program.minimize(
            D, b, n_warm=n_warm, warm=warm, rounding=rounding
        )[:, :-1]
        # Copies of the reference have no say in D: their weight is the reference's.
        weights[same] = 0
        weights[np.arange(len(D)), reference] = np.maximum(1 - weights.sum(axis=1), 0)
        return weights


def _candidates(state, winners):
    """Indices of the support, in the first columns, and of the new pieces."""
    n_warm = int((state.weights > 0).sum(axis=1).max())
    order = _first_true(winners != state.support[:, :1])
    new = np.take_along_axis(winners, order, axis=1)
    return np.hstack([state.support[:, :n_warm], new]), n_warm


def _first_true(mask):
    """Columns that put each row's true entries first, as many as the most of a row."""
    return np.argsort(~mask, axis=1, kind="stable")[:, : mask.sum(axis=1).max()]
