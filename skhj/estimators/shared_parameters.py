"""Copies of estimators that share what is no parameter to copy or to tune."""

import copy

from sklearn.base import clone

__all__ = ["copy_sharing"]


def copy_sharing(estimator, **shared):
    """An estimator of the same parameters that is not fitted, as by `clone`.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    **shared : dict
        Parameters that are not cloned, by name.

    Returns
    -------
    estimator
        The copy.
    """
    parameters = {
        name: clone(value, safe=False)
        for name, value in estimator.get_params(deep=False).items()
        if name not in shared
    }
    new = type(estimator)(**parameters, **shared)
    # What else scikit-learn's own clone keeps.
    for name in ("_metadata_request", "_sklearn_output_config"):
        if hasattr(estimator, name):
            setattr(new, name, copy.deepcopy(getattr(estimator, name)))
    return new
