"""Knots and roughness penalty of a sum of splines, chosen on a hold-out."""

from dataclasses import dataclass
from typing import NamedTuple

from skhj.numerics.threads import threads_for
from skhj.priors.splines.backfit import Backfit
from skhj.priors.splines.knots import Knots
from skhj.priors.splines.ridge_sum import RidgeSum

__all__ = ["ProfileFit", "ProfileSelection"]


class ProfileFit(NamedTuple):
    """Profiles that did best on the hold-out.

    Attributes
    ----------
    ridges : RidgeSum
        The function.
    penalty : float
        Weight of the roughness.
    unseen_loss : float
        Loss on the hold-out.
    """

    ridges: RidgeSum
    penalty: float
    unseen_loss: float


@dataclass(frozen=True)
class ProfileSelection:
    """Refinement of knots, and a heavier penalty, while the hold-out gains.

    Parameters
    ----------
    knots : Knots
        Which pieces are divided.
    backfit : Backfit
        Fits profiles whose knots are given.
    max_rounds : int, default=16
        Largest number of refinements. Each may halve all pieces: from two pieces, eight
        reach the largest number.
    gain : float, default=0.999
        Held-out loss, relative to the best, that is worth another refinement. Noise of
        the held-out values is part of it, so that small gains count.
    penalties : tuple of float, default=(1e-7, ..., 1e-1, 1.0)
        Weights of the roughness to try, lightest first. The last makes nearly a
        parabola of a profile.
    worse : float, default=1.05
        Held-out loss, relative to the best, at which heavier penalties are not tried.
    rounding : float, default=1e-28
        Held-out loss, relative to that of zero, that is rounding: 1e-14 of the values.
    """

    knots: Knots = Knots()
    backfit: Backfit = Backfit()
    max_rounds: int = 16
    gain: float = 0.999
    penalties: tuple[float, ...] = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    worse: float = 1.05
    rounding: float = 1e-28

    def fit(self, seen, unseen, ridges, *, lower):
        """Fit profiles along given directions.

        Parameters
        ----------
        seen, unseen : ScaledSamples
            What to fit, and what decides.
        ridges : RidgeSum
            Directions, first knots and coefficients.
        lower : ndarray of shape (m,)
            Smallest curvature allowed along each direction.

        Returns
        -------
        ProfileFit
            The best.
        """

        def fit(ridges, penalty):
            ridges = self.backfit.fit(seen, ridges, lower=lower, penalty=penalty)
            return ProfileFit(ridges, penalty, ridges.loss(unseen))

        exact = self.rounding * unseen.loss_of_zero
        # A step multiplies the points by one direction.
        with threads_for(seen.V.size):
            best = self._refine(fit, seen, fit(ridges, 0.0), exact)
            if best.unseen_loss <= exact:
                return best
            penalised = self._penalise(fit, best)
            if penalised is best:
                return best
            return self._refine(fit, seen, penalised, exact)

    def _refine(self, fit, seen, best, exact):
        """Divide pieces until that gains nothing on the hold-out."""
        for _ in range(self.max_rounds):
            finer = self.knots.refined(best.ridges, seen)
            if finer is None or best.unseen_loss <= exact:
                break
            trial = fit(finer, best.penalty)
            if trial.unseen_loss > self.gain * best.unseen_loss:
                break
            best = trial
        return best

    def _penalise(self, fit, best):
        """Raise the penalty until that is clearly worse on the hold-out."""
        for heavier in self.penalties:
            trial = fit(best.ridges, heavier)
            if trial.unseen_loss < best.unseen_loss:
                best = trial
            elif trial.unseen_loss > self.worse * best.unseen_loss:
                break
        return best
