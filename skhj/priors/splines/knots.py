"""Knots of the profiles: where they start, and where more of them pay."""

from dataclasses import dataclass

import numpy as np

from skhj.priors.splines.ridge_sum import RidgeSum
from skhj.priors.splines.spline import constant_spline, quantile_knots, split

__all__ = ["Knots"]


@dataclass(frozen=True)
class Knots:
    """How many pieces profiles have, and which of them are divided.

    Parameters
    ----------
    samples_per_piece : int, default=6
        Equations for each piece at the start: as many pieces as there are samples
        for, within the next two limits.
    fewest_pieces, most_pieces : int, default=2, 40
        Pieces of a profile at the start, at least and at most. More come by
        refinement, and only where they matter.
    matters : float, default=0.1
        A piece is divided where the curvature's change across it matters at least this
        share of the largest. Each division of a piece lowers that to 2^(-5/2) of it:
        by two of them, the largest comes down to what was not worth one.
    samples_to_divide : int, default=8
        Samples that must see a piece for it to be divided: more than the equations for
        one piece at the start.
    largest_share : float, default=0.5
        Coefficients in all, as a share of the equations: half of those are left to
        average over.
    most_refined : int, default=256
        Pieces of a profile beyond which none is divided, for the time that solving
        for them takes.
    """

    samples_per_piece: int = 6
    fewest_pieces: int = 2
    most_pieces: int = 40
    matters: float = 0.1
    samples_to_divide: int = 8
    largest_share: float = 0.5
    most_refined: int = 256

    def start(self, directions, samples, *, curvature=0.0):
        """Quadratic profiles along directions, with knots at quantiles of the points.

        Parameters
        ----------
        directions : ndarray of shape (m, d)
            Directions.
        samples : ScaledSamples
            What they will be fitted to.
        curvature : float or ndarray of shape (m,), default=0.0
            Their curvatures, kept where the samples say nothing.

        Returns
        -------
        RidgeSum
            The profiles.
        """
        n_pieces = samples.n_equations // (self.samples_per_piece * len(directions))
        n_pieces = int(np.clip(n_pieces, self.fewest_pieces, self.most_pieces))
        splines = (
            constant_spline(quantile_knots(samples.V @ direction, n_pieces), k)
            for direction, k in zip(
                directions, np.broadcast_to(curvature, len(directions)), strict=True
            )
        )
        return RidgeSum(directions, tuple(splines))

    def refined(self, ridges, samples):
        """Give a function more knots where its curvature changes.

        Parameters
        ----------
        ridges : RidgeSum
            The function.
        samples : ScaledSamples
            What it is fitted to.

        Returns
        -------
        RidgeSum or None
            The same function with more coefficients; None where they are enough.
        """
        spans, counts, effects = zip(
            *(
                _effects(spline, samples.V @ direction)
                for direction, spline in zip(
                    ridges.directions, ridges.splines, strict=True
                )
            ),
            strict=True,
        )
        largest = max(effect.max() for effect in effects)
        wanted = [
            (effect > self.matters * largest)
            & (count >= self.samples_to_divide)
            & (len(count) <= self.most_refined)
            for effect, count in zip(effects, counts, strict=True)
        ]
        n_more = sum(w.sum() for w in wanted)
        most = self.largest_share * samples.n_equations
        if not n_more or ridges.n_coefficients + n_more > most:
            return None
        splines = (
            split(spline, span, w)
            for spline, span, w in zip(ridges.splines, spans, wanted, strict=True)
        )
        return RidgeSum(ridges.directions, tuple(splines))


def _effects(spline, z):
    """Ends of the points z, their number on each piece, and how much that matters.

    The last is the size of the error, summed over its points, that a change of
    curvature within the piece would leave.
    """
    ends = (z.min(), z.max())
    count = np.bincount(
        np.searchsorted(spline.knots, z), minlength=len(spline.knots) + 1
    )
    width = np.diff(np.r_[ends[0], spline.knots, ends[1]])
    change = np.abs(np.diff(spline.curvature))
    change = np.maximum(np.r_[0, change], np.r_[change, 0])
    return ends, count, np.sqrt(count) * width**2 * change
