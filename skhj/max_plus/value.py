r"""Value function and prox of a max-plus prior, by an active set on its pieces.

For a prior :math:`J = \max_k` of pieces with curvatures :math:`-\beta_k` and a time s,

.. math:: S(x, s) = \min_y \max_k \phi_k(y), \qquad
    \phi_k(y) = J_k + \langle g_k, y - y_k \rangle - \frac{\beta_k}{2} |y - y_k|^2
    + \frac{|x - y|^2}{2 s},

where :math:`s \phi_k` has the Hessian :math:`\alpha_k I`, :math:`\alpha_k = 1 - s
\beta_k`. With weights on the simplex and :math:`\bar\alpha = \sum_k \lambda_k
\alpha_k`, duality gives, about any point :math:`\bar y`,

.. math:: S(x, s) = \max_\lambda \; \sum_k \lambda_k \phi_k(\bar y)
    - \frac{s}{2 \bar\alpha} \Bigl| \sum_k \lambda_k \nabla \phi_k(\bar y) \Bigr|^2,
    \qquad y = \bar y - \frac{s}{\bar\alpha} \sum_k \lambda_k \nabla \phi_k(\bar y).

Each round solves this on a few candidate pieces (`skhj.numerics.simplex_qp`),
evaluates all the pieces at its y by one matrix product, which gives the duality gap,
and adds the pieces found above. Where curvatures are equal a round is exact on its
candidates; where they differ it is a step of sequential quadratic programming, with
alpha-bar of the last.
"""

import warnings
from typing import NamedTuple

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm
from skhj.max_plus.pieces import (
    QUERY_BATCH,
    block_maxima,
    pieces_at_time,
)
from skhj.numerics.simplex_qp import minimize_on_simplex

__all__ = ["ValueFunction", "value_function"]

