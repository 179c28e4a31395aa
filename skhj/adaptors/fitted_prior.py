"""What every adaptor asks of an estimator, and of a step."""

import math
from numbers import Real

from sklearn.utils.validation import check_is_fitted

__all__ = ["check_step", "time_of"]


def time_of(est):
    """Time of a fitted estimator of a prior.

    Parameters
    ----------
    est : estimator
        An `HJPriorRegressor` or a `PQMPrior`, frozen or not.

    Returns
    -------
    float
        The time t.

    Raises
    ------
    ValueError
        If it is no such estimator, or was fitted with a metric.
    NotFittedError
        If it is not fitted.
    """
    if isinstance(est, type) or not (
        hasattr(est, "fit") and hasattr(est, "prox") and hasattr(est, "prior")
    ):
        raise ValueError(
            "est must be a fitted estimator of a prior, such as HJPriorRegressor, got "
            f"{est!r}"
        )
    check_is_fitted(est)
    if est._fitted_metric is not None:
        raise ValueError(
            "est must be fitted with metric=None: a step asks for the Euclidean prox"
        )
    # The time of the fit, even if the parameter was changed since.
    return est._fitted_time


def check_step(name, step, t):
    """Time of a proximal operator asked for by a step, None for the learned one.

    Parameters
    ----------
    name : str
        Name of the step.
    step : float
        The step.
    t : float
        Time at which the prior was learned.

    Returns
    -------
    float or None
        The time, None where it is t but for rounding.

    Raises
    ------
    ValueError
        If the step is not above 0 and at most t.
    """
    if isinstance(step, Real) and math.isclose(step, t, rel_tol=1e-9):
        return None
    if not isinstance(step, Real) or not 0 < step < t:
        raise ValueError(
            f"{name} must be above 0 and at most t={t}, the time at which the prior "
            f"was learned, got {step!r}: take shorter steps, or learn the prior at a "
            "larger t"
        )
    return float(step)
