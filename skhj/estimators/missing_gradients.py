"""Gradients of a value function from its values, by local fits or by an estimator."""

import numpy as np
from sklearn.base import clone

from skhj import hamilton_jacobi as hj
from skhj.estimators.hj_prior import HJPriorRegressor
from skhj.numerics.local_fits import LocalFits

__all__ = ["estimate_gradient"]


def estimate_gradient(
    estimator, X, S, *, t, noise_std=0.0, random_state=None, max_local_features=3
):
    """Values and gradients of S(., t) at samples of its values.

    Parameters
    ----------
    estimator : {"auto", "local"} or estimator
        "local" fits quadratics to neighbours; a clone of an estimator with ``fit``,
        ``predict`` and ``prox`` is fitted, and its values replace the given ones.
        "auto" is "local" for few features, `HJPriorRegressor` above.
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,)
        Values.
    t : float
        Time, positive.
    noise_std : float, default=0.0
        Standard deviation of the noise of the values.
    random_state : int, RandomState instance or None, default=None
        Passed to the `HJPriorRegressor` of "auto".
    max_local_features : int, default=3
        Most features of which "auto" makes "local": above, neighbours are too far for
        a local fit.

    Returns
    -------
    ndarray of shape (n,)
        Values.
    ndarray of shape (n, d)
        Gradients.

    Raises
    ------
    ValueError
        If its training diverges.
    """
    if estimator == "auto" and X.shape[1] > max_local_features:
        estimator = HJPriorRegressor(t=t, random_state=random_state)
    if isinstance(estimator, str):
        return LocalFits().fit(X, S, noise_std=noise_std)
    try:
        estimator = clone(estimator).fit(X, S)
    except FloatingPointError as error:
        raise ValueError(
            f"gradient_estimator must be one that X and y can be fitted by: {error}"
        ) from error
    P = np.asarray(estimator.prox(X), dtype=np.float64)
    S = np.asarray(estimator.predict(X), dtype=np.float64)
    return S, hj.value_gradient_from_prox(X, P, t)
