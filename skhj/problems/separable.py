"""Exact problems that are sums over the coordinates."""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar

from skhj.hamilton_jacobi import half_squared_norm
from skhj.problems.problem import Problem

__all__ = ["L1", "ConcaveQuadratic", "NegativeL1"]


def _huber(X, t):
    """Value function of |.| at time t, entry by entry."""
    magnitude = np.abs(X)
    return np.where(magnitude <= t, magnitude**2 / (2 * t), magnitude - t / 2)


class L1(Problem):
    """The l1 norm, J(x) = sum |x_j|: convex, its prox is soft thresholding.

    Examples
    --------
    >>> from skhj.problems import L1
    >>> L1().prox([[3.0, -0.5]], t=1.0)
    array([[2., 0.]])
    """

    def _value(self, X, t):
        return _huber(X, t).sum(axis=1)

    def _prox(self, X, t):
        return X - np.clip(X, -t, t)

    def _prior(self, X):
        return np.abs(X).sum(axis=1)


class NegativeL1(Problem):
    """The negative l1 norm, J(x) = -sum |x_j|: concave, its prox jumps at 0.

    At x_j = 0 both -t and t are minimisers; ``prox`` takes t.

    Examples
    --------
    >>> from skhj.problems import NegativeL1
    >>> NegativeL1().prox([[3.0, -0.5]], t=1.0)
    array([[ 4. , -1.5]])
    """

    def _value(self, X, t):
        return self._prior(X) - X.shape[1] * t / 2

    def _prox(self, X, t):
        return X + np.where(X < 0, -t, t)

    def _prior(self, X):
        return -np.abs(X).sum(axis=1)

    def _backward_prior(self, X, t):
        return -_huber(X, t).sum(axis=1) - X.shape[1] * t / 2


class ConcaveQuadratic(Problem):
    """A concave quadratic, J(x) = -kappa |x|^2 / 2, for times t < 1 / kappa.

    Parameters
    ----------
    kappa : float, default=0.5
        Curvature, not negative.

    Examples
    --------
    >>> from skhj.problems import ConcaveQuadratic
    >>> ConcaveQuadratic(kappa=0.5).prox([[3.0, -0.5]], t=1.0)
    array([[ 6., -1.]])
    """

    def __init__(self, kappa: float = 0.5) -> None:
        check_scalar(kappa, "kappa", Real)
        if not 0 <= kappa < np.inf:
            raise ValueError(
                f"kappa must be a non-negative finite number, got {kappa!r}"
            )
        self.kappa = kappa

    def _time(self, t):
        t = super()._time(t)
        if self.kappa * t >= 1:
            raise ValueError(
                f"t must be below 1 / kappa = {1 / self.kappa:g}, where the value "
                f"function becomes -infinity, got {t!r}"
            )
        return t

    def _value(self, X, t):
        return self._prior(X) / (1 - self.kappa * t)

    def _prox(self, X, t):
        return X / (1 - self.kappa * t)

    def _prior(self, X):
        return -self.kappa * half_squared_norm(X)
