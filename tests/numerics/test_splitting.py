"""Alternating directions minimise a quadratic beside functions given by their prox."""

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear

from skhj.numerics.splitting import AlternatingDirections


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


A, B = normal(20, 6), normal(4, 20, seed=1)


def minimise(proxes, rho, b=B):
    def solve(total, _, rho):
        damping = (rho * len(proxes))[:, None, None] * torch.eye(6).double()
        target = b @ A + rho[:, None] * total
        return torch.linalg.solve(A.T @ A + damping, target)

    return AlternatingDirections(tolerance=1e-10).minimise(
        solve,
        proxes,
        torch.zeros(len(b), 6).double(),
        torch.ones(len(b)).double(),
        penalty=torch.full((len(b),), rho).double(),
        largest=1e3,
    )


@pytest.mark.parametrize("rho", [1.0, 30.0])
def test_a_box_gives_bounded_least_squares(rho):
    found = minimise([lambda x, time: x.clamp(0, 0.1)], rho)
    exact = np.stack(
        [lsq_linear(A.numpy(), b.numpy(), (0, 0.1), tol=1e-14).x for b in B]
    )
    # What lsq_linear itself leaves.
    torch.testing.assert_close(found.point, torch.from_numpy(exact), atol=1e-7, rtol=0)
    assert found.point.min() >= 0


def test_two_functions_at_once():
    """A box and half a squared norm: bounded least squares with a ridge."""
    found = minimise(
        [lambda x, time: x / (1 + time[:, None]), lambda x, time: x.clamp(0, 0.1)], 5.0
    )
    rows = torch.cat([A, torch.eye(6).double()]).numpy()
    exact = np.stack(
        [lsq_linear(rows, [*b.tolist(), *[0] * 6], (0, 0.1), tol=1e-14).x for b in B]
    )
    torch.testing.assert_close(found.point, torch.from_numpy(exact), atol=1e-7, rtol=0)


def test_rows_are_left_when_they_are_solved():
    found = minimise([lambda x, time: x.clamp(0, 0.1)], 5.0)
    alone = minimise([lambda x, time: x.clamp(0, 0.1)], 5.0, B[2:3])
    assert len(found.n_iter.unique()) > 1
    assert found.n_iter[2] == alone.n_iter[0]


def test_the_penalty_is_raised_where_a_function_is_concave():
    """Half A^T A - c, c near its smallest eigenvalue: a minimum, but no convex g."""
    concave = 0.9 * float(torch.linalg.eigvalsh(A.T @ A)[0])
    found = minimise([lambda x, time: x / (1 - concave * time[:, None])], 1.1 * concave)
    hessian = A.T @ A - concave * torch.eye(6).double()
    assert (found.residual <= 1e-10).all()
    torch.testing.assert_close(
        found.point, torch.linalg.solve(hessian, B @ A, left=False)
    )


def test_rows_without_a_minimum_are_given_up():
    concave = 2 * float(torch.linalg.eigvalsh(A.T @ A)[-1])
    found = minimise([lambda x, time: x / (1 - concave * time[:, None])], 3 * concave)
    assert (found.residual >= 1e8).all()
    assert found.point.isfinite().all()