# PAM's value function is -infinity outside the convex hull of the samples. A least
# strong convexity makes it finite there, and changes it by 5e-8 |dy|^2 / s inside.
LEAST_ALPHA = 1e-7
# Below it round-off decides which pieces are active: a query whose gap is this small
# goes on by proximal point steps of that curvature.
LEAST_STEP_ALPHA, NEARLY_SOLVED = 1e-3, 1e-5
BEND = 1e-8  # part of alpha: equal up to round-off without it, unequal with it
PATIENCE = 10  # rounds after which one without progress is followed by a short step
N_BLOCKS, MAX_BLOCK = 20, 1000  # blocks of pieces, more where these are too large
N_WINNERS = 10  # candidates of one round: the best pieces of the best blocks
QP_BATCH = 512  # queries whose tableaux are solved together, and
QP_SIZE = 250_000  # their size at most, 2 MiB


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
    """

    value: np.ndarray
    prox: np.ndarray
    gap: np.ndarray
    n_rounds: np.ndarray


class _Iterate(NamedTuple):
    """Weights on candidate pieces, and the point and bound they give."""

    support: np.ndarray
    weights: np.ndarray
    y: np.ndarray
    dual: np.ndarray
    least_curvature: np.ndarray


def value_function(pieces, X, time, *, tol=1e-10, max_rounds=100):
    """Solve for the value function and the prox of a max-plus prior.

    Parameters
    ----------
    pieces : Pieces
        Pieces of the prior, with ``time * beta <= 1``.
    X : ndarray of shape (n_queries, d)
        Queries.
    time : float
        Time s, positive.
    tol : float, default=1e-10
        Largest duality gap, relative to the spread of the pieces' values and the
        distance of the value from their mean; at least the round-off, 1e-15 over the
        least alpha.
    max_rounds : int, default=100
        Largest number of passes over the pieces.

    Returns
    -------
    ValueFunction
        Values, minimisers and duality gaps.

    Warns
    -----
    RuntimeWarning
        If a gap stays above its tolerance.
    """
    alpha = np.maximum(1 - time * np.asarray(pieces.beta, dtype=float), LEAST_ALPHA)
    tol = max(tol, 1e-15 / alpha.min())
    pieces = pieces._replace(beta=(1 - alpha) / time)
    batches = [
        _solve(pieces, X[start : start + QUERY_BATCH], time, tol, max_rounds)
        for start in range(0, len(X), QUERY_BATCH)
    ]
    value, prox, gap, n_rounds, converged = map(
        np.concatenate, zip(*batches, strict=True)
    )
    if not converged.all():
        warnings.warn(
            f"{(~converged).sum()} of {len(X)} queries of the value function did not "
            f"reach tol={tol:.1g} in {max_rounds} rounds; the largest gap is "
            f"{gap.max():.2g}",
            RuntimeWarning,
            stacklevel=2,
        )
    return ValueFunction(value, prox, gap, n_rounds)


def _solve(pieces, X, time, tol, max_rounds):
    """One batch of queries, to the tolerance or ``max_rounds``."""
    block = _block_size(len(pieces.values))
    center, spread = _scale(pieces, time)
    state, winners = _start(pieces, X, time, block)
    gap = np.full(len(X), np.inf)
    value, prox = state.dual.copy(), state.y.copy()
    n_rounds, converged = np.zeros(len(X), dtype=int), np.zeros(len(X), dtype=bool)
    open_ = np.arange(len(X))
    for round_ in range(max_rounds):
        # Where curvatures differ a step is not exact: the start may already be.
        if round_ or np.ndim(pieces.beta) == 0:
            state = _improve(pieces, X[open_], time, state, winners)
        winners, scores = _winners(pieces, state.y, block)
        level = state.dual - half_squared_norm(X[open_] - state.y) / time
        new_gap = np.maximum(scores.max(axis=1) - level, 0)
        n_rounds[open_] += 1
        enough = tol * (spread + np.abs(state.dual - center))
        better = new_gap < gap[open_]
        rows = open_[better]
        gap[rows], value[rows] = new_gap[better], state.dual[better]
        prox[rows] = state.y[better]
        keep = gap[open_] > enough
        converged[open_[~keep]] = True
        if not keep.any():
            break
        violated = scores > (level + 0.1 * enough)[:, None]
        winners = np.where(violated, winners, state.support[:, :1])[keep]
        least = np.where(new_gap <= NEARLY_SOLVED / tol * enough, LEAST_STEP_ALPHA, 0)
        stalled = ~better & (n_rounds[open_] > PATIENCE)
        least[stalled] = _largest_alpha(pieces, state.support[stalled], time)
        state = state._replace(least_curvature=least)
        state = _Iterate(*(part[keep] for part in state))
        open_ = open_[keep]
    return value, prox, gap, n_rounds, converged


def _start(pieces, X, time, block):
    """The piece with the largest value function at each query, and the candidates."""
    # In float64: at a sample the start is then that sample's piece, and exact. Where
    # curvatures differ others may touch there too, up to round-off: bent a little
    # more, each piece is still a bound, and the sample's own is the largest.
    bent = pieces
    if np.ndim(pieces.beta):
        bent = pieces._replace(beta=pieces.beta + BEND * (1 / time - pieces.beta))
    winners, bounds = _winners(bent, X, block, time=time)
    best = bounds.argmax(axis=1)
    first = _pick(winners, best)
    nearest = pieces.take(first)
    y = nearest.points
    if np.ndim(pieces.beta):
        ray = X - pieces_at_time(nearest, time).points
        y = y + ray / (1 - time * nearest.beta)[:, None]
    state = _Iterate(
        first[:, None],
        np.ones((len(X), 1)),
        y,
        _pick(bounds, best),
        np.zeros(len(X)),
    )
    return state, winners


def _scale(pieces, time):
    """Middle of the pieces' values at ``time``, and their spread, above round-off."""
    values = pieces.values
    squares = np.einsum("nd,nd->n", pieces.slopes, pieces.slopes)
    radius = np.einsum("nd,nd->n", pieces.points, pieces.points).max()
    carried = values + time / 2 * squares
    spread = np.ptp(values) + np.ptp(carried) + 1e-5 * radius / time
    return carried.mean(), spread + np.finfo(float).tiny


def _largest_alpha(pieces, support, time):
    """With it each piece's model is above the piece: a step cannot fail to descend."""
    beta = np.broadcast_to(pieces.take(support).beta, support.shape)
    return 1 - time * beta.min(axis=1, initial=1 / time)


