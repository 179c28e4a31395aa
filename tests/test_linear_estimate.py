"""Linear minimum-mean-square estimates and their units."""

import numpy as np
import pytest

from skhj.linear_estimate import (
    estimated_operator,
    literal,
    precondition,
    ridge_path,
    statistics_of,
    white_noise_level,
    wiener_estimate,
)
from skhj.linear_selection import choose_linear_estimate


def pairs(n=400, M=5, N=8, noise=0.3, seed=0):
    rng = np.random.RandomState(seed)
    A = rng.normal(size=(M, N))
    X = rng.normal(size=(n, N)) @ rng.normal(size=(N, N)) + rng.normal(size=N)
    return X @ A.T + noise * rng.normal(size=(n, M)), X, A


@pytest.fixture
def data():
    return pairs()


def test_wiener_estimate_is_the_conditional_mean_of_gaussians(data):
    """By brute force: the mode of the posterior, a linear system in x."""
    B, X, A = data
    estimate = wiener_estimate(statistics_of(B, X), A, 0.0)
    C = np.cov(X.T, bias=True)
    R = np.cov((B - X @ A.T).T, bias=True)
    precision = np.linalg.inv(C) + A.T @ np.linalg.inv(R) @ A
    right = (B - B.mean(0)) @ np.linalg.inv(R) @ A
    expected = X.mean(0) + np.linalg.solve(precision, right.T).T
    # The condition numbers of C and of A lose some digits.
    np.testing.assert_allclose(estimate(B), expected, atol=1e-8)


@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_ridge_is_that_of_scikit_learn(data, penalty):
    from sklearn.linear_model import Ridge

    B, X, _ = data
    (estimate,) = ridge_path(statistics_of(B, X), [penalty], scaled=False)
    alpha = penalty * len(B) * B.var(axis=0).mean()
    expected = Ridge(alpha=alpha).fit(B, X).predict(B)
    np.testing.assert_allclose(estimate(B), expected, atol=1e-8)


def test_scaled_ridge_does_not_see_the_units_of_the_data(data):
    B, X, _ = data
    units = np.array([1e-6, 1e-2, 1.0, 1e3, 1e6])
    (plain,) = ridge_path(statistics_of(B, X), [0.1], scaled=True)
    (scaled,) = ridge_path(statistics_of(units * B, X), [0.1], scaled=True)
    np.testing.assert_allclose(scaled(units * B), plain(B), atol=1e-8)


def test_estimated_operator_is_least_squares(data):
    B, X, _ = data
    A = estimated_operator(statistics_of(B, X), shrinkage=0.0)
    design = np.column_stack([X, np.ones(len(X))])
    expected = np.linalg.lstsq(design, B, rcond=None)[0][:-1].T
    np.testing.assert_allclose(A, expected, atol=1e-8)


@pytest.mark.parametrize("M", [2, 5, 12])
@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_preconditioned_operator_is_a_contraction_and_starts_from_the_estimate(
    M, shrinkage
):
    B, X, A = pairs(M=M)
    estimate = wiener_estimate(statistics_of(B, X), A, shrinkage)
    units = precondition(estimate, lambda models: models @ A.T, error=0.0)
    assert np.linalg.norm(units.matrix, 2) <= 1 + 1e-12
    start = (B - estimate.data_mean) @ units.start.T
    models = estimate.model_mean + start @ units.factor.T @ units.basis.T
    np.testing.assert_allclose(models, estimate(B), atol=1e-8)


@pytest.mark.parametrize("M", [2, 5, 12])
def test_steps_count_by_what_the_estimate_leaves(M):
    B, X, A = pairs(M=M)
    (ridge,) = ridge_path(statistics_of(B, X), [1e-9], scaled=True, shrinkage=0.0)
    A = estimated_operator(statistics_of(B, X), shrinkage=0.0)
    units = precondition(ridge, lambda models: models @ A.T, error=0.0)
    left = np.cov((X - ridge(B)).T, bias=True)
    # The root of an eigenvalue that is rounding.
    np.testing.assert_allclose(units.spread @ units.spread, left, atol=1e-7)


@pytest.mark.parametrize("whitened", [1.0, 0.25])
def test_sizes_of_units_are_powers_of_those_of_the_models(whitened):
    B, X, A = pairs()
    estimate = wiener_estimate(
        statistics_of(B, X * [1, 1, 1, 1, 1, 1, 1, 16.0]), A, 0.0
    )
    units = precondition(
        estimate, lambda models: models @ A.T, error=0.0, whitened=whitened
    )
    sizes = np.linalg.eigvalsh(units.factor)
    true = np.sqrt(np.linalg.eigvalsh(estimate.model_covariance))
    np.testing.assert_allclose(sizes / sizes[0], (true / true[0]) ** whitened)


