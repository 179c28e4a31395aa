"""Samples as linear equations for the parameters of quadratics."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from skhj.priors.min_plus.form import Form

__all__ = ["Equations"]


@dataclass(frozen=True)
class Equations:
    """Least squares of values, and of gradients where there are any.

    Parameters
    ----------
    form : Form
        Of the quadratics.
    V : ndarray of shape (n, d)
        Points.
    design : ndarray of shape (n, p)
        Of the values.
    values : ndarray of shape (n,)
        Values.
    gradients : ndarray of shape (n, d) or None
        Gradients.
    weight : float
        Of the gradients where the values have 1.
    ridge, solves : float and int, default=1e-11 and 3
        Added to the normal equations of unit diagonal, so that samples which do not
        determine the parameters do no harm; where they do, each solve but the first
        takes out all but some part in 1e5 of what is left.
    """

    form: Form
    V: np.ndarray
    design: np.ndarray
    values: np.ndarray
    gradients: np.ndarray | None
    weight: float
    ridge: float = 1e-11
    solves: int = 3

    @classmethod
    def of(cls, form, scaled):
        """Equations of `skhj.priors.splines.ridge_sum.ScaledSamples`."""
        _, weight = scaled.weights
        gradients = scaled.gradients if weight else None
        return cls(
            form, scaled.V, form.design(scaled.V), scaled.values, gradients, weight
        )

    def take(self, rows):
        """The equations of some samples."""
        gradients = None if self.gradients is None else self.gradients[rows]
        V, design, values = self.V[rows], self.design[rows], self.values[rows]
        return replace(self, V=V, design=design, values=values, gradients=gradients)

    def some(self, most, rng):
        """The equations of at most so many samples, at random."""
        n = len(self.V)
        return self if n <= most else self.take(rng.choice(n, most, replace=False))

    @property
    def n_each(self):
        """Equations of a sample."""
        return 1 if self.gradients is None else 1 + self.V.shape[1]

    def solve(self, largest=np.inf):
        """Parameters of the best quadratic.

        Parameters
        ----------
        largest : float, default=inf
            Curvatures beyond it are lowered to it, and the affine part is fitted again.

        Returns
        -------
        ndarray of shape (p,)
            Parameters.
        """
        rows, targets = self._rows()
        solution = self._least_squares(rows, targets)
        bounded = self.form.bounded(solution, largest)
        if not np.array_equal(bounded, solution):
            affine = slice(0, 1 + self.V.shape[1])
            bounded[affine] = 0.0
            targets = targets - rows @ bounded
            bounded[affine] = self._least_squares(rows[:, affine], targets)
        return bounded

    def _least_squares(self, rows, targets):
        gram, right = rows.T @ rows, rows.T @ targets
        size = np.sqrt(gram.diagonal())
        size = np.where(size > 0, size, 1.0)
        gram = gram / size / size[:, None]
        gram.flat[:: len(gram) + 1] += self.ridge
        factor = cho_factor(gram, check_finite=False)
        solution = np.zeros_like(right)
        for _ in range(self.solves):
            left = right - rows.T @ (rows @ solution)
            solution += cho_solve(factor, left / size, check_finite=False) / size
        return solution

    def _rows(self):
        """All equations: matrix and right-hand side."""
        if self.gradients is None:
            return self.design, self.values
        root = np.sqrt(self.weight)
        slopes = self.form.slope_design(self.V)
        rows = np.vstack([self.design, root * slopes.reshape(-1, slopes.shape[2])])
        return rows, np.concatenate([self.values, root * self.gradients.ravel()])
