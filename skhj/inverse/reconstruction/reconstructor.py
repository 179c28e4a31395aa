"""Models of measurements, blocks of rows at a time, on numpy arrays."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch

from skhj.inverse.reconstruction.algorithms import ALGORITHMS, Problem
from skhj.inverse.reconstruction.misfit import Misfit
from skhj.numerics.blocks import row_blocks
from skhj.numerics.memory_gradient import row_products
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for

__all__ = ["Reconstruction", "Reconstructor"]


class Reconstruction(NamedTuple):
    """Models, and how they were found.

    Attributes
    ----------
    models : ndarray of shape (n, N)
        Minimisers x.
    n_iter : ndarray of shape (n,), dtype int
        Steps made.
    residual : ndarray of shape (n,)
        What is left of the condition of a minimum, relative to |A^T b| / s^2.
    """

    models: np.ndarray
    n_iter: np.ndarray
    residual: np.ndarray


@dataclass
class Reconstructor:
    """Solver of one problem for any measurements and strength.

    Parameters
    ----------
    problem : Problem
        The problem.
    algorithm : str
        A name of `ALGORITHMS`.
    max_iter : int
        Largest number of steps.
    tolerance : float
        Residual at which a row is solved.
    """

    problem: Problem
    algorithm: str
    max_iter: int
    tolerance: float
    _method: object = field(init=False, repr=False)

    def __post_init__(self):
        limits = {"max_iter": self.max_iter, "tolerance": self.tolerance}
        self._method = ALGORITHMS[self.algorithm](self.problem, limits)

    def solve(self, B, strength, start):
        """Minimise the energy of each row of measurements.

        Parameters
        ----------
        B : ndarray of shape (n, M)
            Measurements.
        strength : float
            Weight of the prior.
        start : ndarray of shape (n, N) or (N,)
            First guesses.

        Returns
        -------
        Reconstruction
            Models, numbers of steps and residuals.
        """
        start = np.broadcast_to(start, (len(B), self.problem.operator.shape[1]))
        parts = [
            self._solve(B[rows], strength, start[rows].clip(*self.problem.bounds))
            for rows in row_blocks(len(B), self._row_size)
        ]
        return Reconstruction(*(np.concatenate(p) for p in zip(*parts, strict=True)))

    def energy(self, B, X, strength):
        """Value of what is minimised at some models, ndarray of shape (n,)."""
        values = []
        for rows in row_blocks(len(B), self._row_size):
            x = self._tensor(X[rows], np.float64)
            value = self._misfit(B[rows], np.float64).value(x)
            value = value + strength * self.problem.prior.value(x)
            values.append(value.cpu().numpy())
        return np.concatenate(values)

    @property
    def _row_size(self):
        return self.problem.prior.row_size(self.problem.operator.shape)

    @property
    def _dtype(self):
        """Single precision for images, where it can reach the tolerance."""
        single = self.problem.by_filters and self.algorithm == "gradient"
        return np.float32 if single and self.tolerance >= 1e-5 else np.float64

    @torch.no_grad()
    def _solve(self, B, strength, start):
        misfit = self._misfit(B, self._dtype)
        n_products = self.problem.prior.n_products(len(B), self.problem.operator.shape)
        with threads_for(n_products):
            back = misfit.back_projected()
            scale = _size(back)
            start = self._tensor(start, self._dtype)
            minimum = self._method.minimise(misfit, strength, start, scale)
        models, residual = (
            part.double().cpu().numpy() for part in (minimum.point, minimum.residual)
        )
        return models, minimum.n_iter.cpu().numpy(), residual

    def _misfit(self, B, dtype):
        problem = self.problem
        return Misfit(problem.operator, self._tensor(B, dtype), problem.precision)

    def _tensor(self, rows, dtype):
        return to_tensor(rows, dtype=dtype, device=self.problem.prior.device)


def _size(rows):
    """Norm of each row, one for rows of zeros; refused where it has no square."""
    squares = row_products(rows, rows)
    lost = (squares == 0) & (rows != 0).any(1)
    if lost.any() or not torch.isfinite(squares).all():
        largest = float(rows.abs().max())
        raise ValueError(
            "operator, B and noise_level must be of sizes for which A^T b / "
            f"noise_level^2 has a square, got entries of {largest:.2g}: choose other "
            "units"
        )
    return torch.where(squares > 0, squares.sqrt(), 1)
