"""Directions of a sum of splines, improved step by step."""

from dataclasses import dataclass

from skhj.priors.splines.backfit import Backfit
from skhj.priors.splines.direction_step import DirectionStep
from skhj.priors.splines.knots import Knots

__all__ = ["DirectionSearch"]


@dataclass(frozen=True)
class DirectionSearch:
    """Levenberg-Marquardt steps on the directions, and finer knots, by the hold-out.

    Parameters
    ----------
    step : DirectionStep
        Moves the directions, and roughly the profiles.
    backfit : Backfit
        Fits the profiles after each step. Its sweeps are few: the directions move
        again.
    knots : Knots
        Divides pieces in between.
    damping : float, default=1e-3
        Weight of the first step's size, relative to its effect.
    smallest_damping, largest_damping : float, default=1e-8, 1e2
        Limits of that. Beyond the larger one a step no longer moves anything, and the
        search ends; below the smaller, it is a Gauss-Newton step.
    raised, lowered : float, default=10.0, 5.0
        Factors of the damping after a step that raises the loss, which is not taken,
        and after one that lowers it. They have no common power, so that no damping is
        tried twice.
    max_steps : int, default=30
        Largest number of steps.
    patience : int, default=4
        The search ends when so many steps together ...
    progress : float, default=0.7
        ... leave more than this share of the held-out loss.
    exact : float, default=1e-12
        Held-out loss, relative to that of zero, at which directions are good enough:
        the profiles' last fit is finer than these ever are.
    """

    step: DirectionStep = DirectionStep()
    backfit: Backfit = Backfit(max_sweeps=6)
    knots: Knots = Knots()
    damping: float = 1e-3
    smallest_damping: float = 1e-8
    largest_damping: float = 1e2
    raised: float = 10.0
    lowered: float = 5.0
    max_steps: int = 30
    patience: int = 4
    progress: float = 0.7
    exact: float = 1e-12

    def improve(self, seen, unseen, ridges, *, lower):
        """Move directions while the hold-out gains.

        Parameters
        ----------
        seen, unseen : ScaledSamples
            What is fitted, and what decides.
        ridges : RidgeSum
            First directions and profiles.
        lower : ndarray of shape (m,)
            Smallest curvature allowed along each direction.

        Returns
        -------
        RidgeSum
            The best on the hold-out.
        """
        loss, damping = ridges.loss(seen), self.damping
        best, history = ridges, [ridges.loss(unseen)]
        exact = self.exact * unseen.loss_of_zero
        for _ in range(self.max_steps):
            trial = self.step.move(seen, ridges, lower=lower, damping=damping)
            trial = self.backfit.fit(seen, trial, lower=lower)
            trial_loss = trial.loss(seen)
            if trial_loss >= loss:
                damping *= self.raised
                if damping > self.largest_damping:
                    break
                continue
            damping = max(damping / self.lowered, self.smallest_damping)
            ridges, unseen_loss = self._refined(seen, unseen, trial, lower)
            loss = trial_loss if ridges is trial else ridges.loss(seen)
            if unseen_loss < min(history):
                best = ridges
            history.append(unseen_loss)
            if min(history) <= exact or self._stalls(history):
                break
        return best

    def _refined(self, seen, unseen, ridges, lower):
        """More knots where the hold-out gains by them, and the loss there."""
        unseen_loss = ridges.loss(unseen)
        finer = self.knots.refined(ridges, seen)
        if finer is not None:
            finer = self.backfit.fit(seen, finer, lower=lower)
            finer_loss = finer.loss(unseen)
            if finer_loss < unseen_loss:
                return finer, finer_loss
        return ridges, unseen_loss

    def _stalls(self, history):
        """Whether the last steps together gained too little."""
        before = history[: -self.patience]
        return bool(before) and min(history) > self.progress * min(before)
