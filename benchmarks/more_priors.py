"""Exact priors beyond the paper's, and changes of their coordinates, for benchmarks.

Each has ``value(X, t)``, ``prox(X, t)`` and ``backward_prior(X, t)``, as those of
`skhj.problems`.
"""

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm

__all__ = [
    "EuclideanNorm",
    "GroupNorm",
    "MaximumNorm",
    "SmoothRidges",
    "TotalVariation",
    "Transformed",
]


class ConvexPrior:
    """Base of convex priors given by ``_prior`` and ``prox``; S follows from them."""

    def value(self, X, t):
        """Value function, the prior at the prox and the way there."""
        P = self.prox(X, t)
        return self._prior(P) + half_squared_norm(X - P) / t

    def backward_prior(self, X, t):
        """Return the prior itself: it is convex."""
        return self._prior(X)


class GroupNorm(ConvexPrior):
    """Sum over consecutive groups of coordinates of the group's Euclidean norm."""

    def __init__(self, size):
        self.size = size

    def _groups(self, X):
        return X.reshape(len(X), -1, self.size)

    def _prior(self, X):
        return np.linalg.norm(self._groups(X), axis=2).sum(axis=1)

    def prox(self, X, t):
        """Shrink each group by t."""
        groups = self._groups(X)
        norms = np.linalg.norm(groups, axis=2, keepdims=True)
        factors = np.maximum(1 - t / np.maximum(norms, 1e-300), 0)
        return (factors * groups).reshape(X.shape)


class EuclideanNorm(GroupNorm):
    """The Euclidean norm, one group of all coordinates."""

    def __init__(self, n_features):
        super().__init__(n_features)


class MaximumNorm(ConvexPrior):
    """The largest magnitude; x minus its prox is the projection on an l1 ball."""

    def _prior(self, X):
        return np.abs(X).max(axis=1)

    def prox(self, X, t):
        """Clip to the level at which what is cut off has the l1 norm t."""
        sizes = -np.sort(-np.abs(X), axis=1)
        excess = (np.cumsum(sizes, axis=1) - t) / np.arange(1, X.shape[1] + 1)
        level = np.maximum(excess.max(axis=1), 0)[:, None]
        return np.clip(X, -level, level)


class TotalVariation(ConvexPrior):
    """Sum of the magnitudes of consecutive differences."""

    def _prior(self, X):
        return np.abs(np.diff(X, axis=1)).sum(axis=1)

    def prox(self, X, t, n_sweeps=4000, tol=1e-11):
        """Coordinate descent of the dual: x - D^T u with u in [-t, t]."""
        # Zeros at both ends spare the sweep its special cases.
        U = np.zeros((X.shape[1] + 1, len(X)))
        differences = np.diff(X, axis=1).T
        for _ in range(n_sweeps):
            change = 0.0
            for i in range(1, X.shape[1]):
                new = (differences[i - 1] + U[i - 1] + U[i + 1]) / 2
                new = np.clip(new, -t, t)
                change = max(change, np.abs(new - U[i]).max())
                U[i] = new
            if change < tol:
                break
        # D^T u has the entries u_{i-1} - u_i.
        return X - (U[:-1] - U[1:]).T


class SmoothRidges(ConvexPrior):
    """Sum of log cosh(<a_j, y>) over some random directions."""

    def __init__(self, n_features, n_ridges=4, *, sharpness=3.0, seed=0):
        A = np.random.default_rng(seed).normal(size=(n_ridges, n_features))
        self.A = sharpness * A / np.linalg.norm(A, axis=1, keepdims=True)

    def _prior(self, X):
        return (np.logaddexp(X @ self.A.T, -X @ self.A.T) - np.log(2)).sum(axis=1)

    def prox(self, X, t, n_iter=50):
        """Newton's method in the few variables c = A y, halving the steps."""
        A, gram = self.A, self.A @ self.A.T
        # y = x - t A^T q with q = tanh(A y): minimise over the dual q in (-1, 1).
        C, Q = X @ A.T, np.zeros((len(X), len(A)))

        def objective(Q):
            entropy = ((1 + Q) * np.log1p(Q) + (1 - Q) * np.log1p(-Q)) / 2
            return entropy.sum(1) + t * ((Q @ gram) * Q).sum(1) / 2 - (Q * C).sum(1)

        for _ in range(n_iter):
            gradient = np.arctanh(Q) + t * Q @ gram - C
            hessian = t * gram + np.eye(len(A)) / (1 - Q**2)[:, :, None]
            step = -np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
            length, before = np.ones((len(X), 1)), objective(Q)
            for _ in range(60):
                trial = Q + length * step
                inside = (np.abs(trial) < 1).all(axis=1)
                trial = np.where(inside[:, None], trial, Q)
                bad = ~inside | (objective(trial) > before + 1e-14 * np.abs(before))
                if not bad.any():
                    break
                length[bad] /= 2
            Q = np.where(bad[:, None], Q, trial)
            if np.abs(step).max() < 1e-13:
                break
        return X - t * Q @ A


class Transformed:
    """A prior in other coordinates and units: c J(R^T (y - b) / a)."""

    def __init__(self, problem, *, rotation=None, shift=0.0, length=1.0, scale=1.0):
        self.problem = problem
        self.rotation, self.shift = rotation, shift
        self.length, self.scale = length, scale

    def _to(self, X):
        X = (X - self.shift) / self.length
        return X if self.rotation is None else X @ self.rotation

    def _from(self, X):
        X = X if self.rotation is None else X @ self.rotation.T
        return self.length * X + self.shift

    def time(self, t):
        """Time in these units of the time t in those of the prior."""
        return self.length**2 / self.scale * t

    def _time(self, t):
        return self.scale / self.length**2 * t

    def value(self, X, t):
        """Value function."""
        return self.scale * self.problem.value(self._to(X), self._time(t))

    def prox(self, X, t):
        """Proximal points."""
        return self._from(self.problem.prox(self._to(X), self._time(t)))

    def backward_prior(self, X, t):
        """Backward viscosity prior."""
        return self.scale * self.problem.backward_prior(self._to(X), self._time(t))

    def points(self, X):
        """Points of the prior's own coordinates, in these."""
        return self._from(X)
