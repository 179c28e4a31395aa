"""What every estimator of a prior answers, from its value function and its prior."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skhj import hamilton_jacobi as hj
from skhj.estimators.arrays import (
    FLOATS,
    check_gradient,
    check_times,
    in_dtype,
)
from skhj.estimators.fitted_state import FittedState
from skhj.estimators.metric_option import check_metric
from skhj.estimators.stored_arrays import StoredScore
from skhj.numerics.given_numbers import check_size
from skhj.numerics.profiles import Profiles

__all__ = ["PriorEstimator"]


class PriorEstimator(
    FittedState, OneToOneFeatureMixin, TransformerMixin, StoredScore, BaseEstimator
):
    """Base of the estimators that learn a prior from samples of a value function.

    A subclass has the parameters ``t`` and ``metric`` and, once fitted, the attributes
    ``_fitted_time``, the time it was fitted for, and ``_fitted_metric``. It implements
    ``_value_and_prox(X)`` and ``_prior_and_gradient(X)``, which map points (n, d), of
    float64 or float32, to values (n,) and points or gradients (n, d) in float64, and
    ``_evolved(X, time)``, values (n,) and proximal points (n, d) at a time between 0
    and t: all in the coordinates in which the metric is the Euclidean one. Points are
    in these as soon as they are checked.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # Size of the points that have answers.
    _largest_point = np.inf

    @property
    def profiles_(self) -> Profiles | None:
        """Functions of one variable that the model is a sum of, and their directions.

        Returns
        -------
        Profiles or None
            A named tuple of ``directions``, ``arguments``, ``values`` and ``rank``, the
            widest first: of "ridge" the directions, and splines that S is the sum of,
            but for a constant and in a basis that is not orthonormal a quadratic; of
            images the filters, and the functions of their responses whose sum is J. See
            `skhj.inspection.ProfilesDisplay`.
        """
        check_is_fitted(self)
        model = getattr(self, "_loaded_model", None)
        profiles = None if model is None else model.profiles(n_points=201)
        if profiles is None or self._fitted_metric is None:
            return profiles
        # Filters stay in the coordinates of the metric; directions are as gradients.
        directions = profiles.directions
        if directions.ndim == 2:
            directions = self._fitted_metric.gradients_from(directions)
        return profiles._replace(directions=directions)

    def _check_samples(self, X, y, gradient, dtype=np.float64):
        """Arrays of ``dtype``, or an error that names the one that is wrong."""
        X, y = validate_data(
            self, X, y, dtype=dtype, y_numeric=True, ensure_min_samples=2
        )
        y = check_array(y, dtype=dtype, ensure_2d=False, input_name="y")
        gradient = check_gradient(gradient, X, dtype=dtype)
        for array, name in ((X, "X"), (y, "y"), (gradient, "gradient")):
            check_size(array, name)
        metric = check_metric(self.metric, X.shape[1])
        if metric is not None and gradient is not None:
            gradient = metric.gradients_to(gradient)
        return X if metric is None else metric.points_to(X), y, gradient

    def _check_points(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        X = check_size(X, largest=self._largest_point)
        metric = self._fitted_metric
        return X if metric is None else metric.points_to(X)

    def _points(self, U, dtype):
        """Points in the coordinates of the user, in a dtype."""
        metric = self._fitted_metric
        return in_dtype(U if metric is None else metric.points_from(U), dtype)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Value function S(x, t).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.

        Returns
        -------
        ndarray of shape (n,)
            Values, in the float dtype of X.
        """
        X = self._check_points(X)
        return in_dtype(self._value_and_prox(X)[0], X.dtype)

    def prox(self, X: ArrayLike, time: ArrayLike | None = None) -> np.ndarray:
        """Proximal operator of the prior, x - s M grad S(x, s) at the time s.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.
        time : float, array-like of shape (n,) or None, default=None
            The time s, from above 0 to ``t``, of all points or of each: the step of the
            proximal operator, for images the variance of the noise. None is ``t``.

        Returns
        -------
        ndarray of shape (n, d)
            Proximal points.

        Raises
        ------
        ValueError
            If ``time`` is not above 0 and at most ``t``.
        """
        X = self._check_points(X)
        if time is None:
            return self._points(self._value_and_prox(X)[1], X.dtype)
        times = check_times(time, len(X), self._fitted_time, zero=False)
        return self._points(self._at_times(X, times)[1], X.dtype)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return ``prox(X)``, so that a fitted prior denoises inside a Pipeline.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.

        Returns
        -------
        ndarray of shape (n, d)
            Proximal points.
        """
        return self.prox(X)

    def potential(self, X: ArrayLike) -> np.ndarray:
        """Convex potential psi(x) = |x|^2 / 2 - t S(x, t), |x| that of the metric.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.

        Returns
        -------
        ndarray of shape (n,)
            Values of the potential.
        """
        X = self._check_points(X)
        S, _ = self._value_and_prox(X)
        with np.errstate(over="ignore"):  # in_dtype has the largest number for it
            psi = hj.potential_from_value(X.astype(np.float64), S, self._fitted_time)
        return in_dtype(psi, X.dtype)

    def prior(self, X: ArrayLike) -> np.ndarray:
        """Backward viscosity prior J(y) = (psi*(y) - |y|^2 / 2) / t.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points y. The samples determine the prior on the range of ``prox``;
            elsewhere it is an extrapolation.

        Returns
        -------
        ndarray of shape (n,)
            Values of the prior.
        """
        X = self._check_points(X)
        return in_dtype(self._prior_and_gradient(X)[0], X.dtype)

    def prior_gradient(self, X: ArrayLike) -> np.ndarray:
        """Gradient of the prior, a subgradient at its kinks.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.

        Returns
        -------
        ndarray of shape (n, d)
            Gradients.
        """
        X = self._check_points(X)
        gradient, metric = self._prior_and_gradient(X)[1], self._fitted_metric
        gradient = gradient if metric is None else metric.gradients_from(gradient)
        return in_dtype(gradient, X.dtype)

    def conjugate(self, X: ArrayLike) -> np.ndarray:
        """Conjugate potential psi*(y) = |y|^2 / 2 + t J(y), |y| that of the metric.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points y.

        Returns
        -------
        ndarray of shape (n,)
            Values of the conjugate.
        """
        X = self._check_points(X)
        J, _ = self._prior_and_gradient(X)
        with np.errstate(over="ignore"):
            psi = hj.conjugate_from_prior(X.astype(np.float64), J, self._fitted_time)
        return in_dtype(psi, X.dtype)

    def evolve(self, X: ArrayLike, time: ArrayLike) -> np.ndarray:
        """Value function S(x, time) of the prior at any time up to ``t``.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.
        time : float or array-like of shape (n,)
            Time of all points or of each, from 0 (the prior itself) to ``t`` (the value
            function that ``predict`` gives).

        Returns
        -------
        ndarray of shape (n,)
            Values.

        Raises
        ------
        ValueError
            If ``time`` is not between 0 and ``t``.
        """
        X = self._check_points(X)
        times = check_times(time, len(X), self._fitted_time, zero=True)
        return in_dtype(self._at_times(X, times)[0], X.dtype)

    def _at_times(self, X, times):
        """Values and proximal points, those of one time together."""
        values, P = np.empty(len(X)), np.empty(X.shape)
        for time in np.unique(times):
            rows = times == time
            if time == 0:
                values[rows], P[rows] = self._prior_and_gradient(X[rows])[0], X[rows]
            elif time == self._fitted_time:
                values[rows], P[rows] = self._value_and_prox(X[rows])
            else:
                values[rows], P[rows] = self._evolved(X[rows], time)
        return values, P

    def _prox_derivative(self, X, directions, time=None):
        """Derivative of the prox at a time along directions (n, d), for adaptors."""
        if not hasattr(self, "_loaded_model"):
            raise NotImplementedError(
                f"the proximal operator of {type(self).__name__} has no derivative "
                "here; that of HJPriorRegressor has"
            )
        rows = self._check_points(X).astype(float), directions.astype(float)
        return self._loaded_model.prox_derivative(*rows, time or self._fitted_time)
