r"""Units in which an operator is of norm 1 at most, and the start an estimate.

With means m, M, covariances C of the models and S of the data, and a linear estimate
from `skhj.inverse.linear.dense`, the units :math:`x = m + P u` and
:math:`d = S^{-1/2} (b - M)` turn the operator A into :math:`S^{-1/2} A P`. With
:math:`P = C^{w/2}` and w = 1 its norm is at most 1, and directions in which the models
hardly vary are as large as the others: right where they tell models apart, an
invitation to learn noise by heart where they do not. A smaller exponent w leaves more
of their sizes. Steps away from the estimate count by the root of the covariance that it
leaves.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skhj.inverse.units import DenseUnits
from skhj.numerics.covariance import symmetric_eigh, symmetric_power

__all__ = ["Preconditioner", "Preconditioning", "literal"]


class Preconditioner(NamedTuple):
    """Change of units: models m + basis @ factor @ u, operator of norm at most 1.

    Attributes
    ----------
    basis : ndarray of shape (N, k)
        Orthonormal directions of the models, in the units of the estimate.
    factor : ndarray of shape (k, k)
        Symmetric; a power of their covariance.
    spread : ndarray of shape (k, k)
        Symmetric square root of the covariance that the linear estimate leaves.
    start : ndarray of shape (k, M)
        Maps centred data to the start u_0, the linear estimate.
    whitening : ndarray of shape (m, M)
        Maps centred data to d.
    matrix : ndarray of shape (m, k)
        The operator from u to d.
    """

    basis: np.ndarray
    factor: np.ndarray
    spread: np.ndarray
    start: np.ndarray
    whitening: np.ndarray
    matrix: np.ndarray

    @property
    def gain(self):
        """Gain of the linear estimate that is the start, (N, M)."""
        return self.basis @ self.factor @ self.start

    def of_unscaled(self, spread):
        """The same change of units, for models times their spread, (N,) or one."""
        return self._replace(basis=(self.basis.T * spread).T)

    def units(self, estimate, sizes):
        """Units of a network around the means of an estimate.

        Parameters
        ----------
        estimate : LinearEstimate
            The estimate.
        sizes : ndarray of shape (N,) or float
            What errors of the models are relative to.

        Returns
        -------
        DenseUnits
            The units, of models in the span of the basis.
        """
        relative = (self.basis.T / sizes).T
        root, inverse = _roots_of_gram(relative)
        return DenseUnits(
            estimate.data_mean,
            estimate.model_mean,
            self.start,
            self.whitening,
            (relative.T / sizes).T @ inverse,
            self.basis @ inverse,
            sizes,
        )


@dataclass(frozen=True)
class Preconditioning:
    """Makes units from the covariances that a linear estimate assumes.

    Parameters
    ----------
    exponents : tuple of float, default=(1.0, 0.25)
        The w of P = C^(w/2), up to a factor, one for each of the units that are made:
        1 makes all directions equal, 0 leaves their sizes.
    small : int, default=256
        Models of at most this many unknowns keep all of them in their own order.
    negligible : float, default=0.01
        Beyond it, directions are left to the linear estimate where all of them
        together hold less than this share of its error.
    """

    exponents: tuple[float, ...] = (1.0, 0.25)
    small: int = 256
    negligible: float = 0.01

    def preconditioners(
        self, estimate, apply_operator, error, *, keep_order=False, compress=True
    ):
        """Units whose start is a linear estimate.

        Parameters
        ----------
        estimate : LinearEstimate
            The estimate.
        apply_operator : callable
            Maps models of shape (n, N) to data (n, M), linearly.
        error : float
            Squared error of the estimate, summed over the unknowns.
        keep_order : bool, default=False
            Whether there is one unknown u for each x, whatever their number.
        compress : bool, default=True
            Whether data that no model can produce are left out.

        Returns
        -------
        list of Preconditioner
            The units for each exponent; for one unknown, of which there is only one
            size, for the first.
        """
        values, vectors, basis = self._directions(
            estimate.model_covariance, None if keep_order else error
        )
        whitening = symmetric_power(estimate.data_covariance, -1 / 2)
        left = basis.T @ _covariance_left(estimate, apply_operator) @ basis
        spread = symmetric_power(left, 1 / 2)
        gain = basis.T @ estimate.gain
        units = []
        for exponent in self.exponents if len(basis) > 1 else self.exponents[:1]:
            root = np.sqrt(values**exponent * values.mean() ** (1 - exponent))
            inverse = np.divide(1, root, out=np.zeros_like(root), where=root > 0)
            factor, inverse = ((vectors * r) @ vectors.T for r in (root, inverse))
            matrix = whitening @ apply_operator((basis @ factor).T).T
            scaled = _contraction(whitening, matrix, compress=compress)
            units.append(Preconditioner(basis, factor, spread, inverse @ gain, *scaled))
        return units

    def _directions(self, covariance, error):
        """Eigenvalues, and eigenvectors in a basis, and the basis.

        The directions are those that matter beside an error, all where that is None.
        """
        values, vectors = symmetric_eigh(covariance)
        N, n_kept = len(values), int((values > 0).sum())
        reduced = self.small < N and error is not None
        if reduced:
            # Variance of this direction and the later ones.
            tail = values[::-1].cumsum()[::-1]
            n_kept = min(n_kept, int((tail > self.negligible * error).sum()))
        n_kept = max(n_kept, 1)
        values, vectors = values[:n_kept], vectors[:, :n_kept]
        if reduced:
            return values, np.eye(n_kept), vectors
        return values, vectors, np.eye(N)


def literal(apply_operator, n_unknowns, scale):
    """Units without statistics: one scale for the models and one for the data.

    Parameters
    ----------
    apply_operator : callable
        Maps models of shape (n, N) to data (n, M), linearly.
    n_unknowns : int
        The N.
    scale : float
        Size of the models.

    Returns
    -------
    Preconditioner
        The units; the start is A^T b over the squared norm of A.
    """
    identity = np.eye(n_unknowns)
    A = apply_operator(identity).T
    norm = np.linalg.norm(A, 2) * scale or 1.0
    factor, start = scale * identity, scale * A.T / norm**2
    whitening = np.eye(len(A)) / norm
    return Preconditioner(identity, factor, factor, start, whitening, scale * A / norm)


def _roots_of_gram(columns):
    """Symmetric roots of columns^T columns, and their inverses."""
    diagonal = columns.diagonal()
    if len(columns) == len(diagonal) and np.array_equal(columns, np.diag(diagonal)):
        return np.diag(diagonal), np.diag(1 / diagonal)
    gram = columns.T @ columns
    return symmetric_power(gram, 1 / 2), symmetric_power(gram, -1 / 2)


def _covariance_left(estimate, apply_operator):
    """Covariance (N, N) of x less its estimate."""
    G, C = estimate.gain, estimate.model_covariance
    cross = apply_operator(C) @ G.T
    return C - cross - cross.T + G @ estimate.data_covariance @ G.T


def _contraction(whitening, matrix, *, compress):
    """Whitening of the data, and the operator from u, of norm 1 at most."""
    if compress and matrix.shape[0] > matrix.shape[1]:
        # What no model can produce is a constant of the misfit.
        image, _ = np.linalg.qr(matrix)
        whitening, matrix = image.T @ whitening, image.T @ matrix
    norm = max(1.0, np.linalg.norm(matrix, 2)) if matrix.size else 1.0
    return whitening / norm, matrix / norm
