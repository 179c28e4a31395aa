"""The smallest of the largest of quadratics against other solvers and the theory."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skhj.numerics.smallest_maximum import SmallestMaximum


def problems(m, d, n=20, seed=0, *, same_curvature=False):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(m, d, d))
    A = roots @ roots.transpose(0, 2, 1) / d + 0.1 * np.eye(d)
    if same_curvature:
        A = rng.uniform(0.1, 2, m)
    return A, rng.normal(size=(n, m, d)), rng.normal(size=(n, m))


def quadratics(A, b, c, z):
    """Values of the quadratics of one problem, shape (m,)."""
    A = A[:, None, None] * np.eye(len(z)) if A.ndim == 1 else A
    return np.einsum("d,mde,e->m", z, A, z) / 2 + b @ z + c


@pytest.mark.parametrize("same_curvature", [False, True])
@pytest.mark.parametrize(("m", "d"), [(1, 3), (2, 1), (3, 2), (6, 4), (10, 3)])
def test_value_is_attained_and_no_smaller_one_is_possible(m, d, same_curvature):
    """The largest at the point, and by duality what their average has at least."""
    A, b, c = problems(m, d, same_curvature=same_curvature)
    minimum = SmallestMaximum().minimize(A, b, c)
    assert minimum.converged.all()
    np.testing.assert_allclose(minimum.weights.sum(axis=1), 1.0, atol=1e-13)
    assert (minimum.weights >= 0).all()
    for i in range(len(c)):
        at_point = quadratics(A, b[i], c[i], minimum.point[i])
        # Roundings of terms of size 10.
        np.testing.assert_allclose(minimum.value[i], at_point.max(), atol=1e-13)
        weights = minimum.weights[i]
        mean = np.tensordot(weights, A, axes=1) * np.eye(d) if A.ndim == 1 else (
            np.tensordot(weights, A, axes=1)
        )  # fmt: skip
        slope = weights @ b[i]
        bound = weights @ c[i] - slope @ np.linalg.solve(mean, slope) / 2
        # The solver's tolerance, 1e-13 of the terms' size.
        assert minimum.value[i] <= bound + 1e-11


def test_minimum_is_the_one_of_a_general_solver():
    A, b, c = problems(4, 3)
    minimum = SmallestMaximum().minimize(A, b, c)
    for i in range(len(c)):
        solution = minimize(
            lambda zs: zs[-1],
            np.append(np.zeros(3), 10.0),
            method="SLSQP",
            constraints={
                "type": "ineq",
                "fun": lambda zs, i=i: zs[-1] - quadratics(A, b[i], c[i], zs[:-1]),
            },
            options={"ftol": 1e-14, "maxiter": 500},
        )
        # SLSQP differentiates numerically: its minimum is good to about 1e-8.
        np.testing.assert_allclose(minimum.value[i], solution.fun, rtol=0, atol=1e-7)


def test_multiples_of_the_identity_are_what_their_matrices_are():
    a, b, c = problems(5, 3, same_curvature=True)
    A = a[:, None, None] * np.eye(3)
    solver = SmallestMaximum()
    numbers, matrices = solver.minimize(a, b, c), solver.minimize(A, b, c)
    np.testing.assert_allclose(numbers.value, matrices.value, rtol=0, atol=1e-12)
    # A tolerance of 1e-13 in the value is its root in the point.
    np.testing.assert_allclose(numbers.point, matrices.point, rtol=0, atol=1e-6)


def test_equal_quadratics_share_their_minimum():
    A, b, c = problems(1, 2)
    twice = [np.concatenate([A, A]), *(np.repeat(part, 2, axis=1) for part in (b, c))]
    solver = SmallestMaximum()
    np.testing.assert_allclose(
        solver.minimize(*twice).value, solver.minimize(A, b, c).value, atol=1e-12
    )


@pytest.mark.parametrize("same_curvature", [False, True])
def test_derivative_is_that_of_the_point(same_curvature):
    A, b, c = problems(5, 3, n=200, same_curvature=same_curvature)
    solver, step = SmallestMaximum(tol=1e-15), 1e-6
    V = np.random.default_rng(1).normal(size=(200, 3))
    minimum = solver.minimize(A, b, c)
    ahead, behind = (
        solver.minimize(A, b - sign * step * V[:, None, :], c).point for sign in (1, -1)
    )
    differences = (ahead - behind) / (2 * step)
    derivative = solver.derivative(A, minimum, V)
    # Points are good to 1e-8, and a few problems change their pieces within a step.
    wrong = np.abs(derivative - differences).max(axis=1) > 1e-3
    assert wrong.mean() < 0.02
    assert (np.count_nonzero(minimum.weights, axis=1) > 1).mean() > 0.5


def test_too_few_steps_leave_some_problems_unsolved_and_above_their_minima():
    A, b, c = problems(5, 4, n=50)
    rough, exact = (SmallestMaximum(max_iter=n).minimize(A, b, c) for n in (1, 50))
    assert exact.converged.all()
    assert not rough.converged.all()
    assert (rough.value >= exact.value - 1e-11).all()


def test_no_problems_have_no_minima():
    A, b, c = problems(3, 2)
    assert SmallestMaximum().minimize(A, b[:0], c[:0]).point.shape == (0, 2)
