r"""Bases from gradients: their independent components, turned until profiles fit.

If :math:`\psi(v) = \sum_j s_j(\langle a_j, v\rangle)`, its gradients are mixtures
:math:`\sum_j s_j'(z_j) \, a_j` of numbers that are independent where the coordinates
are. In an orthonormal basis a function of one coordinate is the derivative along it,
whatever the points' distribution: small turns make that exact.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm

from skhj.numerics.covariance import covariance, symmetric_power
from skhj.numerics.threads import threads_for

__all__ = ["GradientBases"]


@dataclass(frozen=True)
class GradientBases:
    """Independent components of gradients, and turns of them.

    Parameters
    ----------
    tol : float, default=1e-6
        Components have settled where no direction's cosine with the one before is
        further from 1.
    max_iter : int, default=60
        Iterations of their fixed point at most; it converges cubically.
    n_turns : int, default=8
        Turns of an orthonormal basis.
    n_pieces : int, default=24
        Pieces of the derivatives along it, which are continuous and linear on each.
    settled : float, default=1e-8
        Largest entry of a turn that is the last.
    """

    tol: float = 1e-6
    max_iter: int = 60
    n_turns: int = 8
    n_pieces: int = 24
    settled: float = 1e-8

    def find(self, samples, rng):
        """Bases by the name of what they were found from.

        Parameters
        ----------
        samples : ScaledSamples
            Gradients of a convex function at centred points.
        rng : numpy.random.RandomState
            Source of the first guess.

        Returns
        -------
        dict of str to ndarray of shape (d, d)
            Directions in rows, of any norm; none without gradients.
        """
        if samples.gradients is None:
            return {}
        V, d = samples.V, samples.V.shape[1]
        gradients = samples.gradients - samples.gradients.mean(axis=0)
        with threads_for(V.size * d):
            # Of |v|^2 / 2 every component is as good as any other.
            bent = gradients - V
            components = self._components(bent, rng)
            orthonormal = {
                "gradients' covariance": np.linalg.eigh(covariance(bent))[1].T,
                "turned gradients": _nearest_orthonormal(components),
            }
            turned = {k: self._turned(Q, V, bent) for k, Q in orthonormal.items()}
        return {"independent gradients": components} | turned

    def _components(self, gradients, rng):
        """Directions a_j of gradients that are mixtures of independent numbers.

        By the fixed point of Hyvärinen and Oja for the fourth cumulant.
        """
        moments = covariance(gradients)
        white = gradients @ symmetric_power(moments, -1 / 2)
        d = white.shape[1]
        Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
        for _ in range(self.max_iter):
            Z = white @ Q.T
            W = (Z * Z * Z).T @ white / len(white) - 3 * Q
            W *= np.where((W * Q).sum(axis=1) < 0, -1.0, 1.0)[:, None]
            Q, before = _nearest_orthonormal(W), Q
            if (Q * before).sum(axis=1).min() > 1 - self.tol:
                break
        directions = Q @ symmetric_power(moments, 1 / 2)
        sizes = np.linalg.norm(directions, axis=1, keepdims=True)
        return directions / np.where(sizes > 0, sizes, 1.0)

    def _turned(self, Q, V, gradients):
        """An orthonormal basis, turned until derivatives depend on own coordinates.

        With an antisymmetric matrix T, (I + T) Q changes the error of the i-th
        derivative by T_ij (h_j - s_i'' z_j): the least squares of each T_ij alone.
        """
        for _ in range(self.n_turns):
            Z, H = V @ Q.T, gradients @ Q.T
            slopes, bends = self._profiles(Z, H)
            errors = H - slopes
            product = errors.T @ H - (errors * bends).T @ Z
            size = (H * H).sum(axis=0) - 2 * bends.T @ (Z * H)
            size = size + (bends * bends).T @ (Z * Z)
            size = size + size.T
            turn = (product.T - product) / np.where(size > 0, size, np.inf)
            Q = expm(turn) @ Q
            if np.abs(turn).max() < self.settled:
                break
        return Q

    def _profiles(self, Z, H):
        """Functions of each column of Z that are closest to H, and their slopes."""
        values, slopes = np.empty_like(H), np.empty_like(H)
        for j, (z, h) in enumerate(zip(Z.T, H.T, strict=True)):
            values[:, j], slopes[:, j] = self._profile(z, h)
        return values, slopes

    def _profile(self, z, h):
        """Least squares by a continuous function that is linear on pieces."""
        knots = np.unique(np.quantile(z, np.linspace(0, 1, self.n_pieces + 1)))
        if len(knots) < 2:
            return np.full_like(h, h.mean()), np.zeros_like(h)
        piece = np.clip(np.searchsorted(knots, z) - 1, 0, len(knots) - 2)
        widths = np.diff(knots)
        right = (z - knots[piece]) / widths[piece]
        left, n = 1 - right, len(knots)

        def sums(weights, shift=0):
            return np.bincount(piece + shift, weights, minlength=n)

        between = sums(left * right)[:-1]
        gram = np.diag(sums(left * left) + sums(right * right, 1))
        gram += np.diag(between, 1) + np.diag(between, -1)
        gram[np.diag_indices(n)] += 1e-9 * gram.max()
        at_knots = np.linalg.solve(gram, sums(left * h) + sums(right * h, 1))
        rates = np.diff(at_knots) / widths
        return at_knots[piece] + right * np.diff(at_knots)[piece], rates[piece]


def _nearest_orthonormal(W):
    left, _, right = np.linalg.svd(W)
    return left @ right
