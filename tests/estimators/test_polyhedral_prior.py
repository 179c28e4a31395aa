"""HJPriorRegressor on maxima of affine functions."""

import pickle

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj import hamilton_jacobi as hj

T = 0.8


class MaximumNorm:
    """J(y) = max_j |<r_j, y - b>|; x minus its prox is a projection on an l1 ball."""

    def __init__(self, d, shift=2.0):
        self.R = np.linalg.qr(np.random.default_rng(0).normal(size=(d, d)))[0]
        self.shift = shift

    def prior(self, Y):
        return np.abs((Y - self.shift) @ self.R).max(axis=1)

    def prox(self, X, t):
        Z = (X - self.shift) @ self.R
        sizes = -np.sort(-np.abs(Z), axis=1)
        excess = (np.cumsum(sizes, axis=1) - t) / np.arange(1, Z.shape[1] + 1)
        level = np.maximum(excess.max(axis=1), 0)[:, None]
        return np.clip(Z, -level, level) @ self.R.T + self.shift

    def value(self, X, t):
        P = self.prox(X, t)
        return self.prior(P) + hj.half_squared_norm(X - P) / t


def fitted(X, y, t=T, **options):
    options = {"network": "polyhedral", "random_state": 0} | options
    return HJPriorRegressor(t, **options).fit(X, y)


@pytest.fixture(scope="module")
def maximum_norm():
    problem = MaximumNorm(4)
    X = np.random.default_rng(0).uniform(-2, 6, (4000, 4))
    return problem, X, fitted(X, problem.value(X, T), network="auto")


def test_maximum_norm_is_found_exactly(maximum_norm):
    problem, _, est = maximum_norm
    X = np.random.default_rng(1).uniform(-2, 6, (500, 4))
    P = problem.prox(X, T)
    assert est.network_ == "polyhedral"
    assert est.value_weights_ is None
    assert est.prior_method_ == "exact"
    # Steps end when the error is rounding, 1e-13 of values of size 4.
    np.testing.assert_allclose(est.predict(X), problem.value(X, T), atol=1e-9)
    np.testing.assert_allclose(est.prox(X), P, atol=1e-6)
    np.testing.assert_allclose(est.prior(P), problem.prior(P), atol=1e-9)
    # A convex prior: every time is exact.
    np.testing.assert_allclose(est.evolve(X, 0.3), problem.value(X, 0.3), atol=1e-9)


def test_gradient_of_the_prior_is_the_slope_of_the_largest_function(maximum_norm):
    problem, _, est = maximum_norm
    Y = np.random.default_rng(2).uniform(-2, 6, (500, 4))
    Z = (Y - problem.shift) @ problem.R
    largest = np.abs(Z).argmax(axis=1)
    slopes = np.sign(Z[np.arange(500), largest])[:, None] * problem.R.T[largest]
    np.testing.assert_allclose(est.prior_gradient(Y), slopes, atol=1e-6)


def test_conjugates_meet_fenchel_and_young(maximum_norm):
    _, X, est = maximum_norm
    X = X[:200]
    P = est.prox(X)
    gap = est.potential(X) + est.conjugate(P) - (X * P).sum(axis=1)
    assert np.abs(gap).max() < 1e-9


def test_derivative_of_the_prox_is_a_projection_and_that_of_differences(maximum_norm):
    _, X, est = maximum_norm
    X, model = X[:100], est._loaded_model
    V, step = np.random.default_rng(0).normal(size=X.shape), 1e-6
    derivative = model.prox_derivative(X, V, T)
    ahead, behind = est.prox(X + step * V), est.prox(X - step * V)
    wrong = np.abs(derivative - (ahead - behind) / (2 * step)).max(axis=1) > 1e-4
    # Where another affine function becomes active within a step.
    assert wrong.mean() < 0.03
    again = model.prox_derivative(X, derivative, T)
    np.testing.assert_allclose(again, derivative, atol=1e-9)


def test_saved_models_answer_exactly_alike(maximum_norm):
    _, X, est = maximum_norm
    again = pickle.loads(pickle.dumps(est))
    for method in ("predict", "prox", "prior"):
        np.testing.assert_array_equal(
            getattr(again, method)(X), getattr(est, method)(X)
        )


def test_units_do_not_matter():
    problem, length, scale = MaximumNorm(3), 1e3, 1e-3
    X = np.random.default_rng(0).uniform(-2, 6, (2000, 3))
    est = fitted(length * X, scale * problem.value(X, T), t=T * length**2 / scale)
    answer = est.predict(length * X) / scale
    np.testing.assert_allclose(answer, problem.value(X, T), atol=1e-9)


def test_few_samples_of_a_constant_are_that_constant():
    X = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_allclose(fitted(X, np.full(20, 2.5)).predict(X), 2.5)


def test_proximal_points_are_left_to_other_kinds():
    X = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(ValueError, match="'polyhedral' with target='prox'"):
        fitted(X, X / 2, target="prox")
