"""Samples whose values, or gradients, are far from what all others say."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq, solve

from skhj.hamilton_jacobi import half_squared_norm

__all__ = ["OutlierTest"]


@dataclass(frozen=True)
class OutlierTest:
    """Outliers by the residuals of a robust fit, in units of their median.

    The fit, an affine function and one curvature to values, an affine map to gradients,
    is by iteratively reweighted least squares, where samples far off have no weight.
    Residuals count relative to 1 + |u|^2, u in units of the points' median deviation:
    upwards a value function grows no faster. Downwards, and of gradients, they count
    relative to its square. Where the median is next to nothing, as for exact
    quadratics, nine tenths of the samples say what an error is.

    Parameters
    ----------
    threshold : float, default=100.0
        Residual in medians that makes an outlier. Residuals of the paper's problems, of
        wells, norms and quartics with 20,000 points stay below 60.
    share : float, default=0.05
        Share of the samples that are outliers at most: of more, none is.
    per_coefficient : int, default=3
        Samples that each coefficient asks for; with fewer, the median is the fit.
    fewest : int, default=6
        Samples below which none is one: of three, two are often so close that the third
        is far from both.
    n_steps : int, default=20
        Of reweighting.
    many : int, default=100
        Coefficients above which an orthogonal factorisation takes too long.
    rounding : float, default=1e-6
        Residuals, relative to the values' median size, that are never outliers.
    """

    threshold: float = 100.0
    share: float = 0.05
    per_coefficient: int = 3
    fewest: int = 6
    n_steps: int = 20
    many: int = 100
    rounding: float = 1e-6

    def find(self, X, values=None, gradients=None):
        """Rows that are outliers.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Points.
        values : ndarray of shape (n,) or None, default=None
            Values.
        gradients : ndarray of shape (n, d) or None, default=None
            Gradients.

        Returns
        -------
        ndarray of shape (n,), dtype bool
            Whether each sample is one.
        """
        if len(X) < self.fewest:
            return np.zeros(len(X), dtype=bool)
        X = X - np.median(X, axis=0)
        length = np.median(_sizes(X))
        U = X / (length if length > 0 else 1.0)
        squares = half_squared_norm(U)[:, None]
        found = np.zeros(len(X), dtype=bool)
        for targets, features in (
            (values, np.column_stack([U, squares])),
            (gradients, U),
        ):
            if targets is not None:
                targets = targets.reshape(len(X), -1)
                found |= self._far_off(features, targets, 1 + 2 * squares[:, 0])
        return found

    def _far_off(self, features, targets, growth):
        none = np.zeros(len(targets), dtype=bool)
        targets = targets - np.median(targets, axis=0)
        size = np.median(_sizes(targets))
        if not size > 0:
            return none
        targets = targets / size
        design = np.column_stack([np.ones(len(features)), features])
        if len(design) < self.per_coefficient * design.shape[1]:
            design = design[:, :1]
        weight = 1.0 / np.maximum(_sizes(targets), 1.0)
        for _ in range(self.n_steps):
            root = np.sqrt(weight)[:, None]
            coefficients = self._least_squares(root * design, root * targets)
            residual = targets - design @ coefficients
            residual = _sizes(residual) / _allowance(residual, growth)
            scale = max(np.median(residual), self.rounding)
            # Cauchy's weights: an outlier of a million medians has none left.
            weight = 1 / (1 + (residual / (3 * scale)) ** 2) / growth**2
        scale = max(scale, np.quantile(residual, 0.9, method="lower") / 10)
        found = residual > self.threshold * max(scale, self.rounding)
        return found if found.mean() <= max(self.share, 1 / len(found)) else none

    def _least_squares(self, design, targets):
        """Coefficients: of many, by normal equations that rounding cannot make flat."""
        if design.shape[1] <= self.many:
            return lstsq(design, targets)[0]
        gram = design.T @ design
        gram[np.diag_indices_from(gram)] += 1e-12 * gram.trace()
        return solve(gram, design.T @ targets, assume_a="pos")


def _sizes(rows):
    return np.sqrt((rows**2).sum(axis=1))


def _allowance(residual, growth):
    """What residuals count relative to: upwards, values are bounded by quadratics."""
    is_above = (residual.shape[1] == 1) & (residual[:, 0] > 0)
    return np.where(is_above, growth, growth**2)
