"""Whether draws lie where there are models: a check that scores hardly see."""

from typing import NamedTuple

import numpy as np
from scipy.spatial import KDTree

from skhj.numerics.covariance import covariance, range_whitening, symmetric_power

__all__ = ["Support"]


class Support(NamedTuple):
    """Where pairs (b, x) lie, by the distance to the nearest one that was seen.

    A draw between two modes costs an energy score little. But a pair of it and its data
    is far from all pairs seen, farther than others that were not seen are.

    Attributes
    ----------
    seen : KDTree
        Pairs seen: white linear estimates beside white remainders of models.
    linear : LinearEstimate
        The linear estimate.
    to_white : tuple of ndarray
        Matrices that make estimates and remainders white.
    farthest : float
        Distance that a share ``expected`` of the pairs not seen exceed.
    expected : float
        That share.
    n_judged : int
        Pairs not seen.
    """

    seen: KDTree
    linear: object
    to_white: tuple[np.ndarray, np.ndarray]
    farthest: float
    expected: float
    n_judged: int

    @classmethod
    def of(cls, pairs, linear, *, expected=0.05, most_seen=20_000):
        """Make it of pairs.

        Parameters
        ----------
        pairs : Pairs
            Data and models.
        linear : LinearEstimate
            The linear estimate.
        expected : float, default=0.05
            Share of the pairs not seen that count as far.
        most_seen : int, default=20_000
            Pairs seen that distances are taken to, and others that are.

        Returns
        -------
        Support
            The check.
        """
        seen = pairs.of(pairs.seen & ~pairs.held_out)
        B, X = (rows.spread(most_seen)[:] for rows in seen)
        estimates = linear(B)
        of_data = range_whitening(estimates - linear.model_mean)
        of_left = symmetric_power(covariance(X - estimates), -1 / 2, floor=1e-4)
        support = cls(None, linear, (of_data, of_left), np.inf, expected, 0)
        support = support._replace(seen=KDTree(support._places(B, X)))
        B, X = (rows.spread(most_seen)[:] for rows in pairs.of(pairs.held_out))
        distances = support._distances(B, X)
        farthest = np.quantile(distances, 1 - expected)
        return support._replace(farthest=farthest, n_judged=len(X))

    def share_outside(self, B, draws):
        """Share of draws (m, n, N) for data (n, M) that are far from all pairs seen."""
        return np.mean([self._distances(B, X) > self.farthest for X in draws])

    @property
    def chance(self):
        """Standard error of that share, were draws like the pairs not seen.

        That of both quantile and share, the draws of one data as one.
        """
        return np.sqrt(2 * self.expected * (1 - self.expected) / max(self.n_judged, 1))

    def _distances(self, B, X):
        return self.seen.query(self._places(B, X))[0]

    def _places(self, B, X):
        estimates, (of_data, of_left) = self.linear(B), self.to_white
        centred = estimates - self.linear.model_mean
        return np.concatenate([centred @ of_data, (X - estimates) @ of_left], axis=1)
