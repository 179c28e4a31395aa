"""The search for a basis in which a function is a sum of splines."""

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from skhj.numerics.threads import threads_for
from skhj.priors.splines.backfit import Backfit
from skhj.priors.splines.bases import BasisCandidates
from skhj.priors.splines.direction_search import DirectionSearch
from skhj.priors.splines.gradient_bases import GradientBases
from skhj.priors.splines.knots import Knots
from skhj.priors.splines.ridge_sum import base_curvature

__all__ = ["BasisSearch"]


@dataclass(frozen=True)
class BasisSearch:
    """Candidates of a basis, tried on the hold-out, and improved by steps.

    Parameters
    ----------
    gradients : GradientBases
        Finds bases in gradients, where they are given: in no time, if well.
    candidates : BasisCandidates
        Finds bases to start from; the axes are one more.
    directions : DirectionSearch
        Improves a basis.
    knots : Knots
        Starts the profiles. They are coarse while the directions are rough.
    backfit : Backfit
        Fits the profiles of a candidate.
    samples_per_number, fewest_rows : int, default=8, 10_000
        Samples for each number that is fitted while the directions are rough, and at
        least: their error only has to be less than the candidates'.
    fewest_pieces : int, default=3
        Numbers for each direction, beside its own d, that the samples must be able to
        tell; with fewer samples the axes are kept. Two and a curvature make a spline.
    sure : float, default=1e-2
        Share of the held-out loss of zero below which a basis from gradients is one:
        coarse profiles leave that.
    most_features : int, default=64
        Features above which no step is taken, and a basis comes from gradients alone:
        the time of a step grows with their cube.
    n_trials, trial_steps : int, default=3, 3
        How many of the candidates are tried, for how many steps.
    close : float, default=3.0
        Multiple of the least held-out loss that makes a candidate worth a trial: steps
        on the others are a good part of the time of a search.
    found : float, default=0.3
        Share of the best candidate's held-out loss below which a basis is found, and
        worth steps with all samples.
    last_steps : int, default=4
        Number of those. The directions are accurate by then.
    """

    gradients: GradientBases = GradientBases()
    candidates: BasisCandidates = BasisCandidates()
    directions: DirectionSearch = DirectionSearch()
    knots: Knots = Knots(most_pieces=12)
    backfit: Backfit = Backfit(max_sweeps=6)
    samples_per_number: int = 8
    fewest_rows: int = 10_000
    fewest_pieces: int = 3
    sure: float = 1e-2
    most_features: int = 64
    n_trials: int = 3
    trial_steps: int = 3
    close: float = 3.0
    found: float = 0.3
    last_steps: int = 4

    def find(self, seen, unseen, *, lower, rng):
        """Directions of a basis in which the samples' function is nearly additive.

        Parameters
        ----------
        seen, unseen : ScaledSamples
            What is fitted, and what decides.
        lower : float
            Smallest curvature of a profile.
        rng : numpy.random.RandomState
            Source of the first guesses.

        Returns
        -------
        RidgeSum
            Directions and profiles, the latter still to be fitted to all samples.
        """
        d = seen.V.shape[1]
        few, lower = seen.take(self._some_rows(seen, rng)), np.full(d, lower)
        # A step multiplies the points by all directions.
        with threads_for(seen.V.size * d):
            starts = [self._start(few, np.eye(d), lower)]
            if seen.n_equations >= d * (d + self.fewest_pieces):
                starts = [*self._found(seen, few, unseen, lower, rng), *starts]
            return self._best(seen, few, unseen, starts, lower)

    def _found(self, seen, few, unseen, lower, rng):
        """Sums along the bases that are found in the samples."""
        # With a copy the choices of the others do not depend on these.
        bases = self.gradients.find(seen, deepcopy(rng)).values()
        starts = [self._start(few, basis, lower) for basis in bases]
        most = self.sure * unseen.loss_of_zero
        many = seen.V.shape[1] > self.most_features
        if many or any(ridges.loss(unseen) < most for ridges in starts):
            return starts
        # Where they are not sure, more candidates are more that are good by chance.
        others = self.candidates.find(seen, rng).values()
        return [self._start(few, basis, lower) for basis in others]

    def _best(self, seen, few, unseen, starts, lower):
        """The best of the sums, improved, unless there is one alone."""
        if len(starts) == 1:
            return starts[0]
        starts.sort(key=lambda ridges: ridges.loss(unseen))
        least = starts[0].loss(unseen)
        if len(lower) > self.most_features:
            return starts[0]
        ridges = self._winner(few, unseen, starts, lower)
        ridges = self.directions.improve(few, unseen, ridges, lower=lower)
        found = ridges.loss(unseen) < self.found * least
        if found and len(few.V) < len(seen.V):
            last = replace(self.directions, max_steps=self.last_steps)
            ridges = last.improve(seen, unseen, ridges, lower=lower)
        return ridges

    def _some_rows(self, samples, rng):
        """As many samples as the profiles and directions ask for."""
        n, d = samples.V.shape
        n_numbers = d * (d + self.knots.most_pieces)
        n_rows = max(self.fewest_rows, self.samples_per_number * n_numbers)
        return rng.permutation(n)[:n_rows] if n_rows < n else slice(None)

    def _start(self, samples, directions, lower):
        """A sum along given directions, its profiles fitted."""
        curvature = np.maximum(base_curvature(directions)[0], lower)
        ridges = self.knots.start(directions, samples, curvature=curvature)
        return self.backfit.fit(samples, ridges, lower=lower)

    def _winner(self, seen, unseen, starts, lower):
        """The best, after some steps, of those that are close to the first."""
        most = self.close * starts[0].loss(unseen)
        rivals = [s for s in starts[: self.n_trials] if s.loss(unseen) < most]
        if len(rivals) <= 1:
            return starts[0]
        trial = replace(self.directions, max_steps=self.trial_steps)
        return min(
            (trial.improve(seen, unseen, rival, lower=lower) for rival in rivals),
            key=lambda ridges: ridges.loss(unseen),
        )
