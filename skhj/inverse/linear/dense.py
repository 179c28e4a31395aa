r"""Linear minimum-mean-square estimates of models from data.

With means m, M, covariances C of the models and S of the data, and b = A x + noise, the
best linear estimate of x is m + G (b - M) with the gain :math:`G = C A^T S^{-1}`.
"""

from typing import NamedTuple

import numpy as np

from skhj.numerics.covariance import covariance, symmetric_eigh, symmetric_power
from skhj.numerics.rows import Rows, total

__all__ = [
    "LinearEstimate",
    "Statistics",
    "estimated_operator",
    "ridge_path",
    "statistics_of",
    "wiener_estimate",
    "wiener_path",
]


class Statistics(NamedTuple):
    """Means, centred samples and covariances of data and models.

    Attributes
    ----------
    data_mean, model_mean : ndarray of shape (M,), (N,)
        Means.
    data, models : Rows of shape (n, M), (n, N)
        Centred samples.
    data_covariance, cross_covariance, model_covariance : ndarray
        Of b with b (M, M), of x with b (N, M), of x with x (N, N).
    """

    data_mean: np.ndarray
    model_mean: np.ndarray
    data: Rows
    models: Rows
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

    def of_scaled(self, sizes):
        """The same estimate of models over their sizes, (N,) or one of all."""
        sizes = np.broadcast_to(sizes, self.model_mean.shape)
        C = self.model_covariance
        return self._replace(
            model_mean=self.model_mean / sizes,
            gain=self.gain / sizes[:, None],
            model_covariance=None if C is None else C / np.outer(sizes, sizes),
        )

    def without_covariances(self):
        """The same estimate, without what only its units are made of."""
        return self._replace(data_covariance=None, model_covariance=None)


def statistics_of(B, X):
    """Means and covariances of samples, by blocks of these.

    Parameters
    ----------
    B : ndarray or Rows of shape (n, M)
        Data.
    X : ndarray or Rows of shape (n, N)
        Models.

    Returns
    -------
    Statistics
        Means and covariances.
    """
    B, X = Rows.of(B), Rows.of(X)
    data_mean, model_mean = B.mean(), X.mean()
    data = B.map(lambda rows: rows - data_mean)
    models = X.map(lambda rows: rows - model_mean)
    sums = total(lambda b, x: (b.T @ b, x.T @ b, x.T @ x), data, models)
    covariances = [products / len(B) for products in sums]
    return Statistics(data_mean, model_mean, data, models, *covariances)


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
    return wiener_path(statistics, A, [shrinkage])[0]


def wiener_path(statistics, A, shrinkages):
    """Linear estimates from a known operator, see `wiener_estimate`.

    Parameters
    ----------
    statistics : Statistics
        Of the samples.
    A : ndarray of shape (M, N)
        The operator.
    shrinkages : sequence of float
        Shrinkages of the covariances.

    Returns
    -------
    list of LinearEstimate
        One for each shrinkage.
    """
    noise = statistics.data.map(lambda b, x: b - x @ A.T, statistics.models)
    of_noise = covariance(noise)
    means, path = (statistics.data_mean, statistics.model_mean), []
    for shrinkage in shrinkages:
        C = _shrunk(statistics.model_covariance, shrinkage)
        CA = C @ A.T
        S = A @ CA + _shrunk(of_noise, shrinkage)
        path.append(LinearEstimate(*means, CA @ symmetric_power(S, -1), S, C))
    return path


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
    values, vectors = symmetric_eigh(
        statistics.data_covariance * np.outer(inverse, inverse)
    )
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
    return statistics.cross_covariance.T @ symmetric_power(C, -1)


def _shrunk(C, shrinkage):
    """(1 - shrinkage) of a covariance, and the rest of its diagonal alone."""
    return (1 - shrinkage) * C + shrinkage * np.diag(C.diagonal())


def _inverse(values, penalty):
    """1 / (values + penalty), zero where the values are."""
    out = np.zeros_like(values)
    return np.divide(1, values + penalty, out=out, where=values > 0)
