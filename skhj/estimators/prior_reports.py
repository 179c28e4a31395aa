"""Warnings of HJPriorRegressor: what a fit has shown, and what answers lack."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skhj import hamilton_jacobi as hj
from skhj.exceptions import ExtrapolationWarning, warn
from skhj.priors.convex.kind import ConvexNetwork
from skhj.priors.gradient_mismatch import GradientTest, gradient_mismatch
from skhj.priors.largest_time import TimeTest
from skhj.priors.outliers import OutlierTest

__all__ = ["report_answer", "report_fit", "without_outliers"]


def without_outliers(X, values, gradients, groups):
    """Find samples that are far from what the others say, and warn of them.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    values : ndarray of shape (n,) or None
        Values.
    gradients : ndarray of shape (n, d) or None
        Gradients.
    groups : ndarray of shape (n_rows,), dtype int
        Which sample each row was that the user gave, see `CountedRows`.

    Returns
    -------
    found : ndarray of shape (n,), dtype bool
        Whether each sample is an outlier.
    rows : ndarray of shape (n_outliers,)
        The rows that are.
    """
    found = OutlierTest().find(X, values, gradients)
    rows = np.flatnonzero(np.isin(groups, np.flatnonzero(found)))
    if len(rows):
        shown = ", ".join(map(str, rows[:5])) + ", ..." * (len(rows) > 5)
        warn(
            f"y or gradient is far from what all other samples say in {len(rows)} of "
            f"{len(groups)} rows ({shown}), which are left out: see outliers_"
        )
    return found, rows


def report_fit(search, best, max_iter):
    """Warn of what a fit has shown.

    Parameters
    ----------
    search : PriorSearch
        The search, with the kinds that failed.
    best : Candidate
        The model that is kept.
    max_iter : int
        The estimator's.
    """
    for kind, error in search.failures:
        warn(f"network {kind.label!r} failed and is left out: {error}")
    if isinstance(best.kind, ConvexNetwork) and best.kind.architecture.may_err:
        _report_convexity(search.samples, best)
    for name in best.unsettled:
        warn(
            f"the network of the {name} was still improving when its training ended; "
            f"raise max_iter (it is {max_iter})",
            ConvergenceWarning,
        )
    if best.kind.name == "quadratic":
        warn(
            f"{len(search.samples.X)} samples are too few for more than the model "
            f"{best.kind.label!r}, which was the best in cross-validation"
        )
    elif not _report_gradients(search.samples.repeated(), best.model):
        _report_time(search, best)


def _report_convexity(samples, best, *, n_pairs=1000, rounding=1e-6):
    """Warn of a potential that lies above its chords, between pairs of the samples."""
    rng = np.random.RandomState(0)
    first, second = samples.X[rng.randint(len(samples.X), size=(2, n_pairs))]
    places = first, second, (first + second) / 2
    start, end, middle = (
        hj.potential_from_value(x, best.model.value(x).value, samples.t) for x in places
    )
    above = middle - (start + end) / 2
    is_above = above > rounding * np.ptp(np.concatenate([start, end]))
    if is_above.any():
        warn(
            f"network must be convex in its input: the potential of {best.kind.name} "
            f"lies above its chord between {is_above.mean():.0%} of {n_pairs} pairs of "
            "samples, so that prox and prior may be wrong"
        )


def _report_time(search, best):
    """Warn of a time at which no prior generates the samples."""
    if best.kind.name == "images":
        return
    samples = search.samples.repeated()
    weight = search.settings.gradient_weight
    largest = TimeTest().largest_time(samples, best.validation_error, weight)
    if largest is not None:
        warn(
            f"t={samples.t:.3g} is too large for the samples: no prior generates them "
            f"then, but one might up to t={largest:.2g}, by splines along the axes"
        )


def _report_gradients(samples, model, *, inconsistent=0.5, fewest=10):
    """Warn of gradients that are not those of the values.

    Of a factor between them; or else where a fit of both leaves more than a share
    ``inconsistent`` of their variance on the hold-out, of ``fewest`` samples at least.
    Return whether it did.
    """
    if samples.values is None or samples.gradients is None:
        return False
    advice = "check its sign and its units (from proximal points P it is (X - P) / t)"
    factors = GradientTest().factors(samples, model)
    if factors:
        many = [f"{factor:.2g} (feature {k})" for k, factor in factors.of_each.items()]
        what = ", ".join(many[:5]) or f"{factors.of_all:.2g}"
        warn(f"gradient is about {what} times that of the values: {advice}")
        return True
    few = samples.held_out.sum() < fewest
    mismatch = 0.0 if few else gradient_mismatch(samples, model)
    if mismatch > inconsistent:
        warn(
            "gradient differs from that of the fitted values by "
            f"{mismatch:.0%} of its variance: {advice}, or for noise"
        )
    return mismatch > inconsistent


def report_answer(answer, X, reach):
    """Warn of answers that extrapolate, and of those not solved for.

    Parameters
    ----------
    answer : Solved
        Answers.
    X : ndarray of shape (n, d)
        Where the data have to reach for them.
    reach : DataReach or PixelRange
        How far they do.
    """
    n_far = int(reach.is_far(X).sum())
    if n_far:
        warn(
            f"{n_far} of {len(X)} points lie far outside the data of fit, where "
            "answers extrapolate",
            ExtrapolationWarning,
        )
    n_unsolved = int((~answer.solved).sum())
    if n_unsolved:
        warn(
            f"a minimisation was not solved to its tolerance at {n_unsolved} of "
            f"{len(X)} points: values there are bounds, not the fitted ones",
            ConvergenceWarning,
        )
