"""The constants and the verdict, on problems where both are known."""

import numpy as np
import pytest
from log_cosh import LogCosh

from skhj import hamilton_jacobi as hj
from skhj.datasets import make_value_samples
from skhj.max_plus.constants import prior_constants
from skhj.max_plus.reachability import (
    compare_with_envelope,
    measure_reachability,
    project_reachable,
)
from skhj.problems import L1, MinPlus, NegativeL1

times = pytest.mark.parametrize("t", [0.5, 1.0, 1.7])


@times
@pytest.mark.parametrize(
    "problem",
    [L1(), NegativeL1(), MinPlus([[1.0, 0], [0, 1]])],
    ids=["l1", "negative l1", "min-plus"],
)
def test_value_functions_are_reachable_until_their_time(problem, t):
    X, S, gradient = make_value_samples(problem, 500, 2, t=t, random_state=0)
    now = measure_reachability(X, S, gradient, t=t)
    assert now.reachable
    assert now.largest_t >= t * (1 - 1e-9)
    assert measure_reachability(X, S, gradient, t=0.99 * now.largest_t).reachable
    if np.isfinite(now.largest_t):
        later = measure_reachability(X, S, gradient, t=1.01 * now.largest_t)
        assert later.verdict == "not reachable"
        i, j = later.pair
        bound = S[i] + gradient[i] @ (X[j] - X[i])
        bound += hj.half_squared_norm(X[j] - X[i]) / (1.01 * now.largest_t)
        np.testing.assert_allclose(later.worst_violation, S[j] - bound, atol=1e-12)


def test_largest_time_is_known_for_a_parabola():
    """S = c |x|^2 / 2 is a value function until t = 1 / c."""
    X = np.random.default_rng(0).uniform(-1, 1, size=(300, 3))
    result = measure_reachability(X, X_squared(X), 4 * X, t=0.2)
    np.testing.assert_allclose(result.largest_t, 0.25, rtol=1e-9)
    assert result.reachable
    assert not measure_reachability(X, X_squared(X), 4 * X, t=0.3).reachable


def X_squared(X):
    return 4 * hj.half_squared_norm(X)


def test_values_alone_prove_failure_and_never_success():
    X = np.random.default_rng(0).uniform(-1, 1, size=(300, 2))
    fine, unsolved = compare_with_envelope(X, X_squared(X), t=0.2)
    assert (fine.reachable, fine.verdict) == (True, "no evidence against")
    assert unsolved == ""
    failed, _ = compare_with_envelope(X, X_squared(X), t=0.3)
    assert failed.verdict == "not reachable"
    assert failed.worst_violation > 0
    assert np.isnan(failed.largest_t)


def test_coincident_points_with_different_values_are_caught():
    X = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    S = np.array([1.0, 1.5, 0.0])
    result = measure_reachability(X, S, 0 * X, t=1.0)
    assert not result.reachable
    assert result.pair == (0, 1)
    np.testing.assert_allclose(result.worst_violation, 0.5, rtol=1e-12)
    assert prior_constants(X, S, 0 * X, t=1.0).alpha.min() < 0


def test_an_allowance_for_noise_restores_the_verdict():
    X, S, gradient, _ = LogCosh(2).samples(500)
    noisy = S + np.random.default_rng(0).uniform(-0.01, 0.01, size=500)
    assert not measure_reachability(X, noisy, gradient, t=1.0).reachable
    assert measure_reachability(X, noisy, gradient, t=1.0, allowance=0.02).reachable


def test_projection_is_reachable_and_leaves_the_reachable_alone():
    X, S, gradient, _ = LogCosh(2).samples(500)
    kept = project_reachable(X, S, gradient, t=1.0)
    np.testing.assert_allclose(kept[0], S, rtol=0, atol=1e-12)
    np.testing.assert_allclose(kept[1], gradient, rtol=0, atol=1e-12)
    noisy = S + 0.1 * np.random.default_rng(0).standard_normal(500)
    value, slope = project_reachable(X, noisy, gradient, t=1.0)
    assert measure_reachability(X, value, slope, t=1.0).reachable
    assert (value <= noisy).all()
