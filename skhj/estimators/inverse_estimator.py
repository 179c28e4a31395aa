"""What an estimator of models from measurements answers, once it is fitted."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skhj.estimators.arrays import FLOATS, in_dtype
from skhj.inverse.setting import estimated_data

__all__ = ["ModelEstimator"]


class ModelEstimator(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Base of the estimator that recovers models from measurements.

    A subclass has, once fitted, the private attributes ``_inverse``, a
    `LearnedInverse`; ``_forward``, its operator or None, and then
    ``_fitted_matrix``, the estimated one; ``_fitted_bounds`` of the models, and
    ``_fitted_ndim``, the number of axes of y.
    """

    def _check_data(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return X.astype(np.float64), X.dtype

    def _answer(self, models, dtype):
        """Models within the bounds, in the dtype of the data and the form of y."""
        models = in_dtype(np.clip(models, *self._fitted_bounds), dtype)
        return models[..., 0] if self._fitted_ndim == 1 else models

    def predict(self, X):
        """Models, the conditional mean of x given b.

        Parameters
        ----------
        X : array-like of shape (n, M)
            Measurements.

        Returns
        -------
        ndarray of shape (n, N) or (n,)
            Models, in the float dtype of X.
        """
        B, dtype = self._check_data(X)
        return self._answer(self._inverse.predict(B), dtype)

    def linear_estimate(self, X):
        """Linear estimate of models, from which the network starts.

        Parameters
        ----------
        X : array-like of shape (n, M)
            Measurements.

        Returns
        -------
        ndarray of shape (n, N) or (n,)
            Models, not clipped to the bounds.
        """
        B, dtype = self._check_data(X)
        models = in_dtype(self._inverse.linear(B), dtype)
        return models[:, 0] if self._fitted_ndim == 1 else models

    def trajectory(self, X):
        """Iterates of the network, from the linear estimate to the answer.

        Parameters
        ----------
        X : array-like of shape (n, M)
            Measurements.

        Returns
        -------
        ndarray of shape (n_layers + 1, n, N)
            The start, and models after each layer; the last is clipped to the bounds.
        """
        B, dtype = self._check_data(X)
        iterates = self._inverse.trajectory(B)
        iterates[-1] = np.clip(iterates[-1], *self._fitted_bounds)
        return in_dtype(iterates, dtype)

    def sample(self, X, n_samples=1):
        """Draw models from their posterior, the distribution of x given b.

        Parameters
        ----------
        X : array-like of shape (n, M)
            Measurements.
        n_samples : int, default=1
            Draws for each of them. The same call gives the same draws, of which those
            of a row depend on its place.

        Returns
        -------
        ndarray of shape (n_samples, n, N)
            Models.

        Raises
        ------
        ValueError
            If the estimator was not fitted with ``loss="energy"``.
        """
        B, dtype = self._check_data(X)
        if not self._inverse.draws:
            raise ValueError(
                "sample needs an estimator fitted with loss='energy', but this one was "
                "fitted with loss='mse', whose answer is the posterior's mean alone"
            )
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples must be a positive int, got {n_samples!r}")
        draws = self._inverse.sample(B, n_samples)
        return in_dtype(np.clip(draws, *self._fitted_bounds), dtype)

    def residual(self, X):
        """Relative misfit |A x - b| / |b| of the answers x.

        Parameters
        ----------
        X : array-like of shape (n, M)
            Measurements.

        Returns
        -------
        ndarray of shape (n,)
            Misfits. Without an operator, A is the affine one estimated from the pairs.
        """
        B, dtype = self._check_data(X)
        models = np.clip(self._inverse.predict(B), *self._fitted_bounds)
        if self._forward is None:
            data = estimated_data(self._inverse.linear, self._fitted_matrix, models)
        else:
            data = self._forward.data(models)
        misfit = np.linalg.norm(data - B, axis=1)
        size = np.linalg.norm(B, axis=1)
        return in_dtype(misfit / np.where(size > 0, size, 1), dtype)
