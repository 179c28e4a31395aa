"""Units of networks: the operator in them, their start and their sizes."""

import numpy as np
import pytest
from linear_pairs import linear_pairs

from skhj.inverse.linear.dense import (
    estimated_operator,
    ridge_path,
    statistics_of,
    wiener_estimate,
)
from skhj.inverse.preconditioner import Preconditioning, literal


def precondition(estimate, A, error, *, exponent=1.0, **options):
    preconditioning = Preconditioning(exponents=(exponent,))
    (units,) = preconditioning.preconditioners(
        estimate, lambda x: x @ A.T, error, **options
    )
    return units


@pytest.mark.parametrize("M", [2, 5, 12])
@pytest.mark.parametrize("exponent", [1.0, 0.25])
@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_preconditioned_operator_is_a_contraction_and_starts_from_the_estimate(
    M, shrinkage, exponent
):
    B, X, A = linear_pairs(M=M)
    estimate = wiener_estimate(statistics_of(B, X), A, shrinkage)
    units = precondition(estimate, A, error=0.0, exponent=exponent)
    assert np.linalg.norm(units.matrix, 2) <= 1 + 1e-12
    expected = units.whitening @ A @ units.basis @ units.factor
    np.testing.assert_allclose(units.matrix, expected, atol=1e-8)
    start = (B - estimate.data_mean) @ units.start.T
    models = estimate.model_mean + start @ units.factor.T @ units.basis.T
    np.testing.assert_allclose(models, estimate(B), atol=1e-8)


@pytest.mark.parametrize("M", [2, 5, 12])
def test_steps_count_by_what_the_estimate_leaves(M):
    B, X, A = linear_pairs(M=M)
    (ridge,) = ridge_path(statistics_of(B, X), [1e-9], scaled=True, shrinkage=0.0)
    A = estimated_operator(statistics_of(B, X), shrinkage=0.0)
    units = precondition(ridge, A, error=0.0)
    left = np.cov((X - ridge(B)).T, bias=True)
    # The root of an eigenvalue that is rounding.
    np.testing.assert_allclose(units.spread @ units.spread, left, atol=1e-7)


@pytest.mark.parametrize("exponent", [1.0, 0.25])
def test_sizes_of_units_are_powers_of_those_of_the_models(exponent):
    B, X, A = linear_pairs()
    estimate = wiener_estimate(
        statistics_of(B, X * [1, 1, 1, 1, 1, 1, 1, 16.0]), A, 0.0
    )
    units = precondition(estimate, A, error=0.0, exponent=exponent)
    sizes = np.linalg.eigvalsh(units.factor)
    true = np.sqrt(np.linalg.eigvalsh(estimate.model_covariance))
    np.testing.assert_allclose(sizes / sizes[0], (true / true[0]) ** exponent)


def test_directions_that_hold_little_are_left_to_the_linear_estimate():
    rng = np.random.RandomState(0)
    spread = 0.9 ** np.arange(300)
    X = rng.normal(size=(1000, 300)) * spread
    A = rng.normal(size=(5, 300))
    estimate = wiener_estimate(statistics_of(X @ A.T, X), A, 1e-3)
    error = (spread**2).sum() / 2
    units = precondition(estimate, A, error)
    assert units.basis.shape[1] < 100
    identity = np.eye(units.basis.shape[1])
    np.testing.assert_allclose(units.basis.T @ units.basis, identity, atol=1e-10)
    left = X - X.mean(0) - (X - X.mean(0)) @ units.basis @ units.basis.T
    assert (left**2).sum(axis=1).mean() < 0.02 * error
    kept = precondition(estimate, A, error, keep_order=True)
    np.testing.assert_array_equal(kept.basis, np.eye(300))


def test_literal_units_start_from_the_adjoint():
    A = linear_pairs()[2]
    units = literal(lambda models: models @ A.T, A.shape[1], 3.0)
    np.testing.assert_allclose(np.linalg.norm(units.matrix, 2), 1.0)
    gain = A.T / np.linalg.norm(A, 2) ** 2
    np.testing.assert_allclose(units.gain, gain, atol=1e-12)


def test_units_of_constant_data_and_models_are_finite():
    B, X, A = linear_pairs()
    B[:, 1], X[:, 2] = 3.0, -2.0
    for estimate in [
        wiener_estimate(statistics_of(B, X), A, 0.1),
        *ridge_path(statistics_of(B, X), [0.0, 1.0], scaled=True),
    ]:
        units = precondition(estimate, A, error=1.0)
        assert all(np.isfinite(part).all() for part in units)


def test_units_of_several_exponents_are_those_of_each():
    B, X, A = linear_pairs()
    estimate = wiener_estimate(statistics_of(B, X), A, 0.1)
    together = Preconditioning().preconditioners(estimate, lambda x: x @ A.T, error=0.0)
    for exponent, units in zip((1.0, 0.25), together, strict=True):
        alone = precondition(estimate, A, error=0.0, exponent=exponent)
        for part, expected in zip(units, alone, strict=True):
            np.testing.assert_array_equal(part, expected)


def test_one_unknown_has_one_size():
    B, X, A = linear_pairs(N=1)
    estimate = wiener_estimate(statistics_of(B, X), A, 0.1)
    assert (
        len(Preconditioning().preconditioners(estimate, lambda x: x @ A.T, error=0.0))
        == 1
    )
