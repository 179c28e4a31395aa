r"""The best linear prox, and whether the noise of pairs may change places.

A linear prox is symmetric and non-negative, as the Hessian of a quadratic potential.
Where x = p + r with a noise r that is independent of p, its normal equations
:math:`C_x H + H C_x = C_{xp} + C_{px}` ask for the covariances of p and r alone: what
few samples say of their products is chance, and is left out (Wiener's filter).
"""

from typing import NamedTuple

import numpy as np

from skhj.numerics.covariance import covariance
from skhj.numerics.least_squares_quadratic import symmetric_slope

__all__ = ["LinearProx", "fit_linear_prox"]


class LinearProx(NamedTuple):
    """The map x -> image + hessian (x - center).

    Attributes
    ----------
    center, image : ndarray of shape (d,)
        Means of the points and of their proximal points.
    hessian : ndarray of shape (d, d)
        Symmetric non-negative matrix.
    is_exchangeable : bool
        Whether the differences of points and proximal points are a noise that any of
        the latter may have, as far as this map tells.
    """

    center: np.ndarray
    image: np.ndarray
    hessian: np.ndarray
    is_exchangeable: bool

    def __call__(self, X):
        """Proximal points (n, d) of the rows of X."""
        return self.image + (X - self.center) @ self.hessian


def fit_linear_prox(X, P, held_out):
    """Fit a linear prox, by the pairs or by the covariances of signal and noise.

    Parameters
    ----------
    X, P : ndarray of shape (n, d)
        Points, and proximal points or clean signals.
    held_out : ndarray of shape (n,), dtype bool
        Pairs that choose: by their error, the noise's covariance is left out, or full,
        or that of white noise.

    Returns
    -------
    LinearProx
        The best on the hold-out.
    """
    seen = ~held_out
    center, image = X[seen].mean(axis=0), P[seen].mean(axis=0)
    V, Q = X[seen] - center, P[seen] - image
    of_signal, of_noise = covariance(Q), covariance(V - Q)
    cross = V.T @ Q / len(V)
    white = of_noise.diagonal().mean() * np.eye(len(of_noise))
    equations = (
        (covariance(V), cross, False),
        (of_signal + of_noise, of_signal, True),
        (of_signal + white, of_signal, True),
    )
    fits = (
        LinearProx(center, image, symmetric_slope(C, Q, floor=0.0), exchanged)
        for C, Q, exchanged in equations
    )
    return min(fits, key=lambda fit: _error(fit, X[held_out], P[held_out]))


def _error(fit, X, P):
    return float(np.mean((fit(X) - P) ** 2))
