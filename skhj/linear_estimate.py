r"""Linear minimum-mean-square estimates, and the units in which they precondition.

With means m, M, covariances C of the models and S of the data, and b = A x + noise, the
best linear estimate of x is m + G (b - M) with the gain :math:`G = C A^T S^{-1}`. In
the units :math:`x = m + P u` and :math:`d = S^{-1/2} (b - M)`, the operator becomes
:math:`\tilde A = S^{-1/2} A P`. With :math:`P = C^{1/2}` its norm is at most 1, and
directions in which the models hardly vary are as large as the others: right where they
tell models apart, an invitation to learn noise by heart where they do not. A smaller
exponent leaves more of their sizes. Steps away from the estimate count by the root of
the covariance that it leaves.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm

__all__ = [
    "LinearEstimate",
    "Preconditioner",
    "Statistics",
    "estimated_operator",
    "literal",
    "precondition",
    "ridge_path",
    "statistics_of",
    "white_noise_level",
    "wiener_estimate",
]

# Relative eigenvalues of a covariance that are rounding.
ROUNDING = 1e-12
# Probability with which one of white noise's moments is taken for more than chance.
CHANCE = 1e-3
# Models of at most this many unknowns keep all of them in their own order.
SMALL = 256
# Beyond it, directions are left to the linear estimate where all of them together hold
# less than this share of its error.
NEGLIGIBLE = 0.01


class Statistics(NamedTuple):
    """Means, centred samples and covariances of data and models.

    Attributes
    ----------
    data_mean, model_mean : ndarray of shape (M,), (N,)
        Means.
    data, models : ndarray of shape (n, M), (n, N)
        Centred samples.
    data_covariance, cross_covariance, model_covariance : ndarray
        Of b with b (M, M), of x with b (N, M), of x with x (N, N).
    """

    data_mean: np.ndarray
    model_mean: np.ndarray
    data: np.ndarray
    models: np.ndarray
    data_covariance: np.ndarray
    cross_covariance: np.ndarray
    model_covariance: np.ndarray


class LinearEstimate(NamedTuple):
    """Linear estimate of models from data, with the statistics it assumes.

    Attributes
    ----------
    data_mean, model_mean : ndarray of shape (M,), (N,)
        Means M and m.
    gain : ndarray of shape (N, M)
        Gain G.
    data_covariance : ndarray of shape (M, M) or None
        Covariance S; None where it was not kept.
    model_covariance : ndarray of shape (N, N) or None
        Covariance C; None where it was not kept.
    """

    data_mean: np.ndarray
    model_mean: np.ndarray
    gain: np.ndarray
    data_covariance: np.ndarray | None
    model_covariance: np.ndarray | None

    def __call__(self, B):
        """Models (n, N) from data (n, M)."""
        return self.model_mean + (B - self.data_mean) @ self.gain.T

    def without_covariances(self):
        """The same estimate, without what only its units are made of."""
        return self._replace(data_covariance=None, model_covariance=None)


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


def statistics_of(B, X):
    """Means and covariances of samples.

    Parameters
    ----------
    B : ndarray of shape (n, M)
        Data.
    X : ndarray of shape (n, N)
        Models.

    Returns
    -------
    Statistics
        Means and covariances.
    """
    data_mean, model_mean = B.mean(axis=0), X.mean(axis=0)
    data, models, n = B - data_mean, X - model_mean, len(B)
    return Statistics(
        data_mean,
        model_mean,
        data,
        models,
        data.T @ data / n,
        models.T @ data / n,
        models.T @ models / n,
    )


def wiener_estimate(statistics, A, shrinkage):
    """Linear estimate from a known operator: G = C A^T (A C A^T + noise)^-1.

    Parameters
    ----------
    statistics : Statistics
        Of the samples.
    A : ndarray of shape (M, N)
        The operator.
    shrinkage : float
        Share, from 0 to 1, of the covariances that is their diagonal alone: those of
        the models and of the noise b - A x.

    Returns
    -------
    LinearEstimate
        The estimate.
    """
    noise = statistics.data - statistics.models @ A.T
    C = _shrunk(statistics.model_covariance, shrinkage)
    CA = C @ A.T
    S = A @ CA + _shrunk(noise.T @ noise / len(noise), shrinkage)
    means = statistics.data_mean, statistics.model_mean
    return LinearEstimate(*means, CA @ _power(S, -1), S, C)


def white_noise_level(B, X, A):
    """Standard deviation of b - A x, where nothing speaks against white noise.

    Parameters
    ----------
    B : ndarray of shape (n, M)
        Data.
    X : ndarray of shape (n, N)
        Models.
    A : ndarray of shape (M, N)
        The operator.

    Returns
    -------
    float or None
        The level; None where the remainders are zero, differ in size between the
        measurements, or correlate with each other, with the data's noiseless part or,
        in size, with its size, by more than chance allows.
    """
    clean = (X - X.mean(axis=0)) @ A.T
    noise = B - B.mean(axis=0) - clean
    level = noise.std()
    if not level > ROUNDING * B.std():
        return None
    noise = noise / level
    # The square of a normal number has the standard deviation sqrt(2).
    sizes = (noise**2 - 1) / np.sqrt(2)
    correlations = noise.T @ noise / len(B)
    np.fill_diagonal(correlations, sizes.mean(axis=0))
    moments = [
        correlations,
        noise.T @ _standardised(clean) / len(B),
        sizes.T @ _standardised(clean**2) / len(B),
    ]
    n_moments = sum(moment.size for moment in moments)
    allowed = norm.isf(CHANCE / 2 / n_moments) / np.sqrt(len(B))
    # No correlation is larger than one: so few samples cannot tell.
    if allowed >= 1 or any(np.abs(moment).max() > allowed for moment in moments):
        return None
    return float(level)


def ridge_path(statistics, penalties, *, scaled, shrinkage=1e-3):
    """Linear estimates from the samples alone: ridge regressions of x on b.

    Parameters
    ----------
    statistics : Statistics
        Of the samples.
    penalties : sequence of float
        Ridges, as multiples of the mean variance of the data.
    scaled : bool
        Whether each datum has its own penalty, a multiple of its own variance.
    shrinkage : float, default=1e-3
        Share of the models' covariance that is its diagonal alone.

    Returns
    -------
    list of LinearEstimate
        One for each penalty.
    """
    variances = statistics.data_covariance.diagonal()
    if not scaled:
        variances = np.full_like(variances, variances.mean())
    scale = np.sqrt(variances)
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    values, vectors = _eigh(statistics.data_covariance * np.outer(inverse, inverse))
    from_data = inverse[:, None] * vectors
    to_models = statistics.cross_covariance @ from_data
    C = _shrunk(statistics.model_covariance, shrinkage)
    return [
        LinearEstimate(
            statistics.data_mean,
            statistics.model_mean,
            (to_models * _inverse(values, penalty)) @ from_data.T,
            statistics.data_covariance + penalty * np.diag(variances),
            C,
        )
        for penalty in penalties
    ]


def estimated_operator(statistics, shrinkage=1e-3):
    """Operator of shape (M, N) that predicts b from x best, by least squares."""
    C = _shrunk(statistics.model_covariance, shrinkage)
    return statistics.cross_covariance.T @ _power(C, -1)


def precondition(
    estimate, apply_operator, error, *, whitened=1.0, keep_order=False, compress=True
):
    """Units in which the operator is harmless, and the start a linear estimate.

    Parameters
    ----------
    estimate : LinearEstimate
        The estimate.
    apply_operator : callable
        Maps models of shape (n, N) to data (n, M), linearly.
    error : float
        Squared error of the estimate, summed over the unknowns.
    whitened : float, default=1.0
        Exponent of the covariance whose root gives the units: 1 makes all directions
        equal, 0 leaves their sizes.
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
        estimate.model_covariance, whitened, None if keep_order else error
    )
    whitening = _power(estimate.data_covariance, -1 / 2)
    matrix = whitening @ apply_operator((basis @ factor).T).T
    if compress and matrix.shape[0] > matrix.shape[1]:
        # What no model can produce is a constant of the misfit.
        image, _ = np.linalg.qr(matrix)
        whitening, matrix = image.T @ whitening, image.T @ matrix
    norm = max(1.0, np.linalg.norm(matrix, 2)) if matrix.size else 1.0
    start = inverse @ (basis.T @ estimate.gain)
    left = basis.T @ _covariance_left(estimate, apply_operator) @ basis
    spread = _power(left, 1 / 2)
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


