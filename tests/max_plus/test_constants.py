"""The constants of a prior, on problems where they are known."""

import numpy as np
import pytest
from log_cosh import LogCosh

from skhj import hamilton_jacobi as hj
from skhj.datasets import make_value_samples
from skhj.max_plus.constants import prior_constants
from skhj.max_plus.maximum import maximum
from skhj.max_plus.pieces import pqm_pieces
from skhj.problems import L1, ConcaveQuadratic

times = pytest.mark.parametrize("t", [0.5, 1.0, 1.7])


@times
def test_alpha_of_l1_is_one_and_of_a_concave_quadratic_one_less_kappa_t(t):
    for problem, alpha in [(L1(), 1.0), (ConcaveQuadratic(0.4), 1 - 0.4 * t)]:
        X, S, gradient = make_value_samples(problem, 2000, 2, t=t, random_state=0)
        constants = prior_constants(X, S, gradient, t=t)
        np.testing.assert_allclose(constants.alpha.min(), alpha, rtol=0, atol=1e-12)
    np.testing.assert_allclose(constants.smoothness, alpha, rtol=0, atol=1e-12)


def test_alpha_of_a_smooth_prior_is_the_least_curvature():
    problem = LogCosh(2)
    X, S, gradient, _ = problem.samples(10_000, box=1.0)
    grid = np.linspace(-1, 1, 201)
    Y = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    exact = problem.least_curvature(Y).min()
    estimate = prior_constants(X, S, gradient, t=1.0).alpha.min()
    assert exact <= estimate <= exact + 0.02


@times
def test_alpha_is_the_largest_that_keeps_the_samples_exact(t):
    X, S, gradient, P = LogCosh(3).samples(1000, t=t)
    J = hj.prior_at_prox(X, P, S, t)
    alpha = prior_constants(X, S, gradient, t=t).alpha

    def worst(alpha):
        prior = maximum(pqm_pieces(X, S, gradient, t=t, alpha=alpha), P)
        return (prior.value - J).max()

    assert worst(alpha.min()) < 1e-12
    assert worst(alpha) < 1e-12  # one a piece
    assert worst(1.01 * alpha.min()) > 1e-8


def test_identical_samples_allow_any_alpha():
    X, S = np.ones((5, 2)), np.full(5, 3.0)
    constants = prior_constants(X, S, 0 * X, t=1.0)
    assert np.isfinite(constants.alpha).all()
    assert constants.alpha.min() >= 1
    assert constants.smoothness == np.inf
