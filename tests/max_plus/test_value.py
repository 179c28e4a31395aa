"""The value function of a max-plus prior against brute force and exact identities."""

import numpy as np
import pytest
from log_cosh import LogCosh
from scipy.optimize import linprog, minimize

from skhj import hamilton_jacobi as hj
from skhj.datasets import make_value_samples
from skhj.max_plus.active_set import ActiveSetStep
from skhj.max_plus.candidates import CandidateSearch
from skhj.max_plus.constants import prior_constants
from skhj.max_plus.maximum import ScorePass, maximum
from skhj.max_plus.pieces import pam_pieces, pqm_pieces
from skhj.max_plus.value import ValueSolver
from skhj.problems import L1, MinPlus, NegativeL1

times = pytest.mark.parametrize("t", [0.5, 1.0, 1.7])
PROBLEM = LogCosh(3)
ALPHAS = {"uniform": 0.3, "local": np.linspace(0.05, 0.3, 300), "small": 1e-3}
alphas = pytest.mark.parametrize("alpha", ALPHAS.values(), ids=ALPHAS)


@alphas
@times
def test_exact_at_every_sample(alpha, t):
    X, S, gradient, P = PROBLEM.samples(300, t=t)
    result = ValueSolver().solve(pqm_pieces(X, S, gradient, t=t, alpha=alpha), X, t)
    np.testing.assert_allclose(result.value, S, rtol=0, atol=1e-10)
    np.testing.assert_allclose(result.prox, P, rtol=1e-8, atol=1e-8)


@alphas
@pytest.mark.parametrize("fraction", [0.3, 1.0])
def test_prox_attains_the_value_within_the_gap(alpha, fraction):
    X, S, gradient, _ = PROBLEM.samples(300)
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=alpha)
    Q = np.random.default_rng(2).uniform(-5, 5, size=(400, 3))
    result = ValueSolver().solve(pieces, Q, fraction)
    J = maximum(pieces, result.prox).value
    attained = J + hj.half_squared_norm(Q - result.prox) / fraction
    # Outside the hull y is as far as |dx| / alpha, and J of the size of |y|^2.
    size = np.ptp(S) + hj.half_squared_norm(result.prox).max()
    assert (attained >= result.value - 1e-15 * size).all()
    assert (attained <= result.value + result.gap + 1e-15 * size).all()
    assert result.gap.max() < 1e-10 * size


@times
def test_value_is_the_brute_force_minimum(t):
    problem = LogCosh(1)
    X, S, gradient, _ = problem.samples(40, t=t)
    grid = np.linspace(-15, 15, 300_001)
    Q = np.linspace(-3, 3, 31)
    for alpha in (0.3, np.linspace(0.05, 0.3, 40)):
        pieces = pqm_pieces(X, S, gradient, t=t, alpha=alpha)
        J = maximum(pieces, grid[:, None]).value
        for time in (0.4 * t, t):
            brute = np.array([(J + (q - grid) ** 2 / (2 * time)).min() for q in Q])
            value = ValueSolver().solve(pieces, Q[:, None], time).value
            # Kinks of slope below 10, missed by at most half a step of 1e-4.
            np.testing.assert_allclose(value, brute, rtol=0, atol=5e-4)
            assert (value <= brute + 1e-10).all()


@pytest.mark.parametrize("alpha", [0.3, np.linspace(0.05, 0.3, 30)])
def test_value_is_that_of_a_general_solver(alpha):
    X, S, gradient, _ = PROBLEM.samples(30)
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=alpha)
    Q = np.random.default_rng(3).uniform(-3, 3, size=(10, 3))
    result = ValueSolver().solve(pieces, Q, 1.0)
    for q, value, y in zip(Q, result.value, result.prox, strict=True):
        # Epigraph form: minimise s with every piece + |q - y|^2 / 2 <= s.
        def slack(z, q=q):
            return z[3] - pieces.at(z[:3]) - hj.half_squared_norm(q - z[:3])

        start = np.append(y + 0.3, 100.0)
        solution = minimize(
            lambda z: z[3],
            start,
            constraints={"type": "ineq", "fun": slack},
            options={"ftol": 1e-12, "maxiter": 500},
        )
        np.testing.assert_allclose(solution.fun, value, atol=1e-7)


def test_pam_is_the_convex_envelope_of_the_samples():
    """psi_PAM(x) = min over lambda of sum lambda_k psi_k with sum lambda_k x_k = x."""
    X, S, *_ = PROBLEM.samples(60)
    psi = hj.potential_from_value(X, S, 1.0)
    weights = np.random.default_rng(4).dirichlet(np.ones(60), size=15)
    Q = weights @ X
    value = ValueSolver().solve(pam_pieces(X, S, t=1.0), Q, 1.0).value
    for q, S_pam in zip(Q, value, strict=True):
        envelope = linprog(
            psi, A_eq=np.vstack([X.T, np.ones(60)]), b_eq=np.append(q, 1)
        ).fun
        # The solver's least alpha, 1e-7, times half of |y - q|^2 < 20.
        np.testing.assert_allclose(
            hj.potential_from_value(q, S_pam, 1.0), envelope, atol=2e-6
        )


