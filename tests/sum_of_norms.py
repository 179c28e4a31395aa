"""Priors that are sums of norms, with their prox by exact block minimisation."""

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm


class SumOfNorms:
    """J(y) = sum_g c_g |A_g (y - m)|, the rows of A_g orthogonal and equally long.

    With one row to a block: l1 norms in any basis and total variation; with more:
    group norms. Its dual, min |x - m - t sum A_g^T z_g|^2 with |z_g| <= c_g, is solved
    block by block, each exactly.
    """

    def __init__(self, blocks, weights=None, shift=0.0):
        self.blocks = [np.atleast_2d(np.asarray(block, float)) for block in blocks]
        self.weights = np.ones(len(blocks)) if weights is None else weights
        self.shift = shift

    def prior(self, Y):
        norms = [np.linalg.norm((Y - self.shift) @ A.T, axis=1) for A in self.blocks]
        return np.tensordot(self.weights, norms, axes=1)

    def prox(self, X, t, tol=1e-12, n_sweeps=10_000):
        R = X - self.shift
        duals = [np.zeros((len(X), len(A))) for A in self.blocks]
        for _ in range(n_sweeps):
            change = 0.0
            for z, A, c in zip(duals, self.blocks, self.weights, strict=True):
                new = z + R @ A.T / (t * (A[0] @ A[0]))
                norms = np.linalg.norm(new, axis=1, keepdims=True)
                new *= np.minimum(1, c / np.maximum(norms, 1e-300))
                R = R - t * (new - z) @ A
                change = max(change, np.abs(new - z).max())
                z[...] = new
            if change < tol:
                return R + self.shift
        raise AssertionError("the sweeps over the blocks did not converge")

    def value(self, X, t):
        P = self.prox(X, t)
        return self.prior(P) + half_squared_norm(X - P) / t


def total_variation(d):
    return SumOfNorms(np.diff(np.eye(d), axis=0))


def pairs(d):
    """Norms of pairs of coordinates."""
    return SumOfNorms(np.eye(d).reshape(-1, 2, d))


def euclidean(d):
    return SumOfNorms([np.eye(d)])
