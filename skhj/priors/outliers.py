"""Samples whose values, or gradients, are far from what all others say."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq, solve

from skhj.hamilton_jacobi import half_squared_norm
from skhj.numerics.blocks import row_blocks, spread_rows

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
    most_fitted : int, default=20_000
        Samples that the fit is made of: a thousand times as many as its coefficients in
        a dozen features. All are judged by it.
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
    most_fitted: int = 20_000
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
        n = len(X)
        if n < self.fewest:
            return np.zeros(n, dtype=bool)
        few = spread_rows(n, self.most_fitted)
        center = np.median(X[few], axis=0)
        length = np.median(_sizes(X[few] - center))

        def points(rows):
            U = (X[rows] - center) / (length if length > 0 else 1.0)
            return U, half_squared_norm(U)

        found = np.zeros(n, dtype=bool)
        for targets, curved in ((values, True), (gradients, False)):
            if targets is not None:
                targets = targets.reshape(n, -1)
                found |= self._far_off(points, targets, few, curved=curved)
        return found

    def _far_off(self, points, targets, few, *, curved):
        n, none = len(targets), np.zeros(len(targets), dtype=bool)
        middle = np.median(targets[few], axis=0)
        size = np.median(_sizes(targets[few] - middle))
        if not size > 0:
            return none

        def problem(rows):
            """Design and targets of least squares, and the growth that is allowed."""
            U, squares = points(rows)
            columns = [np.ones(len(U)), U, squares] if curved else [np.ones(len(U)), U]
            design = np.column_stack(columns)
            return design, (targets[rows] - middle) / size, 1 + 2 * squares

        coefficients, scale = self._robust_fit(*problem(few))

        def residual(rows):
            design, goals, growth = problem(rows)
            left = goals - design[:, : len(coefficients)] @ coefficients
            return _sizes(left) / _allowance(left, growth)

        width = targets.shape[1] + points(slice(1))[0].shape[1]
        residual = np.concatenate([*map(residual, row_blocks(n, 4 * width))])
        scale = max(scale, np.quantile(residual, 0.9, method="lower") / 10)
        found = residual > self.threshold * max(scale, self.rounding)
        return found if found.mean() <= max(self.share, 1 / n) else none

    def _robust_fit(self, design, targets, growth):
        """Coefficients in which samples far off have no say, and median residual."""
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
        return coefficients, scale

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
