"""What an estimator of models from measurements answers, once it is fitted."""

from functools import partial
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MultiOutputMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from skhj.estimators.arrays import in_dtype, relative_misfit
from skhj.estimators.fitted_state import FittedState
from skhj.estimators.inverse_checks import check_models
from skhj.estimators.shared_operator import SharedOperator
from skhj.estimators.stored_arrays import StoredScore, check_stored
from skhj.exceptions import warn
from skhj.numerics.memory_maps import is_mapped
from skhj.numerics.profiles import Profiles
from skhj.numerics.rows import Rows, gathered

__all__ = ["InverseEstimator", "warn_of_fit", "warn_of_not_finite"]


def warn_of_not_finite(finite):
    """Warn of samples to which a network's answers are not finite.

    Parameters
    ----------
    finite : ndarray of bool
        Whether each is.
    """
    if not finite.all():
        warn(
            f"the network's answers to {int((~finite).sum())} samples are not finite: "
            "these get the linear estimate",
            RuntimeWarning,
        )


def warn_of_fit(fit):
    """Warn of a network that is of no use, and of draws where there are no models.

    Parameters
    ----------
    fit : UnrolledFit
        The fit.
    """
    warn_of_not_finite(fit.finite)
    if not fit.helps:
        warn(
            "the network is no better than the linear estimate on the hold-out"
            + (", which predict returns" if np.all(fit.inverse.correction == 0) else "")
            + ": give more samples, a larger validation_fraction, or a larger "
            "max_iter if it is small",
            ConvergenceWarning,
        )
    if fit.outside > 2:
        warn(
            f"{fit.outside:.1f} times as many draws lie far from all models as do "
            "models held out: sample bridges modes, or spreads beyond them; give more "
            "samples, or a larger n_layers or max_iter",
            ConvergenceWarning,
        )


class InverseEstimator(
    SharedOperator, FittedState, MultiOutputMixin, StoredScore, BaseEstimator
):
    """Base of the estimator that recovers models from measurements.

    A subclass has, once fitted, the private attributes ``_loaded_inverse``, a
    `LearnedInverse`; ``_loaded_operator``, its operator or None; ``_fitted_bounds`` of
    the models, ``_fitted_setting``, and ``_fitted_ndim``, the number of axes of y.
    """

    @property
    def profiles_(self) -> Profiles | None:
        """Columns of the last layer's embedding, of which the answer is a sum.

        Returns
        -------
        Profiles or None
            A named tuple whose ``directions``, of shape (K, N), are the columns in the
            units of the models, the longest first; of images one for each channel, at
            the place in the middle. None of "proximal", which has no embedding.
        """
        check_is_fitted(self)
        return self._loaded_inverse.profiles()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "allow"
        return tags

    def _check_pairs(self, X, y):
        """Measurements and models to learn from."""
        X, y = check_stored(
            self,
            X,
            y,
            allow_nan=self.missing == "allow",
            multi_output=True,
            y_numeric=True,
            ensure_min_samples=2,
        )
        return X, check_models(X, y)

    def _check_data(self, X):
        check_is_fitted(self)
        allow_nan = self._fitted_setting.is_masked
        X = check_stored(self, X, allow_nan=allow_nan, reset=False)
        return Rows.of(X) if is_mapped(X) else X

    def _finished(self, dtype):
        """Maps models to those within the bounds, in a dtype."""
        return lambda models: in_dtype(np.clip(models, *self._fitted_bounds), dtype)

    def _told(self, answers):
        """Models of `Answers`, after a warning of those that are not the network's."""
        warn_of_not_finite(answers.finite)
        return answers.models

    def predict(self, X: ArrayLike) -> np.ndarray:
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
        B = self._check_data(X)
        models = self._told(self._loaded_inverse.predict(B, self._finished(B.dtype)))
        return models[:, 0] if self._fitted_ndim == 1 else models

    def linear_estimate(self, X: ArrayLike) -> np.ndarray:
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
        B = self._check_data(X)
        finish = partial(in_dtype, dtype=B.dtype)
        models = self._loaded_inverse.linear(B, finish)
        return models[:, 0] if self._fitted_ndim == 1 else models

    def trajectory(self, X: ArrayLike) -> np.ndarray:
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
        B = self._check_data(X)
        finish = partial(in_dtype, dtype=B.dtype)
        iterates = self._told(self._loaded_inverse.trajectory(B, finish))
        np.clip(iterates[-1], *self._fitted_bounds, out=iterates[-1])
        return iterates

    def sample(self, X: ArrayLike, n_samples: int = 1) -> np.ndarray:
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
        B = self._check_data(X)
        if not self._loaded_inverse.draws:
            raise ValueError(
                "sample needs an estimator fitted with loss='energy', but this one was "
                "fitted with loss='mse', whose answer is the posterior's mean alone"
            )
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples must be a positive int, got {n_samples!r}")
        finish = self._finished(B.dtype)
        return self._told(self._loaded_inverse.sample(B, n_samples, finish))

    def residual(self, X: ArrayLike) -> np.ndarray:
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
        B = self._check_data(X)
        finish = self._finished(np.float64)
        models = self._told(self._loaded_inverse.predict(B, finish))
        if self._loaded_operator is None:
            operator = self._fitted_setting.estimated_data
        else:
            operator = self._loaded_operator.data

        def misfit(b, x):
            missing = np.isnan(b)
            data = np.where(missing, 0, operator(x))
            return relative_misfit(data, np.where(missing, 0, b))

        return in_dtype(gathered(misfit, B, models), B.dtype)
