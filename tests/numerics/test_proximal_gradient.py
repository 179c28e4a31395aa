"""Accelerated proximal gradient steps reach minima and never rise above their mean."""

from typing import NamedTuple

import pytest
import torch

from skhj.numerics.proximal_gradient import ProximalGradient


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


class LeastSquares(NamedTuple):
    A: torch.Tensor
    b: torch.Tensor

    def value(self, x):
        return (x @ self.A.T - self.b).square().sum(1) / 2

    def value_and_gradient(self, x):
        return self.value(x), (x @ self.A.T - self.b) @ self.A


class Norm(NamedTuple):
    weight: float

    def value(self, x):
        return self.weight * x.abs().sum(1)

    def prox(self, x, step):
        return x.sign() * (x.abs() - self.weight * step[:, None]).clamp(min=0)


class DoubleWell:
    """The sum of (x_j^2 - 1)^2 / 4, concave between the wells."""

    def value(self, x):
        return (x**2 - 1).square().sum(1) / 4

    def value_and_gradient(self, x):
        return self.value(x), x * (x**2 - 1)


class Nothing:
    def value(self, x):
        return x.new_zeros(len(x))

    def prox(self, x, step):
        return x


def ones(n):
    return torch.ones(n, dtype=torch.float64)


@pytest.mark.parametrize("search", [False, True])
def test_answers_meet_the_conditions_of_the_lasso(search):
    """The misfit's slope is minus the weight where x > 0, and within it where x = 0."""
    A, b = normal(20, 8), normal(3, 20, seed=1)
    smooth, weight = LeastSquares(A, b), 4.0
    step = ones(3) / torch.linalg.matrix_norm(A, 2) ** 2 * (100 if search else 0.99)
    found = ProximalGradient(tolerance=1e-10).minimise(
        smooth,
        Norm(weight),
        torch.zeros(3, 8).double(),
        ones(3),
        step=step,
        search=search,
    )
    x, slope = found.point, smooth.value_and_gradient(found.point)[1]
    assert (found.residual <= 1e-10).all()
    assert (x == 0).any()
    # The tolerance is that of the residual, times the largest curvature over 1 / step.
    torch.testing.assert_close(
        slope[x != 0], -weight * x[x != 0].sign(), atol=1e-8, rtol=0
    )
    assert (slope.abs() <= weight + 1e-8).all()


def test_wells_are_found_from_between_them():
    start = 0.1 * normal(5, 3)
    found = ProximalGradient(tolerance=1e-10).minimise(
        DoubleWell(), Nothing(), start, ones(5), step=ones(5), search=True
    )
    torch.testing.assert_close(found.point.abs(), torch.ones(5, 3).double())


def test_rows_do_not_depend_on_each_other():
    A, b = normal(20, 8), normal(3, 20, seed=1)

    def minimise(b):
        start = torch.zeros(len(b), 8).double()
        return ProximalGradient().minimise(
            LeastSquares(A, b),
            Norm(1.0),
            start,
            ones(len(b)),
            step=ones(len(b)),
            search=True,
        )

    # Products of one row and of three differ by their rounding.
    torch.testing.assert_close(minimise(b).point[1:2], minimise(b[1:2]).point)


def test_values_stay_below_the_first():
    """And below each other where the memory is zero."""
    A, b = normal(6, 8), normal(1, 6, seed=1)
    smooth, norm = LeastSquares(A, b), Norm(0.1)

    def value(max_iter, memory):
        solver = ProximalGradient(max_iter, tolerance=0.0, memory=memory)
        x = solver.minimise(
            smooth, norm, normal(1, 8, seed=2), ones(1), step=ones(1), search=True
        ).point
        return float(smooth.value(x) + norm.value(x))

    with_memory = [value(n, 0.8) for n in range(15)]
    without = [value(n, 0.0) for n in range(15)]
    assert max(with_memory) == with_memory[0]
    # Rounding of values that no longer change.
    assert all(b <= a + 1e-12 for a, b in zip(without, without[1:], strict=False))


def test_steps_are_never_longer_than_allowed():
    longest = 0.01
    taken = []

    class Watched(Nothing):
        def prox(self, x, step):
            taken.append(float(step.max()))
            return x

    ProximalGradient(max_iter=50).minimise(
        DoubleWell(),
        Watched(),
        normal(2, 3),
        ones(2),
        step=longest * ones(2),
        search=True,
        longest=longest,
    )
    assert max(taken) <= longest