def _block_size(n):
    """Blocks of pieces small enough for several winners, large enough for speed."""
    return int(np.clip(-(-n // N_BLOCKS), 64, MAX_BLOCK)) | 8  # no power of two


def _pick(table, columns):
    return table[np.arange(len(table)), columns]


def _winners(pieces, Y, block, *, time=0.0):
    """Best pieces of the best blocks, and their values: the best one's exactly."""
    index, scores = block_maxima(pieces, Y, time=time, block=block)
    if index.shape[1] > N_WINNERS:
        top = np.argpartition(-scores, N_WINNERS - 1, axis=1)[:, :N_WINNERS]
        index = np.take_along_axis(index, top, axis=1)
        scores = np.take_along_axis(scores, top, axis=1)
    best = scores.argmax(axis=1)
    exact = pieces_at_time(pieces.take(_pick(index, best)), time).at(Y)
    # The same shift for all: scores lack a term of the query.
    return index, scores + (exact - _pick(scores, best))[:, None]


def _improve(pieces, X, time, state, winners):
    """Maximise the dual on the support and the winners, a cache's worth at a time."""
    width = state.support.shape[1] + winners.shape[1]
    size = max(16, min(QP_BATCH, QP_SIZE // (width * (width + 2 * X.shape[1]))))
    n_new = (winners != state.support[:, :1]).sum(axis=1)
    # Together with its like a problem has few columns of padding.
    order = np.argsort((state.weights > 0).sum(axis=1) + n_new, kind="stable")
    parts = []
    for start in range(0, len(X), size):
        rows = order[start : start + size]
        part = _Iterate(*(array[rows] for array in state))
        parts.append(_improve_batch(pieces, X[rows], time, part, winners[rows]))
    width = max(part.support.shape[1] for part in parts)
    padded = [_pad(part, width) for part in parts]
    back = np.argsort(order)
    return _Iterate(
        *(np.concatenate(arrays)[back] for arrays in zip(*padded, strict=True))
    )


def _pad(state, width):
    """Repeat the first piece with weight zero up to ``width`` columns."""
    missing = width - state.support.shape[1]
    support = np.hstack([state.support, np.repeat(state.support[:, :1], missing, 1)])
    weights = np.pad(state.weights, ((0, 0), (0, missing)))
    return state._replace(support=support, weights=weights)


def _improve_batch(pieces, X, time, state, winners):
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
    anchor = _pick(gradient, reference)
    D = gradient - anchor[:, None, :]
    rise = height - _pick(height, reference)[:, None]
    b = curvature[:, None] * rise - np.einsum("nmd,nd->nm", D, anchor)
    same = index == _pick(index, reference)[:, None]
    D[same], b[same] = 0, 0
    # Else pieces equal up to round-off would trade weights, and move y by its root.
    rounding = 1e-15 * curvature * np.abs(height).max(axis=1)
    weights = _weights(D, b, old, same, reference, rounding)

    curvature = (weights * alpha).sum(axis=1)
    slope = anchor + np.einsum("nm,nmd->nd", weights, D)
    dual = (weights * height).sum(axis=1) - half_squared_norm(slope) / curvature
    dual = (dual + half_squared_norm(X - state.y)) / time
    step = np.maximum(curvature, state.least_curvature)
    kept = _first_true(weights > 0)
    return _Iterate(
        np.take_along_axis(index, kept, axis=1),
        np.take_along_axis(weights, kept, axis=1),
        state.y - slope / step[:, None],
        dual,
        state.least_curvature,
    )


def _candidates(state, winners):
    """Indices of the support, in the first columns, and of the new pieces."""
    n_warm = int((state.weights > 0).sum(axis=1).max())
    order = _first_true(winners != state.support[:, :1])
    new = np.take_along_axis(winners, order, axis=1)
    return np.hstack([state.support[:, :n_warm], new]), n_warm


def _first_true(mask):
    """Columns that put each row's true entries first, as many as the most of a row."""
    return np.argsort(~mask, axis=1, kind="stable")[:, : mask.sum(axis=1).max()]


def _weights(D, b, old, same, reference, rounding):
    """Weights of the candidates, from the support of the old ones of the first."""
    n_warm = old.shape[1]
    start, is_reference = old > 0, same[:, :n_warm]
    warm = np.column_stack([start & ~is_reference, (start & is_reference).any(axis=1)])
    weights = minimize_on_simplex(D, b, n_warm=n_warm, warm=warm, rounding=rounding)[
        :, :-1
    ]
    # Copies of the reference have no say in D: their weight is the reference's.
    weights[same] = 0
    weights[np.arange(len(D)), reference] = np.maximum(1 - weights.sum(axis=1), 0)
    return weights
