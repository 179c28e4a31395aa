"""What every exact problem answers."""

import numpy as np
from sklearn.utils.validation import check_array

__all__ = ["Problem"]


def _points(X):
    return check_array(X, dtype=(np.float64, np.float32))


class Problem:
    """Base of the exact problems; a subclass implements the underscored methods."""

    def value(self, X, t):
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
        self._check_time(t)
        X = _points(X)
        return self._value(X, t).astype(X.dtype, copy=False)

    def prox(self, X, t):
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
        self._check_time(t)
        X = _points(X)
        return self._prox(X, t).astype(X.dtype, copy=False)

    def prior(self, X):
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
        X = _points(X)
        return self._prior(X).astype(X.dtype, copy=False)

    def backward_prior(self, X, t):
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
        self._check_time(t)
        X = _points(X)
        return self._backward_prior(X, t).astype(X.dtype, copy=False)

    def _check_time(self, t):
        if not 0 < t < np.inf:
            raise ValueError(f"t must be a positive finite number, got {t!r}")

    def _backward_prior(self, X, t):
        """Return the prior itself, as where J + |.|^2 / (2 t) is convex."""
        return self._prior(X)
