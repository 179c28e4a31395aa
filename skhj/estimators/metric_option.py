"""The parameter ``metric`` of the estimators of priors."""

import numpy as np
from sklearn.utils import check_array

from skhj.numerics.given_numbers import given_numbers
from skhj.numerics.metric import Metric

__all__ = ["check_metric", "refuse_metric"]


def check_metric(metric, n_features):
    """Make a metric of the parameter.

    Parameters
    ----------
    metric : array-like of shape (d,) or (d, d), or None
        As the user gives it.
    n_features : int
        Number of features d.

    Returns
    -------
    Metric or None
        The change of variables; None where there is none to make.

    Raises
    ------
    ValueError
        If it is not of that shape, or not symmetric and positive definite.
    """
    if metric is None:
        return None
    matrix = given_numbers(metric, "metric")
    matrix = check_array(matrix, ensure_2d=False, input_name="metric", copy=True)
    d = n_features
    if matrix.shape not in {(d,), (d, d)}:
        raise ValueError(
            f"metric must have the shape ({d},) or ({d}, {d}), got {matrix.shape}"
        )
    error = "metric must be symmetric and positive definite, or a positive diagonal"
    if matrix.ndim == 1:
        if not (matrix > 0).all():
            raise ValueError(f"{error}, got a least entry of {matrix.min():.3g}")
        return Metric.of(matrix)
    difference = np.abs(matrix - matrix.T).max()
    if difference > 1e-10 * np.abs(matrix).max():
        raise ValueError(f"{error}, got one that differs from its transpose")
    try:
        return Metric.of((matrix + matrix.T) / 2)
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh((matrix + matrix.T) / 2)[0]
        raise ValueError(f"{error}, got a least eigenvalue of {least:.3g}") from None


def refuse_metric(est):
    """Refuse a fitted estimator whose prox is that of another metric.

    Parameters
    ----------
    est : estimator
        A fitted estimator of a prior.

    Raises
    ------
    ValueError
        If it was fitted with one.
    """
    if getattr(est, "_fitted_metric", None) is not None:
        raise ValueError(
            "prior must be fitted with metric=None for adaptors and solvers: they know "
            "the Euclidean prox alone"
        )
