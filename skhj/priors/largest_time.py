"""The largest time at which a prior can generate samples of values, where t is not."""

from dataclasses import dataclass, field

import numpy as np

from skhj.priors.splines.fit import SplineSolver, fit_splines

__all__ = ["TimeTest"]


@dataclass(frozen=True)
class TimeTest:
    """Whether a smaller time explains far more of the samples.

    What a prior generates at a time it, or another, generates at every smaller one. So
    splines along the axes, refitted for smaller times, are models with less of the
    constraint: an average over the other features keeps the curvature's bound, whatever
    the function. They are fitted only where the best model leaves something.

    Parameters
    ----------
    left : float, default=0.01
        Share of the variance on the hold-out that the best model, and the splines,
        must leave to ask for another time.
    gain : float, default=0.4
        Share of what the best model leaves that another time must leave at most.
    fewest, most : int, default=20 and 3000
        Samples held out from which it is judged, and samples that are fitted.
    most_features : int, default=64
        Above, the fits take too long.
    near, slack : float, default=5e-4 and 0.1
        An error is as good as the least if it exceeds that by no more than this share
        of what the least gains, or of the least.
    n_halvings : int, default=8
        Smaller times that are tried, each half of the one before.
    n_bisections : int, default=4
        Bisections of the interval then found, to 5 %.
    solver : SplineSolver
        Fits the splines.
    """

    left: float = 0.01
    gain: float = 0.4
    fewest: int = 20
    most: int = 3000
    most_features: int = 64
    near: float = 5e-4
    slack: float = 0.1
    n_halvings: int = 8
    n_bisections: int = 4
    solver: SplineSolver = field(default_factory=SplineSolver)

    def largest_time(self, samples, error, gradient_weight=1.0):
        """The largest time that would do, or None where nothing speaks against t.

        Parameters
        ----------
        samples : Samples
            Of the value function.
        error : float
            Mean squared error of the best model on the hold-out.
        gradient_weight : float, default=1.0
            Weight of the gradients.

        Returns
        -------
        float or None
            The time.
        """
        if samples.values is None or samples.X.shape[1] > self.most_features:
            return None
        rows = np.random.default_rng(0).permutation(len(samples.X))[: self.most]
        few = samples.take(rows)
        variance = few.values[few.held_out].var() if few.held_out.any() else 0.0
        if few.held_out.sum() < self.fewest or not error > self.left * variance:
            return None

        def error_at(time):
            fit = fit_splines(
                few._replace(t=time).negated(),
                gradient_weight=gradient_weight,
                rng=np.random.RandomState(0),
                solver=self.solver,
            )
            return fit.validation_error

        times = samples.t * 0.5 ** np.arange(self.n_halvings + 1)
        errors = [error_at(times[0])]
        if errors[0] <= self.left * variance:
            return None
        errors = np.array(errors + [error_at(time) for time in times[1:]])
        lowest = errors.min()
        if lowest > self.gain * min(errors[0], error):
            return None
        enough = lowest + max(self.near * (errors[0] - lowest), self.slack * lowest)
        # At the first of the halved times a prior is not yet found, at the next it is.
        first = int(np.flatnonzero(errors <= enough)[0])
        low, high = times[first], times[first - 1]
        for _ in range(self.n_bisections):
            middle = np.sqrt(low * high)
            low, high = (middle, high) if error_at(middle) <= enough else (low, middle)
        return float(low)
