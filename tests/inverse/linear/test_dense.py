"""Linear minimum-mean-square estimates."""

import numpy as np
import pytest
from linear_pairs import linear_pairs

from skhj.inverse.linear.dense import (
    estimated_operator,
    ridge_path,
    statistics_of,
    wiener_estimate,
)


@pytest.fixture
def data():
    return linear_pairs()


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


def test_constant_data_and_models_are_no_problem():
    B, X, A = linear_pairs()
    B[:, 1], X[:, 2] = 3.0, -2.0
    for estimate in [
        wiener_estimate(statistics_of(B, X), A, 0.1),
        *ridge_path(statistics_of(B, X), [0.0, 1.0], scaled=True),
    ]:
        np.testing.assert_allclose(estimate(B)[:, 2], -2.0, atol=1e-8)
