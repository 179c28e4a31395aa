r"""Bases from the moments of what a quadratic leaves of a function.

By Stein's identity, moments of the remainder and of the points' scores are the tensors
of mean third and fourth derivatives, exactly so for Gaussian points. Those of a sum of
functions of one coordinate have the coordinates as eigenvectors.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.numerics.conjugate_gradients import conjugate_gradients
from skhj.numerics.covariance import covariance, symmetric_power
from skhj.numerics.threads import threads_for

__all__ = ["MomentBases"]


class _Remainder(NamedTuple):
    """What the best quadratic leaves, in the metric of its Hessian M.

    Attributes
    ----------
    scores : ndarray of shape (n, d)
        M^{-1/2} Sigma^{-1} v, with the points' covariance Sigma.
    values : ndarray of shape (n,) or None
        Remainders of the values; None where those of the gradients are used.
    gradients : ndarray of shape (n, d) or None
        Remainders of the gradients, times M^{-1/2}.
    """

    scores: np.ndarray
    values: np.ndarray | None
    gradients: np.ndarray | None


@dataclass(frozen=True)
class MomentBases:
    """Eigenvectors of the mean second, third and fourth derivatives.

    Parameters
    ----------
    quadratic_tol : float, default=1e-3
        Residual at which the fit of a quadratic to values ends, relative to the first:
        noise of the moments is larger, about one over the root of the samples.
    quadratic_iterations : int, default=50
        Iterations of that fit at most; independent features need one.
    power_tol : float, default=1e-3
        Power iterations end where no direction's cosine with the one before is further
        from 1: an angle of 0.04, from which Gauss-Newton steps go on.
    power_iterations : int, default=30
        Power iterations at most; they converge quadratically where they converge.
    """

    quadratic_tol: float = 1e-3
    quadratic_iterations: int = 50
    power_tol: float = 1e-3
    power_iterations: int = 30

    def find(self, samples, rng, metric):
        """Bases by the name of what they were found from.

        Parameters
        ----------
        samples : ScaledSamples
            Values or gradients; where there are both, the gradients are used.
        rng : numpy.random.RandomState
            Source of the first guesses.
        metric : callable
            Makes the mean Hessian positive definite.

        Returns
        -------
        dict of str to ndarray of shape (d, d)
            Directions in rows, of any norm.
        """
        with threads_for(samples.V.size * samples.V.shape[1]):
            hessian, remainder = self._remainder(samples, metric)
            root = symmetric_power(metric(hessian), 1 / 2)
            return {
                "mean Hessian": np.linalg.eigh(hessian)[1].T,
                "third moments": self._eigenvectors(remainder, 3, rng) @ root,
                "fourth moments": self._eigenvectors(remainder, 4, rng) @ root,
            }

    def _remainder(self, samples, metric):
        """Hessian of the best quadratic, and what that leaves."""
        values = gradients = None
        if samples.gradients is None:
            hessian, values = self._quadratic(samples)
        else:
            hessian, gradients = _linear_gradients(samples)
        inverse_root = symmetric_power(metric(hessian), -1 / 2)
        if gradients is not None:
            gradients = gradients @ inverse_root
        whitening = symmetric_power(covariance(samples.V), -1)
        scores = samples.V @ (whitening @ inverse_root)
        return hessian, _Remainder(scores, values, gradients)

    def _quadratic(self, samples):
        """Hessian of the best quadratic and what it leaves of the values.

        Conjugate gradients on the coefficients: the matrix of all products of features
        is never formed.
        """
        features = _QuadraticFeatures(samples.V)
        solution = conjugate_gradients(
            lambda x: features.adjoint(features.values(x)),
            features.adjoint(samples.values),
            lambda x: features.inverse_squares * x,
            tol=self.quadratic_tol,
            max_iter=self.quadratic_iterations,
        )
        return features.hessian(solution), samples.values - features.values(solution)

    def _eigenvectors(self, remainder, order, rng):
        """Orthogonal eigenvectors of the tensor of mean derivatives, all at once.

        The power iteration on a whole orthogonal matrix: each row is multiplied into
        all but one of the tensor's places, and the result made orthogonal again.
        """
        Y = remainder.scores
        d = Y.shape[1]
        Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
        for _ in range(self.power_iterations):
            W = _tensor_product(remainder, order, Q)
            W *= np.where((W * Q).sum(axis=1) < 0, -1.0, 1.0)[:, None]
            left, _, right = np.linalg.svd(W)
            Q, before = left @ right, Q
            if (Q * before).sum(axis=1).min() > 1 - self.power_tol:
                break
        return Q


class _QuadraticFeatures:
    """Constant, features and their centred products; those of a pair appear twice.

    Parameters
    ----------
    V : ndarray of shape (n, d)
        Points.
    """

    def __init__(self, V):
        spread = V.std(axis=0)
        self.spread = np.where(spread > 0, spread, 1.0)
        self.U = V / self.spread
        self.mean_square = (self.U * self.U).mean(axis=0)
        # Of independent features, the matrix of mean products is diagonal.
        kurtosis = ((self.U * self.U - self.mean_square) ** 2).mean(axis=0)
        d = V.shape[1]
        of_products = np.full((d, d), 2.0)
        # The square of a feature of two values is constant.
        np.fill_diagonal(of_products, 4 / np.maximum(kurtosis, 1e-3))
        self.inverse_squares = np.concatenate([np.ones(1 + d), of_products.ravel()])

    def _split(self, x):
        d = len(self.spread)
        return x[0], x[1 : 1 + d], x[1 + d :].reshape(d, d)

    def values(self, coefficients):
        """Values at the points."""
        U, (constant, slope, H) = self.U, self._split(coefficients)
        quadratic = ((U @ H) * U).sum(axis=1) - H.diagonal() @ self.mean_square
        return constant + U @ slope + quadratic / 2

    def adjoint(self, r):
        """Mean over the points of the features, weighted by r."""
        U, n = self.U, len(r)
        products = (U.T * r) @ U - np.diag(self.mean_square) * r.sum()
        return np.concatenate([[r.mean()], U.T @ r / n, products.ravel() / (2 * n)])

    def hessian(self, coefficients):
        """Hessian by the points' own coordinates."""
        _, _, H = self._split(coefficients)
        return H / np.outer(self.spread, self.spread)


def _linear_gradients(samples):
    """Hessian of the best quadratic and what it leaves of the gradients."""
    V, G = samples.V, samples.gradients - samples.gradients.mean(axis=0)
    slope = symmetric_power(covariance(V), -1) @ (V.T @ G) / len(V)
    return (slope + slope.T) / 2, G - V @ slope


def _tensor_product(remainder, order, Q):
    """Each row of Q multiplied into all but one of the tensor's places."""
    Z = remainder.scores @ Q.T
    # Products in place: numpy's powers beyond the second are slow, as is new memory.
    others = Z if order == 4 else 1.0
    if remainder.gradients is None:
        weights = others * Z
        weights *= remainder.values[:, None]
    else:
        weights = remainder.gradients @ Q.T
        weights *= others
    weights *= Z
    return weights.T @ remainder.scores
