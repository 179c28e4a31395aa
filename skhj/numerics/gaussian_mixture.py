"""Gaussian mixtures seen through linear measurements: the exact posterior.

A mixture sum_k w_k N(m_k, C_k) observed as b = A x + noise, the noise normal with
covariance S, is again a mixture given b. With G_k = C_k A^T (A C_k A^T + S)^-1, its
components are N(m_k + G_k (b - A m_k), C_k - G_k A C_k), and their weights
proportional to w_k N(b; A m_k, A C_k A^T + S).
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import log_softmax, logsumexp

from skhj.numerics.covariance import symmetric_power

__all__ = [
    "ConditionalMixture",
    "GaussianMixture",
    "condition",
    "conditional",
    "log_density",
    "mean",
    "mean_squared_error",
    "total_variance",
]


class GaussianMixture(NamedTuple):
    """A mixture of K Gaussians in R^d, or n of them with common covariances.

    Attributes
    ----------
    weights : ndarray of shape (..., K)
        Probabilities of the components.
    means : ndarray of shape (..., K, d)
        Their means.
    covariances : ndarray of shape (K, d, d)
        Their covariances.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray


class ConditionalMixture(NamedTuple):
    r"""What a mixture of pairs (x, t) says of x in R^d given t in R^r.

    Given t, component k is N(m_k + G_k (t - o_k), F_k F_k), and its probability is
    proportional to :math:`\exp(c_k - |W_k (t - o_k)|^2 / 2)`.

    Attributes
    ----------
    constants : ndarray of shape (K,)
        The c_k.
    offsets : ndarray of shape (K, r)
        The o_k.
    whitenings : ndarray of shape (K, r, r)
        The W_k.
    means : ndarray of shape (K, d)
        The m_k.
    gains : ndarray of shape (K, d, r)
        The G_k.
    factors : ndarray of shape (K, d, d)
        The F_k, symmetric.
    """

    constants: np.ndarray
    offsets: np.ndarray
    whitenings: np.ndarray
    means: np.ndarray
    gains: np.ndarray
    factors: np.ndarray


def mean(mixture):
    """Mean of a mixture, shape (..., d)."""
    return np.einsum("...k,...kd->...d", mixture.weights, mixture.means)


def total_variance(mixture):
    """Trace of the covariance of a mixture, shape (...)."""
    within = mixture.weights @ np.trace(mixture.covariances, axis1=1, axis2=2)
    spread = ((mixture.means - mean(mixture)[..., None, :]) ** 2).sum(-1)
    return within + (mixture.weights * spread).sum(-1)


def condition(mixture, A, noise_covariance, b):
    """Posterior of a mixture given n measurements b, shape (n, M)."""
    A = np.asarray(A)
    CAt = mixture.covariances @ A.T
    of_b = A @ CAt + noise_covariance
    gains = np.linalg.solve(of_b, CAt.transpose(0, 2, 1)).transpose(0, 2, 1)
    residuals = b[:, None, :] - mixture.means @ A.T
    factors = np.linalg.cholesky(of_b)
    white = np.linalg.solve(factors, residuals[..., None])[..., 0]
    log_determinants = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
    with np.errstate(divide="ignore"):  # a component of weight 0 stays at weight 0
        log_weights = np.log(mixture.weights)
    log_densities = log_weights - log_determinants - (white**2).sum(-1) / 2
    return GaussianMixture(
        np.exp(log_softmax(log_densities, axis=1)),
        mixture.means + np.einsum("kdm,nkm->nkd", gains, residuals),
        mixture.covariances - gains @ CAt.transpose(0, 2, 1),
    )


def conditional(joint, d):
    """`ConditionalMixture` of the first d numbers given the others."""
    m, C = joint.means, joint.covariances
    C_x, C_xt, C_t = C[:, :d, :d], C[:, :d, d:], C[:, d:, d:]
    whitenings = np.array([symmetric_power(c, -1 / 2) for c in C_t])
    white = C_xt @ whitenings
    left = C_x - white @ white.transpose(0, 2, 1)
    determinants = np.array([np.linalg.slogdet(W)[1] for W in whitenings])
    with np.errstate(divide="ignore"):
        constants = np.log(joint.weights) + determinants
    factors = np.array([symmetric_power(c, 1 / 2) for c in left])
    parts = whitenings, m[:, :d], white @ whitenings, factors
    return ConditionalMixture(constants, m[:, d:], *parts)


def log_density(mixture, x):
    """Logarithm of the density at points x of shape (n, d)."""
    logs = []
    for weight, m, C in zip(*mixture, strict=True):
        factor = np.linalg.cholesky(C)
        white = solve_triangular(factor, (x - m).T, lower=True)
        size = np.log(np.diagonal(factor)).sum() + len(m) / 2 * np.log(2 * np.pi)
        with np.errstate(divide="ignore"):
            logs.append(np.log(weight) - size - (white**2).sum(axis=0) / 2)
    return logsumexp(logs, axis=0)


def mean_squared_error(mixture, a, noise_variance, *, n_nodes=10_001):
    """Expected squared error of the conditional mean given <a, x> + noise.

    One measurement: an integral over each component's normal law of b, by the
    trapezoidal rule, which converges faster than any power of the step.
    """
    u = np.linspace(-10, 10, n_nodes)
    density = np.exp(-(u**2) / 2)
    density /= density.sum()
    variances = np.einsum("d,kde,e->k", a, mixture.covariances, a) + noise_variance
    error = 0.0
    for k, weight in enumerate(mixture.weights):
        b = a @ mixture.means[k] + np.sqrt(variances[k]) * u
        posterior = condition(mixture, a[None], [[noise_variance]], b[:, None])
        error += weight * float(density @ total_variance(posterior))
    return error
