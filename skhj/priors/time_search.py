r"""The largest time at which samples of a value function are reachable.

Samples that are reachable at a time are so at every earlier one: the largest is one
over the largest curvature of S. Curvatures of a model fitted at an early time, where
they are free, show about where it is. Where splines carry S, their error on the hold-
out is nothing up to that time and grows linearly beyond; elsewhere the time is a weight
of a sum of norms, see `skhj.priors.envelope.free_time`.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from skhj import hamilton_jacobi as hj
from skhj.numerics.least_squares_quadratic import fit_quadratic
from skhj.numerics.tensors import to_tensor
from skhj.priors.convex.rough import fit_network
from skhj.priors.envelope.free_time import FreeTime
from skhj.priors.envelope.kind import Envelope
from skhj.priors.kinds import kinds_of
from skhj.priors.samples import Samples
from skhj.priors.search import PriorSearch

__all__ = ["TimeSearch"]


@dataclass(frozen=True)
class TimeSearch:
    """How the time of samples is found.

    Parameters
    ----------
    most_samples : int, default=4000
        Samples that are enough for it.
    early : float, default=0.06
        The early time, as a share of that of the best quadratic, which is too late.
    rough_steps : int, default=1000
        Steps of the rough network that sums of norms start from.
    sooner : float, default=0.25
        The time that they start from, as a share of what its curvatures show: it is as
        smooth as it is rough.
    most_starts, explained : int and float, default=2, 1e-4
        Starts at most, from the time that was found, where they leave more than this
        share of the variance.
    beyond : tuple of float, default=(1.15, 1.05)
        First trials of splines, as multiples of the time that curvatures show.
    near : float, default=0.15
        Distance of the nearer of two failing times, as a share, from where their errors
        lead to, at which that is accurate.
    most_trials : int, default=10
        Trials at most.
    margin : float, default=5e-3
        Share by which the time is taken earlier: there, splines lose nothing.
    exact : float, default=1e-10
        Share of the variance that is no error.
    flat : float, default=1e-2
        Curvature of the best quadratic, in units of the spread of S over that of the
        points, below which S is concave.
    sums : FreeTime
        Finds the time of sums of norms.
    """

    most_samples: int = 4000
    early: float = 0.06
    rough_steps: int = 1000
    sooner: float = 0.25
    most_starts: int = 2
    explained: float = 1e-4
    beyond: tuple[float, float] = (1.15, 1.05)
    near: float = 0.15
    most_trials: int = 10
    margin: float = 5e-3
    exact: float = 1e-10
    flat: float = 1e-2
    sums: FreeTime = field(default_factory=FreeTime)

    # A fit beyond arithmetic has no part in what is found.
    @np.errstate(over="ignore", invalid="ignore")
    def find(self, samples, settings, rng):
        """Find the largest time at which samples are reachable.

        Parameters
        ----------
        samples : Samples
            Values of a value function; their time is not read.
        settings : Settings
            How to train.
        rng : RandomState
            Source of every seed.

        Returns
        -------
        float
            The time.

        Raises
        ------
        ValueError
            If they are reachable at every time, as far as the best quadratic shows.
        """
        if len(samples.X) > self.most_samples:
            samples = samples.take(rng.permutation(len(samples.X))[: self.most_samples])
        latest = self.upper_bound(samples)
        samples = samples._replace(t=self.early * latest)
        settings = replace(settings, prior_method="auto")
        search = PriorSearch(samples, settings, rng)
        best = search.run(kinds_of("ridge", settings.architecture))[0]
        if search.settles() or Envelope().limit(search):
            return self._by_splines(best, samples, settings, rng, latest)
        return self._by_sums(search, latest)

    def upper_bound(self, samples):
        """A time that is too late: one over the best quadratic's largest curvature."""
        X, S = samples.X, samples.values
        V = X - X.mean(axis=0)
        length = float(np.sqrt((V**2).mean())) or 1.0
        quadratic = fit_quadratic(V / length, S, curvature_floor=-np.inf)
        curvature = np.linalg.eigvalsh(quadratic.hessian)[-1]
        if not curvature > self.flat * S.std():
            raise ValueError(
                "t must be given for values that are reachable at every time, as those "
                "of a concave S are, got t='auto'"
            )
        return float(length**2 / curvature)

    def _by_sums(self, search, latest):
        """Time of a sum of norms, started again from there where it errs."""
        variance, start = search.samples.values.var(), None
        found = []
        for _ in range(self.most_starts):
            found.append(self._from_rough(search, latest, start))
            start, error = min(found, key=lambda pair: pair[1])
            if error <= self.explained * variance:
                break
            samples = search.samples._replace(t=start)
            search = PriorSearch(samples, search.settings, search.rng)
        return start

    def _from_rough(self, search, latest, t):
        """Time and error of sums of norms that start from a rough network."""
        samples, schedule = search.samples, search.settings.trainer.schedule
        share = self.rough_steps / schedule.n_steps(samples.n_seen)
        rough = fit_network(None, search, math.ceil(share * schedule.max_iter)).model
        S, slope, _ = rough.value(samples.X)
        if t is None:
            t = self.sooner * min(_typical_time(rough.function, samples.X), latest)
        P = hj.prox_from_gradient(samples.X, slope, t)
        J = hj.prior_at_prox(samples.X, P, S, t)
        of_prior = Samples(P, J, slope, t, samples.held_out)
        trainer = search.trainer(search.seed())
        return self.sums.find(samples._replace(t=t), of_prior, trainer, latest)

    def _by_splines(self, best, samples, settings, rng, latest):
        """Time beyond which splines err."""
        start = min(_typical_time(best.model.function, samples.X), latest)
        known = _errors(best.model, samples) ** 2
        allowed = self.exact * samples.values.var() + 9 * _settled(known, samples)

        def excess(t):
            search = PriorSearch(samples._replace(t=t), settings, rng)
            more = _errors(best.kind.fit(search).model, samples) ** 2 - known
            by_chance = more.std() / len(more) ** 0.5
            return max(more.mean() - max(allowed, by_chance), 0) ** 0.5

        return (1 - self.margin) * self._crossing(excess, start, samples.t, latest)

    def _crossing(self, excess, start, fits, latest):
        """Where an excess that grows about linearly begins."""
        failing = []
        trials = [min(factor * start, latest) for factor in self.beyond]
        t = trials[0]
        for _ in range(self.most_trials):
            height = excess(t)
            if height > 0:
                failing = sorted([*failing, (t, height)])[:2]
            else:
                fits = max(fits, t)
            if not failing:
                if fits >= latest:
                    return latest
                t = min(1.5 * t, latest)
            elif len(failing) == 1:
                nearest = failing[0][0]
                is_first = fits < trials[1] < nearest
                t = trials[1] if is_first else (fits * nearest) ** 0.5
            else:
                (near, low), (far, high) = failing
                slope = (high - low) / (far - near)
                end = near - low / slope if slope > 0 else fits
                end = float(np.clip(end, fits, near))
                if near <= (1 + self.near) * end:
                    return end
                t = (1 + self.near / 3) * end
        return fits


def _settled(squares, samples, *, share=1e-6):
    """Mean of squared errors, where it is next to nothing of the variance; else 0."""
    mean = squares.mean()
    return mean if mean <= share * samples.values.var() else 0.0


def _errors(model, samples):
    unseen = samples.take(samples.held_out)
    return model.value(unseen.X).value - unseen.values


def _typical_time(function, X, *, most=1000):
    """One over the curvatures of S that are large and not rare."""
    hessians = -function.hessian_at(to_tensor(X[:most])).numpy()
    curvatures = np.linalg.eigvalsh(hessians).clip(min=0)
    largest = curvatures.max()
    if not largest > 0:
        return np.inf
    shares = curvatures / largest
    return float((shares**2).sum() / (shares**3).sum() / largest)
