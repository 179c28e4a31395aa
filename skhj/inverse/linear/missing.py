r"""Linear estimates from data of which some were not measured, NaN.

Of data with mean M and covariance S, those of a sample that were measured, o, tell the
others, :math:`M_m + S_{mo} S_{oo}^{-1} (b_o - M_o)`. The linear estimate from data that
are completed so is the one from those measured alone.
"""

from typing import NamedTuple

import numpy as np

from skhj.inverse.linear.dense import LinearEstimate
from skhj.numerics.covariance import covariance, symmetric_power
from skhj.numerics.rows import Rows, gathered, means_and_counts, total

__all__ = ["GaussianFill", "MaskedEstimate", "gaussian_fill"]


class GaussianFill(NamedTuple):
    """Completes data by their conditional mean.

    Attributes
    ----------
    mean : ndarray of shape (M,)
        Mean of the data.
    covariance : ndarray of shape (M, M)
        Covariance, positive definite.
    """

    mean: np.ndarray
    covariance: np.ndarray

    def __call__(self, B):
        """Complete data (n, M)."""
        missing = np.isnan(B)
        filled = np.where(missing, 0, B - self.mean)
        patterns, which = np.unique(missing, axis=0, return_inverse=True)
        order = np.argsort(which.ravel(), kind="stable")
        counts = np.bincount(which.ravel(), minlength=len(patterns))
        for absent, rows in zip(
            patterns, np.split(order, counts.cumsum()[:-1]), strict=True
        ):
            if absent.any() and not absent.all():
                seen, others = np.flatnonzero(~absent), np.flatnonzero(absent)
                S = self.covariance[seen]
                weights = np.linalg.solve(S[:, seen], S[:, others])
                filled[np.ix_(rows, others)] = filled[np.ix_(rows, seen)] @ weights
        return filled + self.mean


class MaskedEstimate(NamedTuple):
    """A linear estimate from what was measured of data.

    Attributes
    ----------
    linear : LinearEstimate
        The estimate from all data.
    fill : GaussianFill
        Completes them.
    """

    linear: LinearEstimate
    fill: GaussianFill

    def __call__(self, B):
        """Models (n, N) from data (n, M), NaN where they were not measured."""
        return self.linear(self.fill(B))

    @property
    def data_mean(self):
        """Mean of the data, (M,)."""
        return self.linear.data_mean

    @property
    def model_mean(self):
        """Mean of the models, (N,)."""
        return self.linear.model_mean

    def of_scaled(self, sizes):
        """The same estimate of models over their sizes, (N,) or one of all."""
        return self._replace(linear=self.linear.of_scaled(sizes))


def gaussian_fill(B, X, A=None, *, floor=1e-10, shrinkage=1e-3):
    """Mean and covariance of data, from what was measured of them and models.

    Models are complete: data regress on them, datum by datum.

    Parameters
    ----------
    B : ndarray or Rows of shape (n, M)
        Data, NaN where they were not measured.
    X : ndarray or Rows of shape (n, N)
        Models.
    A : ndarray of shape (M, N) or None, default=None
        The operator, where it is known and linear.
    floor : float, default=1e-10
        Variance of noise, relative to that of each datum, that there is at least.
    shrinkage : float, default=1e-3
        Share of the models' covariance that is its diagonal alone, where they are
        regressed on.

    Returns
    -------
    GaussianFill
        Completes data.
    """
    B, models = Rows.of(B), Rows.of(X).centred()
    if A is None:
        columns = range(B.shape[1])
        A = np.stack([_regression(models, B, j, shrinkage) for j in columns])
    left = B.map(lambda b, x: b - x @ A.T, models)
    mean, _ = means_and_counts(left)

    def products(rows):
        measured = (~np.isnan(rows)).astype(np.float64)
        noise = np.nan_to_num(rows - mean)
        return measured.T @ measured, noise.T @ noise

    pairs, noise = total(products, left)
    # Covariances of few pairs are chance.
    kept = 1 - np.minimum(1, len(pairs) / np.maximum(pairs, 1))
    np.fill_diagonal(kept, 1)
    noise = kept * noise / np.maximum(pairs, 1)
    S = A @ covariance(models) @ A.T + symmetric_power(noise, 1)
    variances = S.diagonal()
    variances = np.where(variances > 0, variances, 1)
    return GaussianFill(mean, S + floor * np.diag(variances))


def _regression(models, B, column, shrinkage):
    """Slopes (N,) of a datum in models, from the samples that have it."""
    rows = gathered(lambda b: ~np.isnan(b[:, column]), B)
    models, data = models.take(rows).centred(), B.take(rows)
    data = data.map(lambda b: b[:, column]).centred()
    C = covariance(models)
    C += shrinkage * np.diag(C.diagonal())
    cross = total(lambda x, b: x.T @ b, models, data)
    return symmetric_power(C, -1) @ cross / len(data)
