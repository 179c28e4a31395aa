"""The quadratic-over-linear minimisation against brute force."""

import numpy as np
import pytest
from scipy.optimize import minimize

from skhj.numerics.quadratic_over_linear import PairMoves


def objective(weights, a, b, c):
    mean = weights @ b
    return (mean**2).sum(-1) / (2 * weights @ a) + weights @ c


@pytest.mark.parametrize("m", [2, 3, 6])
def test_minimum_is_the_one_of_a_general_solver(m):
    rng = np.random.default_rng(m)
    n, d = 20, 2
    a, b, c = (
        rng.uniform(0.1, 2, m),
        rng.normal(size=(n, m, d)),
        rng.normal(size=(n, m)),
    )
    minima = PairMoves().minimize(a, b, c).value
    for i in range(n):
        solution = minimize(
            objective,
            np.full(m, 1 / m),
            args=(a, b[i], c[i]),
            method="SLSQP",
            bounds=[(0, 1)] * m,
            constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
            options={"ftol": 1e-14, "maxiter": 500},
        )
        # SLSQP differentiates numerically: its minimum is good to about 1e-8.
        np.testing.assert_allclose(minima[i], solution.fun, rtol=0, atol=1e-7)


def test_single_point_is_its_own_minimum():
    minimum = PairMoves().minimize(
        np.array([2.0]), np.array([[[3.0, 4.0]]]), np.array([[1.5]])
    )
    np.testing.assert_allclose(minimum.value, 25 / 4 + 1.5)
    assert minimum.converged.all()


def test_too_few_moves_leave_some_problems_unsolved_and_above_their_minima():
    rng = np.random.default_rng(0)
    problem = np.ones(5), rng.normal(size=(3, 5, 4)), 0.01 * rng.normal(size=(3, 5))
    # The last needs no move: it has its minimum at a vertex.
    problem[1][2], problem[2][2] = 0, [0, 1, 1, 1, 1]
    rough, exact = (
        PairMoves(max_iter=1).minimize(*problem),
        PairMoves().minimize(*problem),
    )
    assert rough.converged.tolist() == [False, False, True]
    assert exact.converged.all()
    assert (rough.value[:2] > exact.value[:2]).all()
