"""The misfit |A(x) - b|^2 / (2 s^2) of models, and the normal equations it leads to."""

from typing import NamedTuple

import torch

from skhj.numerics.conjugate_gradients import conjugate_gradients_by_row
from skhj.numerics.memory_gradient import row_products

__all__ = ["Misfit", "NormalEquations"]


class Misfit(NamedTuple):
    """Half the squared misfit of each row, in units of the noise.

    Attributes
    ----------
    operator : ForwardOperator
        The operator A, which need not be linear.
    measurements : Tensor of shape (n, M)
        The measurements b.
    precision : float
        One over the variance of the noise.
    """

    operator: object
    measurements: torch.Tensor
    precision: float

    def value(self, x):
        """Values, shape (n,)."""
        left = self.operator.forward(x) - self.measurements
        return self.precision / 2 * row_products(left, left)

    def value_and_gradient(self, x):
        """Values, shape (n,), and gradients by x, shape (n, N)."""
        left = self.operator.forward(x) - self.measurements
        gradient = self.precision * self.operator.adjoint(left, x)
        return self.precision / 2 * row_products(left, left), gradient

    def back_projected(self):
        """The gradient at zero but for its sign, A^T b / s^2, shape (n, N)."""
        zero = self.measurements.new_zeros(
            len(self.measurements), self.operator.shape[1]
        )
        return -self.value_and_gradient(zero)[1]


class NormalEquations:
    """Solutions of (A^T A / s^2 + rho I) x = r of a linear operator.

    Where A is worth holding as a matrix, by one eigendecomposition for every rho;
    elsewhere by conjugate gradients from a first guess.

    Parameters
    ----------
    operator : ForwardOperator
        A linear operator.
    precision : float
        One over the variance of the noise s^2.
    device : torch.device, optional
        Where right-hand sides are; the CPU by default.
    max_size : int, default=2000
        Largest matrix to decompose, some seconds of one core.
    """

    def __init__(self, operator, precision, *, device=None, max_size=2000):
        self.operator, self.precision = operator, precision
        matrix = operator.dense() if min(operator.shape) <= max_size else None
        self.right = self.eigenvalues = None
        if matrix is not None:
            matrix = matrix.to(device=device)
            _, singular, self.right = torch.linalg.svd(matrix, full_matrices=False)
            self.eigenvalues = precision * singular**2

    @property
    def smallest(self):
        """A lower bound of the eigenvalues of A^T A / s^2."""
        M, N = self.operator.shape
        return float(self.eigenvalues.min()) if self.right is not None and M >= N else 0

    def solve(self, rho, right_hand_side, guess, *, tolerance=1e-12, max_iter=500):
        """The solution x of each row and its rho, of shapes (n, N) and (n,)."""
        rho = rho[:, None]
        if self.right is not None:
            inside = right_hand_side @ self.right.T
            share = self.eigenvalues / (self.eigenvalues + rho)
            return (right_hand_side - (share * inside) @ self.right) / rho

        def product(v):
            image = self.operator.adjoint(self.operator.forward(v), v)
            return self.precision * image + rho * v

        return conjugate_gradients_by_row(
            product, right_hand_side, guess, max_iter=max_iter, tolerance=tolerance
        ).point
