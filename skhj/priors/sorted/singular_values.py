"""Singular values of a few matrices for each point, and functions of them."""

import math
from typing import NamedTuple

import numpy as np

__all__ = ["Layout", "SingularValues", "layouts_of"]


class Layout(NamedTuple):
    """How the coordinates of a point fill some matrices, row after row.

    Matrices of one row are groups of coordinates, whose norms are their singular
    values; those of a single entry are the coordinates, with their magnitudes.

    Attributes
    ----------
    n_matrices, n_rows, n_columns : int
        Their number, and their shape: no more rows than columns.
    """

    n_matrices: int
    n_rows: int
    n_columns: int

    @property
    def n_sizes(self):
        """Number of singular values of a point."""
        return self.n_matrices * self.n_rows

    def decompose(self, Z):
        """Singular values of the matrices of points (n, d), a `SingularValues`."""
        matrices = Z.reshape(-1, self.n_rows, self.n_columns)
        if self.n_rows > 1:
            left, sizes, right = np.linalg.svd(matrices, full_matrices=False)
        else:
            sizes = np.linalg.norm(matrices, axis=2)
            left = np.ones((len(matrices), 1, 1))
            right = matrices / np.where(sizes > 0, sizes, 1.0)[:, :, None]
        return SingularValues(left, sizes.reshape(len(Z), -1), right)


class SingularValues(NamedTuple):
    """Decompositions of the b matrices of n points, r singular values each.

    Attributes
    ----------
    left : ndarray of shape (n b, r, r)
        Left singular vectors, in columns.
    sizes : ndarray of shape (n, b r)
        Singular values.
    right : ndarray of shape (n b, r, c)
        Right singular vectors, in rows.
    """

    left: np.ndarray
    sizes: np.ndarray
    right: np.ndarray

    def with_sizes(self, sizes):
        """Points (n, d) whose matrices have the same vectors, and other values."""
        others = sizes.reshape(len(self.left), 1, -1)
        return (self.left * others @ self.right).reshape(len(sizes), -1)

    def derivative(self, sizes, from_sizes, D):
        r"""Derivative of ``with_sizes`` along directions, where these values move too.

        With A = U' D V, the off-diagonal entries of its symmetric and antisymmetric
        parts change by :math:`(p_i - p_j) / (s_i - s_j)` and
        :math:`(p_i + p_j) / (s_i + s_j)`, what is orthogonal to V by
        :math:`p_i / s_i`; the diagonal moves the values.

        Parameters
        ----------
        sizes : ndarray of shape (n, b r)
            The values p that follow from the singular values s.
        from_sizes : callable
            Maps changes of the s, (n, b r), to those of the p.
        D : ndarray of shape (n, d)
            Directions.

        Returns
        -------
        ndarray of shape (n, d)
            The derivative.
        """
        n_rows = self.left.shape[1]
        s, p = (array.reshape(-1, n_rows) for array in (self.sizes, sizes))
        matrices = self.left.swapaxes(1, 2) @ D.reshape(self.right.shape)
        A = matrices @ self.right.swapaxes(1, 2)
        transposed = A.swapaxes(1, 2)
        diagonal = from_sizes(np.einsum("kii->ki", A).reshape(sizes.shape))
        outside = _ratio(p, s)[:, :, None] * (matrices - A @ self.right)
        differences = _ratio(*(a[:, :, None] - a[:, None] for a in (p, s)))
        sums = _ratio(*(a[:, :, None] + a[:, None] for a in (p, s)))
        inside = (differences * (A + transposed) + sums * (A - transposed)) / 2
        np.einsum("kii->ki", inside)[:] = diagonal.reshape(s.shape)
        return (self.left @ (inside @ self.right + outside)).reshape(D.shape)


def _ratio(p, s):
    """Ratios, 0 over 0 being 0."""
    return p / np.where(s != 0, s, np.inf)


def layouts_of(d):
    """All ways to fill matrices of one shape with d coordinates.

    Parameters
    ----------
    d : int
        Number of coordinates.

    Returns
    -------
    list of Layout
        The ways, the coordinates themselves first.

    Examples
    --------
    >>> from skhj.priors.sorted.singular_values import layouts_of
    >>> [tuple(layout) for layout in layouts_of(4)]
    [(4, 1, 1), (2, 1, 2), (1, 1, 4), (1, 2, 2)]
    """
    ways = (
        Layout(d // (r * c), r, c)
        for r in range(1, math.isqrt(d) + 1)
        for c in range(r, d // r + 1)
        if d % (r * c) == 0
    )
    return list(ways)
