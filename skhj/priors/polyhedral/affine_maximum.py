"""The largest of few affine functions, and its Moreau envelope."""

from typing import NamedTuple

import numpy as np

from skhj.numerics.smallest_maximum import SmallestMaximum

__all__ = ["AffineMaximum"]


class AffineMaximum(NamedTuple):
    r"""The function :math:`\max_k \langle a_k, v\rangle + b_k`.

    Attributes
    ----------
    slopes : ndarray of shape (m, d)
        The a_k.
    offsets : ndarray of shape (m,)
        The b_k.
    """

    slopes: np.ndarray
    offsets: np.ndarray

    def take(self, pieces):
        """The maximum of some of the affine functions."""
        return AffineMaximum(*(part[pieces] for part in self))

    def moved(self, step):
        """The function with slopes and offsets changed by a step, (m, d + 1)."""
        return AffineMaximum(self.slopes + step[:, :-1], self.offsets + step[:, -1])

    def envelope(self, V, time=1.0, solver=None):
        """Smallest sum with |v - u|^2 / (2 time) over u, for rows v.

        Parameters
        ----------
        V : ndarray of shape (n, d)
            Points.
        time : float, default=1.0
            Time, positive.
        solver : SmallestMaximum or None, default=None
            Solver; None takes the defaults.

        Returns
        -------
        values : ndarray of shape (n,)
            The minima.
        minimum : SmallestMaximumPoint
            ``minimum.point`` leads from v to the minimiser; the weights say which of
            the affine functions are active there.
        """
        n, (m, d) = len(V), self.slopes.shape
        b = np.broadcast_to(time * self.slopes, (n, m, d))
        c = time * (V @ self.slopes.T + self.offsets)
        minimum = (solver or SmallestMaximum()).minimize(np.ones(m), b, c)
        return minimum.value / time, minimum
