"""Candidates of a round: the best pieces of the best blocks, by one pass over all."""

from dataclasses import dataclass, replace

import numpy as np

from skhj.max_plus.maximum import ScorePass
from skhj.max_plus.pieces import pieces_at_time

__all__ = ["CandidateSearch", "pick"]


@dataclass(frozen=True)
class CandidateSearch:
    """Search for the pieces that are highest at each query.

    Parameters
    ----------
    n_winners : int, default=10
        Candidates of a round. More cost pivots, fewer cost passes over all the pieces.
    n_blocks : int, default=20
        Blocks of pieces, of which each gives one winner: enough of them to find several
        of the best pieces.
    least_block, largest_block : int, default=64 and 1000
        Sizes of a block: smaller ones spend their time on calls, larger ones hide good
        pieces behind their winners.
    scores : ScorePass, default=ScorePass()
        The pass; its ``block`` gives way to these sizes.
    """

    n_winners: int = 10
    n_blocks: int = 20
    least_block: int = 64
    largest_block: int = 1000
    scores: ScorePass = ScorePass()

    def winners(self, pieces, Y, *, time=0.0):
        """Best pieces of the best blocks, and their values: the best one's exactly.

        Parameters
        ----------
        pieces : Pieces
            n pieces.
        Y : ndarray of shape (n_queries, d)
            Queries.
        time : float, default=0.0
            Compare the pieces' value functions at this time.

        Returns
        -------
        ndarray of shape (n_queries, n_candidates)
            Indices.
        ndarray of shape (n_queries, n_candidates)
            Values.
        """
        index, scores = self._pass(pieces).block_maxima(pieces, Y, time=time)
        if index.shape[1] > self.n_winners:
            last = self.n_winners - 1
            top = np.argpartition(-scores, last, axis=1)[:, : self.n_winners]
            index = np.take_along_axis(index, top, axis=1)
            scores = np.take_along_axis(scores, top, axis=1)
        best = scores.argmax(axis=1)
        exact = pieces_at_time(pieces.take(pick(index, best)), time).at(Y)
        # The same shift for all: scores lack a term of the query.
        return index, scores + (exact - pick(scores, best))[:, None]

    def threads(self, pieces, n_queries):
        """Context of a pass, with as many threads as it can use."""
        return self._pass(pieces).threads(pieces, n_queries)

    def _pass(self, pieces):
        """The pass, with blocks that suit the number of pieces."""
        size = max(-(-len(pieces.values) // self.n_blocks), self.least_block)
        block = min(size, self.largest_block) | 8  # no power of two
        return replace(self.scores, block=block)


def pick(table, columns):
    """Entry of each row of a table, from the column given for it."""
    return table[np.arange(len(table)), columns]
