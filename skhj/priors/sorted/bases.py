r"""Bases to start from, in what no function of the distance explains.

For a layout of matrices Z of the coordinates, the sum of the fourth powers of their
singular values is :math:`\varphi(z) = \mathrm{tr}\,(Z Z^T)^2`. A rotation Q at which
the mean of :math:`r(v) \varphi(Q v)` is the largest, or the least, for remainders r of
the values, is found by power iterations on the tensor of their fourth moments, as the
eigenvectors of a tensor are.
"""

from dataclasses import dataclass

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm
from skhj.numerics.blocks import row_blocks
from skhj.numerics.covariance import covariance

__all__ = ["BasisStarts", "fourth_moments"]


def fourth_moments(V, values, center):
    """Fourth moments of what functions of the distance from a center leave.

    Parameters
    ----------
    V : ndarray of shape (n, d)
        Centred points.
    values : ndarray of shape (n,)
        Values there.
    center : ndarray of shape (d,)
        The center.

    Returns
    -------
    ndarray of shape (d, d, d, d)
        Sums of the remainders times four coordinates of v - m, with weights that make
        Gaussian points round about the center.
    """
    U, d = V - center, V.shape[1]
    squares = 2 * half_squared_norm(U)
    distances = np.sqrt(squares)
    i, j = np.triu_indices(d)
    powers = [np.ones(len(U)), distances, distances**3, squares**2]
    features = np.hstack([np.column_stack(powers), U, U[:, i] * U[:, j]])
    roots = _rounding(V, center)
    solution = np.linalg.lstsq(roots[:, None] * features, roots * values, rcond=None)[0]
    left = roots**2 * (values - features @ solution)
    moments = np.zeros((d * d, d * d))
    for rows in row_blocks(len(U), d * d):
        products = (U[rows, :, None] * U[rows, None]).reshape(-1, d * d)
        moments += products.T @ (left[rows, None] * products)
    return moments.reshape(d, d, d, d)


def _rounding(V, center):
    """Roots of weights of mean 1 that make Gaussian points round about a center.

    The precision of the weighted points is twice that along the narrowest direction;
    others than Gaussian ones become more so.
    """
    spread = covariance(V)
    widths = np.linalg.eigvalsh(spread)
    # Points in a plane have no width across it.
    narrow = max(widths[0], 1e-2 * widths[-1]) or 1.0
    before = ((V @ np.linalg.pinv(spread)) * V).sum(axis=1)
    exponents = half_squared_norm(V - center) / narrow - before / 4
    roots = np.exp(exponents.min() - exponents)
    return roots / np.sqrt(np.mean(roots**2))


@dataclass(frozen=True)
class BasisStarts:
    """Power iterations of orthogonal matrices, from random ones.

    Parameters
    ----------
    n_starts : int, default=12
        Starts, of which the one that comes farthest is kept: they end in several
        maxima.
    max_iter : int, default=40
        Iterations of each at most.
    tol : float, default=1e-3
        They end where the mean cosine of the rows with those before is so close to 1.
    shift : float, default=0.3
        Share of the last matrix that is added, in units of the product's norm.

    References
    ----------
    Zhai, Yang, Liao, Wright, Ma, "Complete dictionary learning via l4-norm maximization
    over the orthogonal group", Journal of Machine Learning Research 21 (2020), 1-68:
    the iteration for coordinates, without a shift.
    """

    n_starts: int = 12
    max_iter: int = 40
    tol: float = 1e-3
    shift: float = 0.3

    def find(self, layout, moments, rng):
        """A rotation for which the fourth powers have a large moment.

        Parameters
        ----------
        layout : Layout
            The matrices of the coordinates.
        moments : ndarray of shape (d, d, d, d)
            Fourth moments.
        rng : RandomState
            Source of the first ones.

        Returns
        -------
        ndarray of shape (d, d)
            Orthogonal matrix.
        """
        d = len(moments)
        starts = (
            np.linalg.qr(rng.normal(size=(d, d)))[0] for _ in range(self.n_starts)
        )
        found = (self._climb(layout, moments, Q) for Q in starts)
        return max(found, key=lambda pair: pair[0])[1]

    def _climb(self, layout, moments, Q):
        """The largest moment on the way from a matrix, and where."""
        best = -np.inf, Q
        for _ in range(self.max_iter):
            product = _product(layout, moments, Q)
            best = max(best, (float((product * Q).sum()), Q), key=lambda pair: pair[0])
            shift = self.shift * np.linalg.norm(product, 2)
            left, _, right = np.linalg.svd(product + shift * Q)
            Q, before = left @ right, Q
            if (Q * before).sum() > (1 - self.tol) * len(Q):
                break
        return best


def _product(layout, moments, Q):
    """Derivative by Q, over four, of the moment of the fourth powers."""
    turned = moments
    for _ in range(3):
        turned = np.tensordot(turned, Q, (1, 1))
    turned = turned.reshape(-1, *(3 * layout))
    return np.einsum("amkjmklmil->mija", turned).reshape(Q.shape)
