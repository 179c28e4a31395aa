"""Conjugates by Newton's method and by conjugate gradients."""

import pytest
import torch

from skhj.numerics.conjugate import NewtonConjugate, invert_by_conjugate_gradients


class Quadratic:
    """psi(x) = <x, A x> / 2, whose conjugate is <y, A^-1 y> / 2."""

    A = torch.tensor([[3.0, 1.0], [1.0, 0.5]], dtype=torch.float64)

    def value_and_gradient(self, X):
        return ((X @ self.A) * X).sum(1) / 2, X @ self.A

    def hessian(self, X):
        return self.A.expand(len(X), 2, 2)

    def conjugate(self, Y):
        return ((Y @ torch.linalg.inv(self.A)) * Y).sum(1) / 2


class Cosh:
    """psi(x) = sum cosh(x_j), whose conjugate is y asinh(y) - sqrt(1 + y^2)."""

    def value_and_gradient(self, X):
        return torch.cosh(X).sum(1), torch.sinh(X)

    def hessian(self, X):
        return torch.diag_embed(torch.cosh(X))

    def conjugate(self, Y):
        return (Y * torch.asinh(Y) - torch.sqrt(1 + Y**2)).sum(1)


class Huber:
    """A flat-sided potential, sqrt(1 + x^2): conjugate -sqrt(1 - y^2), |y| < 1."""

    def value_and_gradient(self, X):
        root = torch.sqrt(1 + X**2)
        return root.sum(1), X / root

    def hessian(self, X):
        return torch.diag_embed((1 + X**2) ** -1.5)

    def conjugate(self, Y):
        return -torch.sqrt(1 - Y**2).sum(1)


potentials = pytest.mark.parametrize("psi", [Quadratic(), Cosh(), Huber()])


@pytest.fixture
def Y():
    generator = torch.Generator().manual_seed(0)
    return 1.9 * torch.rand(40, 2, generator=generator, dtype=torch.float64) - 0.95


@potentials
@pytest.mark.parametrize("distance", [0.0, 5.0, 20.0])
def test_newton_reaches_the_conjugate_from_any_start(psi, Y, distance):
    solution = NewtonConjugate(tol=1e-9).solve(
        psi.value_and_gradient, psi.hessian, Y, Y + distance
    )
    assert (solution.residual <= 1e-9).all()
    torch.testing.assert_close(solution.value, psi.conjugate(Y), rtol=0, atol=1e-10)
    torch.testing.assert_close(
        psi.value_and_gradient(solution.point)[1], Y, rtol=0, atol=1e-9
    )


@potentials
def test_newton_leaves_its_inputs_alone_and_stops_at_a_solution(psi, Y):
    X = psi.value_and_gradient(Y)[1]
    start = Y.clone()
    solution = NewtonConjugate().solve(psi.value_and_gradient, psi.hessian, X, Y)
    assert solution.n_iter == 0
    assert torch.equal(Y, start)


@potentials
def test_anchor_keeps_near_the_start_and_gives_a_lower_bound(psi, Y):
    free, held, fixed = (
        NewtonConjugate().solve(
            psi.value_and_gradient, psi.hessian, Y, Y + 2, anchor=anchor
        )
        for anchor in (0.0, 1.0, 1e6)
    )
    assert (held.value <= free.value + 1e-12).all()
    assert ((held.point - Y - 2).norm(dim=1) <= (free.point - Y - 2).norm(dim=1)).all()
    # Held by 1e6, x moves by |y - grad psi| / 1e6.
    torch.testing.assert_close(fixed.point, Y + 2, rtol=0, atol=1e-4)


def test_anchor_keeps_a_point_outside_the_range_finite():
    psi, Y = Huber(), torch.tensor([[1.5, 0.0]], dtype=torch.float64)
    solution = NewtonConjugate(max_iter=100).solve(
        psi.value_and_gradient, psi.hessian, Y, Y, anchor=0.5
    )
    assert (solution.residual <= 1e-8).all()
    assert solution.point.abs().max() < 4


@potentials
def test_conjugate_gradients_agree_with_newton(psi, Y):
    solution = invert_by_conjugate_gradients(
        psi.value_and_gradient, Y, regularisation=0.0
    )
    # scipy's default tolerance on the gradient is 1e-5; values err by its square.
    torch.testing.assert_close(solution.value, psi.conjugate(Y), rtol=0, atol=1e-8)
    assert (solution.residual < 1e-4).all()


def test_a_majorant_keeps_the_solution():
    """Of Huber's potential the identity is one: its curvature is at most 1."""
    psi, Y = Huber(), torch.tensor([[0.5, -0.9]], dtype=torch.float64)
    solution = NewtonConjugate().solve(
        psi.value_and_gradient,
        psi.hessian,
        Y,
        Y + 20,
        majorant=lambda x: torch.eye(2, dtype=x.dtype).expand(len(x), 2, 2),
    )
    assert (solution.residual <= 1e-8).all()
    torch.testing.assert_close(solution.value, psi.conjugate(Y), rtol=0, atol=1e-10)
