"""HJPriorRegressor on weighted singular values, the largest first."""

import pickle

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj.problems import L1, NuclearNorm, SortedL1

T = 0.8


class Turned:
    """A norm in other axes and about another origin."""

    def __init__(self, problem, d, shift=1.0):
        self.R = np.linalg.qr(np.random.default_rng(0).normal(size=(d, d)))[0]
        self.problem, self.shift = problem, shift

    def prior(self, Y):
        return self.problem.prior((Y - self.shift) @ self.R)

    def prox(self, X, t):
        return self.problem.prox((X - self.shift) @ self.R, t) @ self.R.T + self.shift

    def value(self, X, t):
        return self.problem.value((X - self.shift) @ self.R, t)


def fitted(X, y, t=T, **options):
    options = {"network": "sorted", "random_state": 0} | options
    return HJPriorRegressor(t, **options).fit(X, y)


def points(n, d, seed=0):
    return np.random.default_rng(seed).uniform(-2, 6, (n, d))


@pytest.fixture(scope="module")
def sorted_l1():
    problem = Turned(SortedL1([2.0, 1.5, 0.5, 0.5]), 4)
    X = points(2000, 4)
    return problem, X, fitted(X, problem.value(X, T), network="auto")


def check_exact(est, problem, d):
    X = points(300, d, seed=1)
    P = problem.prox(X, T)
    # Steps end when the error is rounding, 1e-13 of values of size 10.
    np.testing.assert_allclose(est.predict(X), problem.value(X, T), atol=1e-10)
    np.testing.assert_allclose(est.prox(X), P, atol=1e-9)
    np.testing.assert_allclose(est.prior(P), problem.prior(P), atol=1e-9)
    # A convex prior: every time is exact.
    np.testing.assert_allclose(est.evolve(X, 0.3), problem.value(X, 0.3), atol=1e-9)


def test_sorted_l1_norm_is_found_exactly(sorted_l1):
    problem, _, est = sorted_l1
    assert est.network_ == "sorted"
    assert est.value_weights_ is None
    assert est.prior_method_ == "exact"
    check_exact(est, problem, 4)


@pytest.mark.parametrize(
    ("problem", "d"),
    [(L1(), 3), (NuclearNorm((2, 2)), 4), (NuclearNorm((2, 3)), 6)],
    ids=["l1", "nuclear norm, 2 x 2", "nuclear norm, 2 x 3"],
)
def test_norms_in_other_axes_are_found_exactly(problem, d):
    problem, X = Turned(problem, d), points(2000, d)
    check_exact(fitted(X, problem.value(X, T)), problem, d)


def test_weights_do_not_rise_in_noise():
    problem, X = L1(), points(1000, 3) - 2
    noise = 0.1 * np.random.default_rng(1).normal(size=1000)
    est = fitted(X, problem.value(X, T) + noise)
    weights = est.prior_weights_["weights"]
    assert (np.diff(weights) <= 0).all()
    assert weights.min() >= 0
    # About ten numbers from 900 samples: 0.01 of the variance of the noise.
    X = points(1000, 3, seed=1) - 2
    assert np.mean((est.predict(X) - problem.value(X, T)) ** 2) < 0.05 * 0.1**2


def test_derivative_of_the_prox_is_that_of_differences(sorted_l1):
    _, X, est = sorted_l1
    X, step = X[:100], 1e-6
    V = np.random.default_rng(0).normal(size=X.shape)
    derivative = est._loaded_model.prox_derivative(X, V, T)
    slope = (est.prox(X + step * V) - est.prox(X - step * V)) / (2 * step)
    # Where two coordinates become equal within a step.
    assert np.mean(np.abs(derivative - slope).max(axis=1) > 1e-6) < 0.03


def test_conjugates_meet_fenchel_and_young(sorted_l1):
    _, X, est = sorted_l1
    P = est.prox(X[:200])
    gap = est.potential(X[:200]) + est.conjugate(P) - (X[:200] * P).sum(axis=1)
    assert np.abs(gap).max() < 1e-9


def test_saved_models_answer_exactly_alike(sorted_l1):
    _, X, est = sorted_l1
    again = pickle.loads(pickle.dumps(est))
    for method in ("predict", "prox", "prior"):
        np.testing.assert_array_equal(
            getattr(again, method)(X), getattr(est, method)(X)
        )


def test_units_do_not_matter():
    problem, length, scale = Turned(SortedL1([1.0, 0.5, 0.2]), 3), 1e3, 1e-3
    X = points(1000, 3)
    est = fitted(length * X, scale * problem.value(X, T), t=T * length**2 / scale)
    answer = est.predict(length * X) / scale
    np.testing.assert_allclose(answer, problem.value(X, T), atol=1e-9)


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_a_constant_is_found_also_where_points_are_flat(scale):
    X = np.random.default_rng(0).normal(size=(20, 3)) * [1.0, 1.0, scale]
    # Steps end where a share of 1e-26 of the variance is left; there is none.
    np.testing.assert_allclose(fitted(X, np.full(20, 2.5)).predict(X), 2.5)


def test_proximal_points_are_left_to_other_kinds():
    X = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(ValueError, match="'sorted' with target='prox'"):
        fitted(X, X / 2, target="prox")
