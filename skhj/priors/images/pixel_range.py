"""How far the pixels of images reach, to tell queries that extrapolate."""

from typing import NamedTuple

import numpy as np

__all__ = ["PixelRange"]


class PixelRange(NamedTuple):
    """The range of pixels.

    Attributes
    ----------
    lowest, highest : float
        The smallest and the largest pixel.
    """

    lowest: float
    highest: float

    @classmethod
    def of(cls, X):
        """Range of the pixels of images in rows."""
        return cls(float(X.min()), float(X.max()))

    def is_far(self, X, far=2.0):
        """Whether each image has pixels far outside, shape (n,).

        ``far`` is their distance from the middle, in units of half the range.
        """
        middle, half = (
            (self.highest + self.lowest) / 2,
            (self.highest - self.lowest) / 2,
        )
        return np.abs(X - middle).max(axis=1) > far * half