def _standardised(columns):
    """Columns less their means, over their standard deviations where they have any."""
    scale = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(scale > 0, scale, 1)


def _shrunk(covariance, shrinkage):
    """(1 - shrinkage) of a covariance, and the rest of its diagonal alone."""
    diagonal = np.diag(covariance.diagonal())
    return (1 - shrinkage) * covariance + shrinkage * diagonal


def _eigh(matrix):
    """Eigenvalues, rounding ones zero, and vectors, in falling order."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    return np.where(values > ROUNDING * values[:1], values, 0.0), vectors


def _inverse(values, penalty):
    """1 / (values + penalty), zero where the values are."""
    out = np.zeros_like(values)
    return np.divide(1, values + penalty, out=out, where=values > 0)


def _power(matrix, exponent):
    """Power of a symmetric non-negative matrix on its range."""
    values, vectors = _eigh(matrix)
    kept = values > 0
    return (vectors[:, kept] * values[kept] ** exponent) @ vectors[:, kept].T


def _square_root(covariance, whitened, error):
    """Basis, a covariance's flattened symmetric root in it, and the root's inverse.

    The directions are those that matter beside an error, all where that is None.
    """
    values, vectors = _eigh(covariance)
    N, n_kept = len(values), int((values > 0).sum())
    if N > SMALL and error is not None:
        tail = values[::-1].cumsum()[::-1]  # variance of this direction and the later
        n_kept = min(n_kept, int((tail > NEGLIGIBLE * error).sum()))
    n_kept = max(n_kept, 1)
    kept = values[:n_kept]
    root = np.sqrt(kept**whitened * kept.mean() ** (1 - whitened))
    inverse = np.divide(1, root, out=np.zeros(n_kept), where=root > 0)
    vectors = vectors[:, :n_kept]
    if N > SMALL and error is not None:
        return vectors, np.diag(root), np.diag(inverse)
    return np.eye(N), (vectors * root) @ vectors.T, (vectors * inverse) @ vectors.T
