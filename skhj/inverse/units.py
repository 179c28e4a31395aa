r"""Units of networks: what they are given, and what their answers mean.

With means m, M, covariances C of the models and S of the data, and a linear estimate
from `skhj.inverse.linear.dense`, the units :math:`x = m + P u` and
:math:`d = S^{-1/2} (b - M)` turn the operator A into :math:`S^{-1/2} A P`. With
:math:`P = C^{w/2}` and w = 1 its norm is at most 1, and directions in which the models
hardly vary are as large as the others: right where they tell models apart, an
invitation to learn noise by heart where they do not. A smaller exponent w leaves more
of their sizes. Steps away from the estimate count by the root of the covariance that it
leaves.
"""

from typing import NamedTuple

import numpy as np

from skhj.inverse.linear.spectral import filter_images
from skhj.numerics.covariance import symmetric_eigh, symmetric_power

__all__ = [
    "DenseUnits",
    "Preconditioner",
    "SpectralUnits",
    "literal",
    "precondition",
]

# Models of at most this many unknowns keep all of them in their own order.
SMALL = 256
# Beyond it, directions are left to the linear estimate where all of them together hold
# less than this share of its error.
NEGLIGIBLE = 0.01


class DenseUnits(NamedTuple):
    """Standardised units: what a network is given, and what its answers mean.

    Attributes
    ----------
    data_mean, model_mean : ndarray of shape (M,), (N,)
        Where the inputs and the answers are zero.
    start, whitening : ndarray of shape (k, M), (m, M)
        Map centred data to the network's inputs, the start and the data.
    basis : ndarray of shape (N, k)
        Directions of the models.
    scale : float
        Size of one unit of the network's answers.
    """

    data_mean: np.ndarray
    model_mean: np.ndarray
    start: np.ndarray
    whitening: np.ndarray
    basis: np.ndarray
    scale: float

    def inputs(self, B):
        """Inputs of the network, (n, k + m), from data (n, M)."""
        centred = B - self.data_mean
        return np.concatenate(
            [centred @ self.start.T, centred @ self.whitening.T], axis=1
        )

    def answers(self, X):
        """What the network should answer, (n, k), for models (n, N)."""
        return (X - self.model_mean) @ self.basis / self.scale

    def differences(self, answers):
        """Differences of models (..., N) from differences of answers (..., k)."""
        return self.scale * answers @ self.basis.T


class SpectralUnits(NamedTuple):
    """Standardised units of images, by multiplication of waves.

    Attributes
    ----------
    kind : {"fourier", "cosine"}
        The waves.
    data_mean, model_mean : ndarray of shape (H, W)
        Where the inputs and the answers are zero.
    start : ndarray
        Multiplier from centred data to the start.
    scale : float
        Size of one unit of the network's answers.
    """

    kind: str
    data_mean: np.ndarray
    model_mean: np.ndarray
    start: np.ndarray
    scale: float

    def inputs(self, B):
        """Inputs of the network, (n, N), from data (n, N)."""
        images = B.reshape(len(B), *self.data_mean.shape) - self.data_mean
        return filter_images(images, self.start, self.kind).reshape(B.shape)

    def answers(self, X):
        """What the network should answer, (n, N), for models (n, N)."""
        return (X - self.model_mean.ravel()) / self.scale

    def differences(self, answers):
        """Differences of models from differences of answers, of the same shape."""
        return self.scale * answers


class Preconditioner(NamedTuple):
    """Change of units: models m + basis @ factor @ u, operator of norm at most 1.

    Attributes
    ----------
    basis : ndarray of shape (N, k)
        Orthonormal directions of the models.
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


def precondition(
    estimate, apply_operator, error, *, exponent=1.0, keep_order=False, compress=True
):
    """Units in which the operator is of norm 1 at most, the start a linear estimate.

    Parameters
    ----------
    estimate : LinearEstimate
        The estimate.
    apply_operator : callable
        Maps models of shape (n, N) to data (n, M), linearly.
    error : float
        Squared error of the estimate, summed over the unknowns.
    exponent : float, default=1.0
        The w of P = C^(w/2), up to a factor: 1 makes all directions equal, 0 leaves
        their sizes.
    keep_order : bool, default=False
        Whether there is one unknown u for each x, whatever their number.
    compress : bool, default=True
        Whether data that no model can produce are left out.

    Returns
    -------
    Preconditioner
        The units.
    """
    basis, factor, inverse = _square_root(
        estimate.model_covariance, exponent, None if keep_order else error
    )
    whitening = symmetric_power(estimate.data_covariance, -1 / 2)
    matrix = whitening @ apply_operator((basis @ factor).T).T
    if compress and matrix.shape[0] > matrix.shape[1]:
        # What no model can produce is a constant of the misfit.
        image, _ = np.linalg.qr(matrix)
        whitening, matrix = image.T @ whitening, image.T @ matrix
    norm = max(1.0, np.linalg.norm(matrix, 2)) if matrix.size else 1.0
    start = inverse @ (basis.T @ estimate.gain)
    left = basis.T @ _covariance_left(estimate, apply_operator) @ basis
    spread = symmetric_power(left, 1 / 2)
    return Preconditioner(basis, factor, spread, start, whitening / norm, matrix / norm)


def literal(estimate, apply_operator):
    """Units without statistics: one scale for the models and one for the data.

    Parameters
    ----------
    estimate : LinearEstimate
        Only the traces of its covariances are used.
    apply_operator : callable
        Maps models of shape (n, N) to data (n, M), linearly.

    Returns
    -------
    Preconditioner
        The units; the start is A^T b over the squared norm of A.
    """
    N = len(estimate.model_mean)
    identity = np.eye(N)
    scale = np.sqrt(np.trace(estimate.model_covariance) / N) or 1.0
    A = apply_operator(identity).T
    norm = np.linalg.norm(A, 2) * scale or 1.0
    factor, start = scale * identity, scale * A.T / norm**2
    whitening = np.eye(len(A)) / norm
    return Preconditioner(identity, factor, factor, start, whitening, scale * A / norm)


def _covariance_left(estimate, apply_operator):
    """Covariance (N, N) of x less its estimate."""
    G, C = estimate.gain, estimate.model_covariance
    cross = apply_operator(C) @ G.T
    return C - cross - cross.T + G @ estimate.data_covariance @ G.T


def _square_root(covariance, exponent, error):
    """Basis, the root P of a power of a covariance in it, and its inverse.

    The directions are those that matter beside an error, all where that is None.
    """
    values, vectors = symmetric_eigh(covariance)
    N, n_kept = len(values), int((values > 0).sum())
    if N > SMALL and error is not None:
        tail = values[::-1].cumsum()[::-1]  # variance of this direction and the later
        n_kept = min(n_kept, int((tail > NEGLIGIBLE * error).sum()))
    n_kept = max(n_kept, 1)
    kept = values[:n_kept]
    root = np.sqrt(kept**exponent * kept.mean() ** (1 - exponent))
    inverse = np.divide(1, root, out=np.zeros(n_kept), where=root > 0)
    vectors = vectors[:, :n_kept]
    if N > SMALL and error is not None:
        return vectors, np.diag(root), np.diag(inverse)
    return np.eye(N), (vectors * root) @ vectors.T, (vectors * inverse) @ vectors.T
