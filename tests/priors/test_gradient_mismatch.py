"""Gradients in other units than the values: told, and never where there are none."""

import numpy as np
import pytest

from skhj.priors.gradient_mismatch import GradientTest
from skhj.priors.samples import Samples
from skhj.priors.solved import Solved
from skhj.problems import L1, NegativeL1


class Flat:
    """A model that has learned nothing."""

    def value(self, X):
        return Solved(np.zeros(len(X)), np.zeros_like(X), np.ones(len(X), dtype=bool))


class Exact(Flat):
    def value(self, X):
        return Solved(quadratic(X), X @ CURVATURE, np.ones(len(X), dtype=bool))


CURVATURE = np.array([[0.7, 0.2], [0.2, -0.5]])


def quadratic(X):
    return ((X @ CURVATURE) * X).sum(axis=1) / 2


def given(X, y, gradient):
    return Samples(X, y, gradient, 0.5, np.arange(len(X)) < max(len(X) // 10, 2))


def points(n, d, seed=0):
    return 2 * np.random.default_rng(seed).normal(size=(n, d))


@pytest.mark.parametrize("factor", [-1.0, 0.3, 0.7, 1.3, 3.5])
def test_a_factor_of_quadratics_is_exact(factor):
    X = points(80, 2)
    samples = given(X, quadratic(X), factor * X @ CURVATURE)
    assert GradientTest().factors(samples, Flat()).of_all == pytest.approx(factor)


def test_a_single_feature_is_named():
    X = points(80, 2)
    samples = given(X, quadratic(X), X @ CURVATURE * [1.0, 2.5])
    assert GradientTest().factors(samples, Flat()).of_each == pytest.approx({1: 2.5})


def test_a_model_of_both_tells_the_factor_where_samples_are_far_apart():
    X = points(100, 2)
    samples = given(X, quadratic(X), 2 * X @ CURVATURE)
    no_pairs = GradientTest(turn=0.0)
    assert no_pairs.factors(samples, Exact()).of_all == pytest.approx(2)


@pytest.mark.parametrize("d", [1, 2, 5, 20, 64])
@pytest.mark.parametrize("problem", [L1(), NegativeL1()])
def test_no_false_alarm(problem, d):
    """Kinks and noise are no factors: 10 seeds, three sizes, three kinds of noise."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        for n in (10, 20, 200):
            X = points(n, d, seed)
            y = problem.value(X, 0.5)
            gradient = (X - problem.prox(X, 0.5)) / 0.5
            for of_y, of_gradient in ((0, 0), (0.3, 0), (0.3, 2)):
                noisy = y + of_y * np.std(y) * rng.normal(size=n)
                rough = gradient + of_gradient * rng.normal(size=X.shape)
                assert not GradientTest().factors(given(X, noisy, rough), Flat())