@times
def test_a_lower_bound_that_grows_with_alpha(t):
    X, S, gradient, _ = PROBLEM.samples(500, t=t)
    Q, S_fresh, *_ = PROBLEM.samples(200, t=t, seed=1)
    low, high = (
        ValueSolver().solve(pqm_pieces(X, S, gradient, t=t, alpha=alpha), Q, t).value
        for alpha in (0.1, PROBLEM.alpha)
    )
    assert (low <= high + 1e-9).all()
    assert (high <= S_fresh + 1e-9).all()


@pytest.mark.parametrize(
    "problem",
    [L1(), NegativeL1(), MinPlus(np.eye(2), [0.5, 2.0])],
    ids=["l1", "negative l1", "min-plus"],
)
def test_kinks_and_coincident_prox_points_are_no_obstacle(problem):
    X = np.random.default_rng(0).uniform(-4, 4, size=(400, 2))
    S, P = problem.value(X, 1.0), problem.prox(X, 1.0)
    pieces = pqm_pieces(X, S, X - P, t=1.0, alpha=1e-3)
    result = ValueSolver().solve(pieces, X, 1.0)
    np.testing.assert_allclose(result.value, S, rtol=0, atol=1e-10)
    np.testing.assert_allclose(result.prox, P, rtol=1e-8, atol=1e-8)


def test_pieces_that_are_one_quadratic_leave_the_prox_exact():
    """In a well every piece of its own curvature is the whole well."""
    X, S, gradient = make_value_samples(
        MinPlus([[1.0], [-1.0]]), 500, 1, random_state=0
    )
    alpha = prior_constants(X, S, gradient, t=1.0).alpha
    result = ValueSolver().solve(pqm_pieces(X, S, gradient, t=1.0, alpha=alpha), X, 1.0)
    np.testing.assert_allclose(result.value, S, rtol=0, atol=1e-10)
    P = hj.prox_from_gradient(X, gradient, 1.0)
    np.testing.assert_allclose(result.prox, P, rtol=1e-8, atol=1e-8)


def test_duplicated_pieces_change_nothing():
    X, S, gradient, _ = PROBLEM.samples(100)
    Q = np.random.default_rng(5).uniform(-4, 4, size=(100, 3))
    once = ValueSolver().solve(pqm_pieces(X, S, gradient, t=1.0, alpha=0.2), Q, 1.0)
    X, S, gradient = (np.concatenate([a, a, a[:50]]) for a in (X, S, gradient))
    twice = ValueSolver().solve(pqm_pieces(X, S, gradient, t=1.0, alpha=0.2), Q, 1.0)
    np.testing.assert_allclose(once.value, twice.value, atol=1e-9)


def test_too_few_rounds_are_told_and_report_their_gap():
    X, S, gradient, _ = LogCosh(16).samples(3000)
    Q = LogCosh(16).samples(50, seed=1)[0]
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=0.01)
    solver = ValueSolver(max_rounds=1)
    rough, exact = solver.solve(pieces, Q, 1.0), ValueSolver().solve(pieces, Q, 1.0)
    assert (exact.value - rough.value <= rough.gap + 1e-9).all()
    assert rough.gap.max() > exact.gap.max()
    assert not rough.converged.all()
    n_open = (~rough.converged).sum()
    told = f"{n_open} of 50 queries of the value function did not reach tol=1e-10 in 1 "
    assert solver.unsolved(rough, pieces, 1.0).startswith(told)
    assert exact.converged.all()
    assert ValueSolver().unsolved(exact, pieces, 1.0) == ""


@pytest.mark.parametrize("alpha", [0.3, np.linspace(0.05, 0.3, 500)])
def test_sizes_of_blocks_and_batches_do_not_change_the_solution(alpha):
    X, S, gradient, _ = PROBLEM.samples(500)
    Q = np.random.default_rng(6).uniform(-4, 4, size=(120, 3))
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=alpha)
    small = ValueSolver(
        search=CandidateSearch(n_winners=3, scores=ScorePass(n_scores=7, n_queries=50)),
        step=ActiveSetStep(batch=5, least_batch=3),
    )
    # Both are within their gap, 1e-10 of values of size 100.
    np.testing.assert_allclose(
        small.solve(pieces, Q, 1.0).value,
        ValueSolver().solve(pieces, Q, 1.0).value,
        rtol=0,
        atol=1e-8,
    )
