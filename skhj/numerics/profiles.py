"""Functions of one variable along directions: what a fitted sum is made of."""

from typing import NamedTuple

import numpy as np

__all__ = ["Profiles"]


class Profiles(NamedTuple):
    """Directions, filters or columns, and the functions that act along them.

    The most important first.

    Attributes
    ----------
    directions : ndarray of shape (K, d) or (K, C, h, w)
        Directions, or filters of images.
    arguments : ndarray of shape (K / rank, n_points) or None
        Values of the variable, None where there are no functions.
    values : ndarray of shape (K / rank, n_points) or None
        The functions there.
    rank : int, default=1
        Number of directions, one after the other, on the norm of whose responses each
        function acts.
    """

    directions: np.ndarray
    arguments: np.ndarray | None = None
    values: np.ndarray | None = None
    rank: int = 1

    @classmethod
    def sorted(cls, directions, arguments, values, rank=1):
        """Those whose functions have the widest range first.

        Parameters
        ----------
        directions, arguments, values, rank
            As the attributes.

        Returns
        -------
        Profiles
            The same in another order.
        """
        order = np.argsort(-np.ptp(values, axis=1), kind="stable")
        grouped = directions.reshape(len(values), rank, *directions.shape[1:])
        return cls(
            grouped[order].reshape(directions.shape),
            arguments[order],
            values[order],
            rank,
        )
