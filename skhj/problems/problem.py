"""What every exact problem answers."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from skhj.problems.positive import positive_number

__all__ = ["Problem"]


class Problem:
    """Base of the exact problems; a subclass implements the underscored methods."""

    _value: Callable[..., np.ndarray]
    _prox: Callable[..., np.ndarray]
    _prior: Callable[..., np.ndarray]

    def value(self, X: ArrayLike, t: float) -> np.ndarray:
        """Value function S(x, t) = min_y J(y) + |x - y|^2 / (2 t).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.
        t : float
            Time, positive.

        Returns
        -------
        ndarray of shape (n,)
            Values, in the float dtype of X.
        """
        return _answer(self._value, X, self._time(t))

    def prox(self, X: ArrayLike, t: float) -> np.ndarray:
        """Proximal operator, a minimiser y of J(y) + |x - y|^2 / (2 t).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.
        t : float
            Time, positive.

        Returns
        -------
        ndarray of shape (n, d)
            Proximal points.
        """
        return _answer(self._prox, X, self._time(t))

    def prior(self, X: ArrayLike) -> np.ndarray:
        """Prior J(x).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.

        Returns
        -------
        ndarray of shape (n,)
            Values of the prior.
        """
        return _answer(self._prior, X)

    def backward_prior(self, X: ArrayLike, t: float) -> np.ndarray:
        """Smallest prior with the same value function at time t.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.
        t : float
            Time, positive.

        Returns
        -------
        ndarray of shape (n,)
            Values of the backward viscosity prior.
        """
        return _answer(self._backward_prior, X, self._time(t))

    def _time(self, t):
        return positive_number(t, "t")

    def _backward_prior(self, X, t):
        """Return the prior itself, as where J + |.|^2 / (2 t) is convex."""
        return self._prior(X)


def _answer(function, X, *times):
    """What a function makes of points, in their float dtype, where it is a number."""
    X = check_array(X, dtype=(np.float64, np.float32), input_name="X")
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        answer = function(X, *times).astype(X.dtype, copy=False)
    if not np.isfinite(answer).all():
        sizes = f"|x| up to {np.abs(X).max():.3g}"
        sizes += "".join(f" and t={t:.3g}" for t in times)
        raise ValueError(
            f"X and t must be of sizes for which answers are numbers, got {sizes}"
        )
    return answer
