"""Exact problems whose prior is a norm of sizes, the largest first."""

import math

import numpy as np
from numpy.typing import ArrayLike

from skhj.hamilton_jacobi import half_squared_norm
from skhj.numerics.given_numbers import given_numbers
from skhj.numerics.sorted_threshold import sorted_threshold
from skhj.problems.problem import Problem

__all__ = ["NuclearNorm", "SortedL1"]


class _Norm(Problem):
    """A norm given by ``_prior`` and ``_prox``."""

    def _value(self, X, t):
        P = self._prox(X, t)
        return self._prior(P) + half_squared_norm(X - P) / t


class SortedL1(_Norm):
    r"""The sorted l1 norm, :math:`J(x) = \sum_i w_i |x|_{(i)}`, largest first (SLOPE).

    Equal weights make the l1 norm, one weight and zeros the maximum norm.

    Parameters
    ----------
    weights : array-like of shape (d,)
        The w_i, none negative, that do not rise.

    References
    ----------
    Bogdan, van den Berg, Sabatti, Su, Candès, "SLOPE - adaptive variable selection via
    convex optimization", Annals of Applied Statistics 9 (2015), 1103-1140.

    Examples
    --------
    >>> from skhj.problems import SortedL1
    >>> SortedL1([3.0, 1.0]).prox([[5.0, 4.0]], t=1.0)
    array([[2.5, 2.5]])
    """

    def __init__(self, weights: ArrayLike) -> None:
        self.weights = given_numbers(weights, "weights")
        w = self.weights
        good = w.ndim == 1 and w.size and np.isfinite(w).all()
        if not good or w[-1] < 0 or (np.diff(w) > 0).any():
            raise ValueError(
                "weights must be a row of finite numbers that do not rise and are not "
                f"negative, got {w}"
            )

    def _check(self, X):
        if X.shape[1] != len(self.weights):
            raise ValueError(
                f"X has {X.shape[1]} features, but weights has {len(self.weights)}"
            )

    def _prox(self, X, t):
        self._check(X)
        return np.sign(X) * sorted_threshold(np.abs(X), t * self.weights)

    def _prior(self, X):
        self._check(X)
        return -np.sort(-np.abs(X), axis=1) @ self.weights


class NuclearNorm(_Norm):
    """The nuclear norm of matrices, the sum of their singular values.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the matrices; points are these, row after row.

    References
    ----------
    Cai, Candès, Shen, "A singular value thresholding algorithm for matrix completion",
    SIAM Journal on Optimization 20 (2010), 1956-1982.

    Examples
    --------
    >>> from skhj.problems import NuclearNorm
    >>> NuclearNorm((2, 2)).prior([[3.0, 0.0, 0.0, -1.0]])
    array([4.])
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        sizes = given_numbers(shape, "shape")
        good = sizes.shape == (2,) and np.isfinite(sizes).all() and (sizes >= 1).all()
        if not good or (sizes % 1 > 0).any():
            raise ValueError(f"shape must be two positive integers, got {shape!r}")
        self.shape = tuple(int(size) for size in sizes)

    def _matrices(self, X):
        if X.shape[1] != math.prod(self.shape):
            raise ValueError(
                f"X has {X.shape[1]} features, but matrices of shape {self.shape} have "
                f"{math.prod(self.shape)}"
            )
        return X.reshape(-1, *self.shape)

    def _prox(self, X, t):
        U, sizes, V = np.linalg.svd(self._matrices(X), full_matrices=False)
        return (U * np.maximum(sizes - t, 0)[:, None] @ V).reshape(X.shape)

    def _prior(self, X):
        return np.linalg.svd(self._matrices(X), compute_uv=False).sum(axis=1)
