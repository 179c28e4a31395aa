"""Warnings of HJPriorRegressor: what a fit has shown, and what answers lack."""

from sklearn.exceptions import ConvergenceWarning

from skhj.exceptions import ExtrapolationWarning, warn
from skhj.priors.gradient_mismatch import gradient_mismatch

__all__ = ["report_answer", "report_fit"]


def report_fit(search, best, max_iter, *, inconsistent=0.5):
    """Warn of what a fit has shown.

    Parameters
    ----------
    search : PriorSearch
        The search, with the kinds that failed.
    best : Candidate
        The model that is kept.
    max_iter : int
        The estimator's.
    inconsistent : float, default=0.5
        Share of the gradients' variance that a fit of them and the values leaves, above
        which they hardly belong together.
    """
    for kind, error in search.failures:
        warn(f"network {kind.label!r} failed and is left out: {error}")
    for name in best.unsettled:
        warn(
            f"the network of the {name} was still improving when its training ended; "
            f"raise max_iter (it is {max_iter})",
            ConvergenceWarning,
        )
    mismatch = gradient_mismatch(search.samples, best.model)
    if mismatch > inconsistent:
        warn(
            "gradient differs from that of the fitted values by "
            f"{mismatch:.0%} of its variance: check its sign and its units (from "
            "proximal points P it is (X - P) / t), or for noise"
        )


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
