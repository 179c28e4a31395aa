"""What few samples can carry: judged by cross-validation beside the simplest models."""

from dataclasses import dataclass

import numpy as np

from skhj.priors.convex.quadratic import ORDERS, Quadratic, fit_order
from skhj.priors.search import PriorSearch

__all__ = ["FewSamples"]


@dataclass(frozen=True)
class FewSamples:
    """Whether the best model of few samples is better than a plain one.

    A hold-out of a few samples cannot judge. The kind that won by it is fitted again to
    parts of the samples, and answers for the others; so does the mean, an affine
    function or a quadratic with the curvature's bound, whichever leaving out single
    samples prefers, and where that errs less it is kept.

    Parameters
    ----------
    most : int, default=100
        Samples up to which that is asked: more hold enough out.
    n_folds : int, default=5
        Parts.
    """

    most: int = 100
    n_folds: int = 5

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
        errors = np.zeros(2)
        with search.settings.trainer.task("cross-validation", None):
            for fold in range(folds.max() + 1):
                unseen = folds == fold
                errors += self._errors(search, best.kind, order, unseen)
        if errors[1] <= errors[0]:
            return None
        everything = PriorSearch(_all(samples), search.settings, search.rng)
        plain = Quadratic(order).fit(everything.repeated())
        n_counted = len(samples.repeated().X)
        return plain._replace(validation_error=float(errors[0] / n_counted))

    def _best_order(self, samples):
        """The plain model that leaving out one sample after the other prefers."""
        errors = np.zeros(len(ORDERS))
        for i in range(len(samples.X)):
            one = np.arange(len(samples.X)) == i
            errors += [_squares(samples, order, one) for order in ORDERS]
        return ORDERS[int(np.argmin(errors))]

    def _errors(self, search, kind, order, unseen):
        """Squared errors of a plain model and of the kind, summed over a fold."""
        samples = search.samples
        of_plain = _squares(samples, order, unseen)
        part, others = samples.take(~unseen), samples.take(unseen).repeated()
        if not part.held_out.any() or part.held_out.all():
            part = part._replace(held_out=np.arange(len(part.X)) < 1)
        inner = PriorSearch(part, search.settings, np.random.RandomState(0))
        try:
            answer = kind.fit(inner.repeated()).model.value(others.X).value
        except (ArithmeticError, np.linalg.LinAlgError):
            answer = np.inf
        with np.errstate(over="ignore", invalid="ignore"):
            error = ((others.values - answer) ** 2).sum()
        return np.array([of_plain, error if np.isfinite(error) else np.inf])


def _squares(samples, order, unseen):
    """Squared errors of a plain model at some samples, fitted to the others."""
    seen, rest = samples.take(~unseen).repeated(), samples.take(unseen).repeated()
    fit = fit_order(order, seen.X, -seen.values, samples.t)
    return ((rest.values + fit(rest.X)) ** 2).sum()


def _all(samples):
    """The samples with none held out: plain models need none."""
    return samples._replace(held_out=np.zeros(len(samples.X), dtype=bool))
