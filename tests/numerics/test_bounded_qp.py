"""Quadratics above lower bounds: optimality, and scipy's non-negative least squares."""

import numpy as np
import pytest
from scipy.optimize import nnls

from skhj.numerics.bounded_qp import PrincipalPivoting


def problem(seed, n=60, p=25):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, p)) * rng.uniform(0.01, 100, size=p)
    b = rng.normal(size=n)
    return A, b


@pytest.mark.parametrize("seed", range(5))
def test_zero_bounds_are_non_negative_least_squares(seed):
    A, b = problem(seed)
    x, passive = PrincipalPivoting().minimize(A.T @ A, A.T @ b, np.zeros(25))
    expected, _ = nnls(A, b)
    # Condition numbers of A^T A near 10 after scaling.
    np.testing.assert_allclose(x, expected, rtol=1e-9, atol=1e-12 * expected.max())
    np.testing.assert_array_equal(passive, expected > 0)


@pytest.mark.parametrize("seed", range(5))
def test_solution_is_stationary_above_bounds_and_pushed_down_at_them(seed):
    A, b = problem(seed)
    lower = -np.random.default_rng(seed).uniform(0, 0.01, size=25)
    lower[:3] = -np.inf
    x, passive = PrincipalPivoting().minimize(A.T @ A, A.T @ b, lower)
    unit = np.sqrt((A * A).sum(0))
    slope = (A.T @ (A @ x - b)) / unit
    assert (x >= lower).all()
    # |b| is about 8, and slopes are of that order at zero.
    np.testing.assert_allclose(slope[passive], 0, atol=1e-9)
    assert (slope[~passive] >= -1e-9).all()
    assert passive[:3].all()
    np.testing.assert_allclose(x[~passive], lower[~passive], rtol=1e-15)


def test_without_active_bounds_it_solves_the_linear_system():
    A, b = problem(0)
    x, passive = PrincipalPivoting().minimize(A.T @ A, A.T @ b, np.full(25, -np.inf))
    assert passive.all()
    np.testing.assert_allclose(A.T @ (A @ x), A.T @ b, rtol=1e-9, atol=1e-9)


def test_a_first_guess_changes_the_work_and_not_the_answer():
    A, b = problem(1)
    G, h = A.T @ A, A.T @ b
    x, passive = PrincipalPivoting().minimize(G, h, np.zeros(25))
    for guess in (passive, ~passive, np.zeros(25, dtype=bool)):
        again, _ = PrincipalPivoting().minimize(G, h, np.zeros(25), guess)
        np.testing.assert_allclose(again, x, rtol=1e-12, atol=0)


def test_variables_without_effect_stay_at_zero():
    G = np.diag([1.0, 0.0])
    x, _ = PrincipalPivoting().minimize(G, np.array([1.0, 0.0]), np.full(2, -np.inf))
    # Rounding that the solver adds to the diagonal.
    np.testing.assert_allclose(x, [1.0, 0.0], rtol=1e-13)


def test_identical_columns_share_what_one_would_have():
    A, b = problem(2)
    A = np.column_stack([A, A[:, :5]])
    x, _ = PrincipalPivoting().minimize(A.T @ A, A.T @ b, np.zeros(30))
    expected, _ = nnls(A, b)
    np.testing.assert_allclose(A @ x, A @ expected, rtol=0, atol=1e-6)


def test_a_spent_budget_leaves_a_feasible_point_no_worse_than_zero():
    A, b = problem(3)
    G, h = A.T @ A, A.T @ b
    x, _ = PrincipalPivoting(max_iter=1).minimize(
        G, h, np.zeros(25), np.zeros(25, dtype=bool)
    )
    assert (x >= 0).all()
    assert x @ G @ x / 2 - h @ x <= 0