def test_directions_that_hold_little_are_left_to_the_linear_estimate():
    rng = np.random.RandomState(0)
    spread = 0.9 ** np.arange(300)
    X = rng.normal(size=(1000, 300)) * spread
    A = rng.normal(size=(5, 300))
    estimate = wiener_estimate(statistics_of(X @ A.T, X), A, 1e-3)
    error = (spread**2).sum() / 2
    units = precondition(estimate, lambda models: models @ A.T, error)
    assert units.basis.shape[1] < 100
    identity = np.eye(units.basis.shape[1])
    np.testing.assert_allclose(units.basis.T @ units.basis, identity, atol=1e-10)
    left = X - X.mean(0) - (X - X.mean(0)) @ units.basis @ units.basis.T
    assert (left**2).sum(axis=1).mean() < 0.02 * error
    kept = precondition(estimate, lambda models: models @ A.T, error, keep_order=True)
    np.testing.assert_array_equal(kept.basis, np.eye(300))


def test_literal_units_start_from_the_adjoint(data):
    B, X, A = data
    estimate = wiener_estimate(statistics_of(B, X), A, 0.0)
    units = literal(estimate, lambda models: models @ A.T)
    np.testing.assert_allclose(np.linalg.norm(units.matrix, 2), 1.0)
    gain = A.T / np.linalg.norm(A, 2) ** 2
    np.testing.assert_allclose(units.gain, gain, atol=1e-12)


def test_level_of_white_noise_is_found_and_other_noise_is_not_taken_for_it():
    B, X, A = pairs(n=2000)
    rng = np.random.RandomState(1)
    clean, draws = X @ A.T, rng.normal(size=B.shape)
    # Ten thousand numbers: a standard error of 0.7 %.
    np.testing.assert_allclose(white_noise_level(B + 5, X, A), 0.3, rtol=0.03)
    assert white_noise_level(clean, X, A) is None
    assert white_noise_level(clean + draws * [1, 1, 1, 1, 2], X, A) is None
    assert white_noise_level(clean + draws[:, :1], X, A) is None
    assert white_noise_level(clean * (1 + 0.1 * draws), X, A) is None
    assert white_noise_level(B, X, 1.2 * A) is None


@pytest.mark.parametrize("n", [10, 30, 100])
def test_common_noise_is_not_taken_for_white_where_samples_are_few(n):
    B, X, A = pairs(n=n)
    common = np.random.RandomState(1).normal(size=(n, 1))
    assert white_noise_level(X @ A.T + common, X, A) is None


def test_constant_data_and_models_are_no_problem():
    B, X, A = pairs()
    B[:, 1], X[:, 2] = 3.0, -2.0
    for estimate in [
        wiener_estimate(statistics_of(B, X), A, 0.1),
        *ridge_path(statistics_of(B, X), [0.0, 1.0], scaled=True),
    ]:
        np.testing.assert_allclose(estimate(B)[:, 2], -2.0, atol=1e-8)
        units = precondition(estimate, lambda models: models @ A.T, error=1.0)
        assert all(np.isfinite(part).all() for part in units)


def test_choice_knows_the_operator_where_samples_are_few():
    B, X, A = pairs(n=1000, M=20, N=25)
    held_out = np.arange(30) < 6
    statistics = statistics_of(B[:30], X[:30])
    errors = []
    for operator in (A, None):
        choice = choose_linear_estimate(B[:30], X[:30], operator, held_out)
        errors.append(np.mean((choice.refit(statistics)(B[30:]) - X[30:]) ** 2))
    assert errors[0] < 0.9 * errors[1]


def test_choice_from_few_samples_does_not_hang_on_those_held_out():
    B, X, A = pairs(n=100)
    moved = np.roll(B, 25, axis=0), np.roll(X, 25, axis=0)
    held_out = np.arange(100) < 10
    choice = choose_linear_estimate(B, X, A, held_out)
    again = choose_linear_estimate(*moved, A, held_out)
    np.testing.assert_allclose(again.error, choice.error)


def test_choice_leaves_a_wrong_operator():
    B, X, A = pairs()
    held_out = np.arange(len(B)) < 40
    right = choose_linear_estimate(B, X, A, held_out)
    wrong = choose_linear_estimate(B, X, -3 * A, held_out)
    assert wrong.error <= 1.02 * right.error


def test_refit_on_the_same_samples_has_the_error_of_the_choice():
    B, X, A = pairs(n=2000)
    held_out = np.arange(len(B)) < 40
    for operator in (A, None):
        choice = choose_linear_estimate(B, X, operator, held_out)
        again = choice.refit(statistics_of(B[~held_out], X[~held_out]))
        error = np.mean(np.sum((again(B) - X)[held_out] ** 2, axis=1))
        np.testing.assert_allclose(error, choice.error)
