"""A fitted prior as a proximal operator of pyproximal."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from skhj.adaptors.fitted_prior import check_step, time_of

if TYPE_CHECKING:
    from pyproximal import ProxOperator

__all__ = ["to_pyproximal"]


def to_pyproximal(est: BaseEstimator) -> "ProxOperator":
    """Make a proximal operator of pyproximal of a fitted prior.

    Parameters
    ----------
    est : estimator
        A fitted `HJPriorRegressor` or `PQMPrior`.

    Returns
    -------
    pyproximal.ProxOperator
        A function of vectors of shape (d,), with ``prox`` at any step up to the
        estimator's t, and ``grad``. A larger step raises a ValueError.

    Raises
    ------
    ImportError
        If pyproximal is not installed.
    ValueError
        If ``est`` is no estimator of a prior.
    NotFittedError
        If it is not fitted.
    """
    return _operator_class()(est)


@cache
def _operator_class():
    # Made when it is asked for: the package is optional.
    from pyproximal import ProxOperator

    class LearnedProximalOperator(ProxOperator):
        """The prior of a fitted estimator."""

        def __init__(self, est):
            super().__init__(None, True)
            self.estimator, self.t = est, time_of(est)

        def __call__(self, x):
            return float(self.estimator.prior(np.atleast_2d(x))[0])

        def prox(self, x, tau):
            time = check_step("tau", tau, self.t)
            return self.estimator.prox(np.atleast_2d(x), time=time)[0]

        def grad(self, x):
            return self.estimator.prior_gradient(np.atleast_2d(x))[0]

        def __reduce__(self):
            return to_pyproximal, (self.estimator,)

    return LearnedProximalOperator
