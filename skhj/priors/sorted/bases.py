r"""Bases to start from, in what no function of the distance explains.

For a layout of matrices Z of the coordinates, the sum of the fourth powers of their
singular values is :math:`\varphi(z) = \mathrm{tr}\,(Z Z^T)^2`. A rotation Q at which the
mean of :math:`r(v) \varphi(Q v)` is the largest, or the least, for remainders r of the
values, is found by power iterations, as the eigenvectors of a tensor are.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm
from skhj.numerics.covariance import covariance
from skhj.numerics.least_squares_quadratic import fit_quadratic

__all__ = ["BasisStarts", "Remainder", "random_rotation"]


class Remainder(NamedTuple):
    """What functions of the distance from a center leave of some values.

    Attributes
    ----------
    center : ndarray of shape (d,)
        The center.
    U : ndarray of shape (n, d)
        The points from there.
    values : ndarray of shape (n,)
        What is left, times weights that make a Gaussian of points, a round one.
    steepness, offset : float
        Of the best cone.
    """

    center: np.ndarray
    U: np.ndarray
    values: np.ndarray
    steepness: float
    offset: float

    @classmethod
    def of(cls, V, values):
        """The remainder of values at points in units of their spread."""
        quadratic = fit_quadratic(V, values, curvature_floor=-np.inf)
        center = -np.linalg.pinv(quadratic.hessian, 1e-2) @ quadratic.slope
        # Where it is no minimum, the center of the points is as good.
        center = center if np.abs(center).max() < np.abs(V).max() else 0 * center
        U = V - center
        squares = 2 * half_squared_norm(U)
        distances = np.sqrt(squares)
        cone = np.column_stack([distances, np.ones(len(U))])
        steepness, offset = np.linalg.lstsq(cone, values)[0]
        i, j = np.triu_indices(V.shape[1])
        products = U[:, i] * U[:, j]
        features = np.hstack(
            [cone, U, products, (squares**2)[:, None], (distances**3)[:, None]]
        )
        spread = covariance(V)
        narrow = np.linalg.eigvalsh(spread)[0]
        precision = 2 / narrow * np.eye(len(spread)) - np.linalg.inv(spread)
        exponents = -((V @ precision) * V).sum(axis=1) / 4
        roots = np.exp(exponents - exponents.max())[:, None]
        left = values - features @ np.linalg.lstsq(
            roots * features, roots[:, 0] * values
        )[0]
        weights = roots[:, 0] ** 2 / (roots**2).sum()
        return cls(center, U, weights * left, float(steepness), float(offset))


@dataclass(frozen=True)
class BasisStarts:
    """Power iterations of orthogonal matrices.

    Parameters
    ----------
    max_iter : int, default=40
        Iterations at most.
    tol : float, default=1e-3
        They end where the mean cosine of the rows with those before is so close to 1.
    shift : float, default=0.3
        Share of the last matrix that is added, at first, in units of the product's
        norm; it grows where a step loses.
    """

    max_iter: int = 40
    tol: float = 1e-3
    shift: float = 0.3

    def find(self, layout, remainder, sign, rng):
        """A rotation from a random one.

        Parameters
        ----------
        layout : Layout
            The matrices of the coordinates.
        remainder : Remainder
            Of the values.
        sign : int
            1 for the largest mean, -1 for the least.
        rng : RandomState
            Source of the first one.

        Returns
        -------
        ndarray of shape (d, d)
            Orthogonal matrix.
        """
        U, weights = remainder.U, sign * remainder.values
        Q = random_rotation(U.shape[1], rng)
        mean, product = _fourth_powers(layout, U, weights, Q)
        shift = self.shift
        for _ in range(self.max_iter):
            left, _, right = np.linalg.svd(
                product + shift * np.linalg.norm(product, 2) * Q
            )
            trial = left @ right
            trial_mean, trial_product = _fourth_powers(layout, U, weights, trial)
            if trial_mean < mean:
                shift *= 4
                continue
            cosine = (trial * Q).sum() / len(Q)
            Q, mean, product = trial, trial_mean, trial_product
            if cosine > 1 - self.tol:
                break
        return Q


def random_rotation(d, rng):
    """An orthogonal matrix."""
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def _fourth_powers(layout, U, weights, Q):
    """Weighted sum of the fourth powers, and its derivative by Q over four."""
    Z = (U @ Q.T).reshape(-1, layout.n_rows, layout.n_columns)
    if layout.n_rows > 1:
        cubes = Z @ Z.mT @ Z
    else:
        cubes = (Z * Z).sum(axis=2, keepdims=True) * Z
    cubes, Z = (array.reshape(len(U), -1) for array in (cubes, Z))
    weighted = weights[:, None] * cubes
    return float((weighted * Z).sum()), weighted.T @ U
