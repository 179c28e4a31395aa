"""A smooth prior of known strong convexity and smoothness."""

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm


class LogCosh:
    """psi*(y) = alpha |y|^2 / 2 + sum_j log cosh <k_j, y>: then J at any time t.

    Its Hessian is alpha I + K^T D K with D diagonal in (0, 1]: psi* is alpha-strongly
    convex and (alpha + |K|^2)-smooth, and both are attained up to any margin.
    """

    def __init__(self, n_features, alpha=0.3, seed=0):
        rng = np.random.default_rng(seed)
        self.K = rng.standard_normal((n_features, n_features)) / n_features**0.5
        self.alpha = alpha
        self.smoothness = alpha + np.linalg.norm(self.K, 2) ** 2

    def conjugate(self, Y):
        Z = Y @ self.K.T
        log_cosh = np.logaddexp(Z, -Z) - np.log(2)
        return self.alpha * half_squared_norm(Y) + log_cosh.sum(axis=1)

    def conjugate_gradient(self, Y):
        return self.alpha * Y + np.tanh(Y @ self.K.T) @ self.K

    def least_curvature(self, Y):
        """Smallest eigenvalue of the Hessian of psi* at the points."""
        D = 1 - np.tanh(Y @ self.K.T) ** 2
        hessian = np.einsum("nj,ja,jb->nab", D, self.K, self.K)
        return self.alpha + np.linalg.eigvalsh(hessian)[:, 0]

    def prior(self, Y, t):
        return (self.conjugate(Y) - half_squared_norm(Y)) / t

    def samples(self, n_samples, *, t=1.0, box=3.0, seed=0):
        """X, S, gradient and prox, the prox uniform in a box."""
        rng = np.random.default_rng(seed)
        P = rng.uniform(-box, box, size=(n_samples, self.K.shape[1]))
        X = self.conjugate_gradient(P)
        S = self.prior(P, t) + half_squared_norm(X - P) / t
        return X, S, (X - P) / t, P
