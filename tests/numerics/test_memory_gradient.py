"""Energies minimised in the plane of the gradient and of the last step."""

from typing import NamedTuple

import torch

from skhj.numerics.conjugate_gradients import conjugate_gradients_by_row
from skhj.numerics.memory_gradient import MemoryGradient, row_products


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


class Huber(NamedTuple):
    """|x - b|^2 / 2 + sum of Huber functions of V x, with a knee."""

    V: torch.Tensor
    b: torch.Tensor
    knee: float
    damping = 1.0

    def features(self, x):
        return x @ self.V.T

    def gradient_and_weights(self, x, u, out=None):
        slope = u.clamp(-self.knee, self.knee)
        weights = self.knee / u.abs().clamp(min=self.knee)
        return x - self.b + slope @ self.V, weights

    def value(self, x):
        u = self.features(x).abs()
        inner = u.clamp(max=self.knee)
        return row_products(x - self.b, x - self.b) / 2 + (inner * (u - inner / 2)).sum(
            1
        )


def test_solves_quadratic_energies():
    """Within as many steps as dimensions: those of conjugate gradients."""
    V, b = normal(9, 4), normal(5, 4, seed=1)
    energy = Huber(V, b, knee=1e6)
    minimum = MemoryGradient(6, tolerance=1e-10).minimise(energy, b, torch.ones(5))
    matrix = torch.eye(4).double() + V.T @ V
    torch.testing.assert_close(minimum.point, torch.linalg.solve(matrix, b.T).T)
    assert (minimum.n_iter <= 4).all()


def test_takes_the_steps_of_conjugate_gradients():
    V, b = normal(30, 12), normal(3, 12, seed=1)
    matrix = torch.eye(12).double() + V.T @ V
    for n in (1, 2, 5):
        ours = MemoryGradient(n, tolerance=0.0).minimise(
            Huber(V, b, 1e6), torch.zeros_like(b), torch.ones(3)
        )
        theirs = conjugate_gradients_by_row(
            lambda v: v @ matrix, b, torch.zeros_like(b), max_iter=n
        )
        torch.testing.assert_close(ours.point, theirs.point)


def test_energy_never_increases_and_ends_stationary():
    energy = Huber(3 * normal(20, 8), 5 * normal(6, 8, seed=1), knee=0.3)
    last = energy.value(energy.b)
    for n in range(1, 15):
        point = MemoryGradient(n, 0.0).minimise(energy, energy.b, torch.ones(6)).point
        now = energy.value(point)
        assert (now <= last * (1 + 1e-14)).all()
        last = now
    minimum = MemoryGradient(500, 1e-9).minimise(energy, energy.b, torch.ones(6))
    gradient, _ = energy.gradient_and_weights(
        minimum.point, energy.features(minimum.point)
    )
    assert (minimum.residual <= 1e-9).all()
    torch.testing.assert_close(gradient.norm(dim=1), minimum.residual)


def test_solved_rows_stay_as_they_are():
    V, b = 3 * normal(20, 8), 5 * normal(6, 8, seed=1)
    solver, scale = MemoryGradient(500, 1e-6), torch.ones(6)
    together = solver.minimise(Huber(V, b, 0.3), b, scale)
    for row in range(6):
        rows = slice(row, row + 1)
        alone = solver.minimise(Huber(V, b[rows], 0.3), b[rows], scale[rows])
        torch.testing.assert_close(together.point[rows], alone.point)
        # Rounding moves the end by a few of 180 steps.
        assert abs(together.n_iter[row] - alone.n_iter) <= 5
    again = solver.minimise(Huber(V, b, 0.3), together.point, scale)
    assert (again.n_iter == 0).all()


def test_conjugate_gradients_stop_at_the_tolerance():
    V, b = normal(30, 12), normal(3, 12, seed=1)
    b[1] = 0
    matrix = torch.eye(12).double() + V.T @ V
    solution = conjugate_gradients_by_row(
        lambda v: v @ matrix, b, torch.zeros_like(b), max_iter=50, tolerance=1e-8
    )
    assert (solution.residual <= 1e-8).all()
    left = b - solution.point @ matrix
    assert (left.norm(dim=1) <= 1e-8 * b.norm(dim=1)).all()
