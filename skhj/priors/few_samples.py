"""What few samples can carry: judged by cross-validation beside the simplest models."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon

from skhj.priors.convex.quadratic import ORDERS, Quadratic, fit_order
from skhj.priors.search import PriorSearch

__all__ = ["FewSamples"]


@dataclass(frozen=True)
class FewSamples:
    """Whether the best model of few samples is better than a plain one.

    A hold-out of a few samples cannot judge. The kind that won by it is fitted again to
    parts of the samples, and answers for the others; so does the mean, an affine
    function or a quadratic with the curvature's bound, whichever leaving out single
    samples prefers. That is kept, unless the kind errs less by more than chance: of a
    few samples the better of two is often the worse one elsewhere.

    Parameters
    ----------
    most : int, default=100
        Samples up to which that is asked: more hold enough out.
    n_folds : int, default=5
        Parts.
    level : float, default=0.95
        Confidence of Wilcoxon's test that squared errors are less, which of fewer than
        five samples none reaches: unlike a mean, it hangs on no single sample.
    """

    most: int = 100
    n_folds: int = 5
    level: float = 0.95

    def plain(self, search, best):
        """A plain candidate that is better than the best one, or None.

        Parameters
        ----------
        search : PriorSearch
            Samples, and how to train.
        best : Candidate
            The best by the hold-out.

        Returns
        -------
        Candidate or None
            It, with its mean squared error in cross-validation.
        """
        samples = search.samples
        n = len(samples.X)
        asked = samples.values is not None and samples.gradients is None
        if not asked or n > self.most or best.kind.name == "images" or search.settles():
            return None
        order = self._best_order(samples)
        folds = np.random.RandomState(0).permutation(n) % min(self.n_folds, n)
        errors = np.zeros((2, n))
        with search.settings.trainer.task("cross-validation", None):
            for fold in range(folds.max() + 1):
                unseen = folds == fold
                pair = self._errors(search, best.kind, order, unseen)
                errors[0, unseen], errors[1, unseen] = pair
        shares = _shares(samples)
        if self._is_gain(errors[0] - errors[1], shares):
            return None
        everything = PriorSearch(_all(samples), search.settings, search.rng)
        plain = Quadratic(order).fit(everything.repeated())
        return plain._replace(validation_error=float(errors[0] @ shares))

    def _is_gain(self, gains, shares):
        """Whether a mean is positive beyond chance; not if a number is not finite."""
        if not np.isfinite(gains).all() or not gains @ shares > 0:
            return False
        return wilcoxon(gains, alternative="greater").pvalue <= 1 - self.level

    def _best_order(self, samples):
        """The plain model that leaving out one sample after the other prefers."""
        errors = np.zeros(len(ORDERS))
        for i, share in enumerate(_shares(samples)):
            one = np.arange(len(samples.X)) == i
            squares = [_squares(samples, order, one)[0] for order in ORDERS]
            errors += share * np.array(squares)
        return ORDERS[int(np.argmin(errors))]

    def _errors(self, search, kind, order, unseen):
        """Squared errors of a plain model and of the kind at the samples of a fold."""
        samples = search.samples
        of_plain = _squares(samples, order, unseen)
        part, others = samples.take(~unseen), samples.take(unseen)
        if not part.held_out.any() or part.held_out.all():
            part = part._replace(held_out=np.arange(len(part.X)) < 1)
        if not part.seen.any():
            return of_plain, np.inf
        inner = PriorSearch(part, search.settings, np.random.RandomState(0))
        try:
            answer = kind.fit(inner.repeated()).model.value(others.X).value
        except (ArithmeticError, np.linalg.LinAlgError):
            answer = np.inf
        with np.errstate(over="ignore", invalid="ignore"):
            return of_plain, (others.values - answer) ** 2


def _shares(samples):
    """Shares of the samples in means."""
    counts = np.ones(len(samples.X)) if samples.counts is None else samples.counts
    return counts / counts.sum()


def _squares(samples, order, unseen):
    """Squared errors of a plain model at some samples, fitted to the others."""
    seen, rest = samples.take(~unseen).repeated(), samples.take(unseen)
    fit = fit_order(order, seen.X, -seen.values, samples.t)
    return (rest.values + fit(rest.X)) ** 2


def _all(samples):
    """The samples with none held out: plain models need none."""
    return samples._replace(held_out=np.zeros(len(samples.X), dtype=bool))
