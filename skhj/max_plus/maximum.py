"""The maximum of many pieces at many queries, as fast as one matrix product."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm
from skhj.max_plus.pieces import pieces_at_time
from skhj.numerics.blocks import row_blocks
from skhj.numerics.threads import threads_for

__all__ = ["Maximum", "ScorePass", "maximum"]


class Maximum(NamedTuple):
    """Maximum over the pieces.

    Attributes
    ----------
    value : ndarray of shape (n_queries,)
        The maximum at each query.
    index : ndarray of shape (n_queries,)
        A piece that attains it.
    """

    value: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # a tuple's method


@dataclass(frozen=True)
class ScorePass:
    """A pass of queries over all the pieces, by blocked matrix products.

    Parameters
    ----------
    block : int, default=2000
        Pieces in a block. Rows of a power of two would share the same sets of the
        cache.
    n_scores : int, default=2**19
        Scores of a block, 4 MiB: they stay in the cache until the best is found.
    n_queries : int, default=2048
        Queries of one pass. Their winners, one a block, are all the memory that grows
        with the number of pieces.
    largest_single : float, default=1e9
        Queries with larger entries are scored in float64: squares of their sums with
        the pieces could overflow in float32.
    """

    block: int = 2000
    n_scores: int = 2**19
    n_queries: int = 2048
    largest_single: float = 1e9

    def maximum(self, pieces, Y, *, dtype=np.float64):
        """Maximum of the pieces at each query, as `maximum`."""
        if np.abs(Y).max() >= self.largest_single:
            dtype = np.float64
        value = np.empty(len(Y))
        index = np.empty(len(Y), dtype=np.intp)
        for rows in row_blocks(len(Y), 1, block_size=self.n_queries):
            winners, scores = self.block_maxima(pieces, Y[rows], dtype=dtype)
            best = scores.argmax(axis=1)
            index[rows] = winners[np.arange(len(best)), best]
            value[rows] = pieces.take(index[rows]).at(Y[rows])
        return Maximum(value, index)

    def threads(self, pieces, n_queries):
        """Context of a pass, with as many threads as a block can use."""
        n, d = pieces.points.shape
        height = min(n_queries, max(1, self.n_scores // self.block))
        return threads_for(height * min(n, self.block) * (d + 1))

    def block_maxima(self, pieces, Y, *, time=0.0, dtype=np.float64):
        """Best piece of each block of pieces.

        Parameters
        ----------
        pieces : Pieces
            n pieces.
        Y : ndarray of shape (n_queries, d)
            Queries.
        time : float, default=0.0
            Compare the pieces' value functions at this time instead, `pieces_at_time`.
        dtype : dtype, default=float64
            Precision of the products; the winners of float32 are to be rescored.

        Returns
        -------
        ndarray of shape (n_queries, n_blocks)
            Indices of the winners.
        ndarray of shape (n_queries, n_blocks)
            Their scores, less a term of the query alone where ``beta`` is one number.
        """
        blocks = row_blocks(len(pieces.values), 1, block_size=self.block)
        index = np.empty((len(blocks), len(Y)), dtype=np.intp)
        scores = np.empty((len(blocks), len(Y)), dtype=dtype)
        lifted = _lift(Y, pieces, dtype)
        batches = row_blocks(len(Y), self.block, block_size=self.n_scores)
        buffer = np.empty(max(self.n_scores, self.block), dtype=dtype)
        every = np.arange(batches[0].stop)
        with self.threads(pieces, len(Y)):
            for b, block in enumerate(blocks):
                part = pieces.take(block)
                forms = _affine_forms(
                    pieces_at_time(part, time) if time else part, dtype
                )
                for rows in batches:
                    size = rows.stop - rows.start
                    product = buffer[: size * len(forms)].reshape(size, len(forms))
                    np.matmul(lifted[rows], forms.T, out=product)
                    best = product.argmax(axis=1, out=index[b, rows])
                    scores[b, rows] = product[every[:size], best]
                index[b] += block.start
        return index.T, scores.T


def maximum(pieces, Y, *, dtype=np.float64, scores=ScorePass()):
    """Maximum of the pieces at each query.

    The workspace does not grow with the number of pieces; the winner is evaluated again
    in differences, so that pieces are exact where they touch.

    Parameters
    ----------
    pieces : Pieces
        n pieces.
    Y : ndarray of shape (n_queries, d)
        Queries.
    dtype : dtype, default=float64
        Precision of the products that choose the piece. With float32 the value is
        still that of a piece in float64, below the maximum by float32's rounding of
        the scores at most; centre the points first.
    scores : ScorePass, default=ScorePass()
        Sizes of the products.

    Returns
    -------
    Maximum
        Values and the pieces that attain them.
    """
    return scores.maximum(pieces, Y, dtype=dtype)


def _affine_forms(pieces, dtype):
    """Rows w with piece(y) = <w, lifted y>, lifted as in `_lift`."""
    beta = np.broadcast_to(pieces.beta, pieces.values.shape)[:, None]
    W = pieces.slopes + beta * pieces.points
    constant = (
        pieces.values - np.einsum("nd,nd->n", pieces.slopes + W, pieces.points) / 2
    )
    columns = [W, constant[:, None]]
    if np.ndim(pieces.beta):
        columns.append(-beta)
    return np.hstack(columns).astype(dtype, copy=False)


def _lift(Y, pieces, dtype):
    """(y, 1), and |y|^2 / 2 where curvatures differ: else it shifts all scores."""
    columns = [Y, np.ones((len(Y), 1))]
    if np.ndim(pieces.beta):
        columns.append(half_squared_norm(Y)[:, None])
    return np.hstack(columns).astype(dtype, copy=False)
