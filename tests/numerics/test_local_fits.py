"""Local quadratic fits: exact on quadratics, consistent on smooth functions."""

import numpy as np
import pytest
from log_cosh import LogCosh

from skhj.numerics.local_fits import LocalFits

dimensions = pytest.mark.parametrize("d", [1, 2, 3])


@dimensions
def test_gradients_of_a_quadratic_are_exact(d):
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(200, d))
    A, b = rng.standard_normal((d, d)), rng.standard_normal(d)
    values, gradient = LocalFits().fit(X, ((X @ A) * X).sum(1) / 2 + X @ b + 3)
    np.testing.assert_allclose(gradient, X @ (A + A.T) / 2 + b, atol=1e-8)


@dimensions
def test_gradients_of_a_smooth_function_converge(d):
    errors = []
    for n in (300, 3000):
        X, S, gradient, _ = LogCosh(d).samples(n)
        errors.append(np.median(np.abs(LocalFits().fit(X, S)[1] - gradient)))
    # Of third order in the spacing, n^(-1/d); the gradient of second.
    assert errors[1] < errors[0] / 10 ** (1 / d)


def test_values_are_kept_without_noise_and_denoised_with_it():
    X, S, *_ = LogCosh(2).samples(3000)
    assert LocalFits().fit(X, S)[0] is S
    noisy = S + 0.1 * np.random.default_rng(0).standard_normal(3000)
    values, _ = LocalFits().fit(X, noisy, noise_std=0.1)
    assert np.std(values - S) < 0.5 * np.std(noisy - S)


def test_coincident_points_and_few_of_them_give_finite_gradients():
    for X in (np.ones((6, 2)), np.array([[0.0, 1.0], [1.0, 2.0]])):
        values, gradient = LocalFits().fit(X, np.arange(len(X), dtype=float))
        assert np.isfinite(values).all()
        assert np.isfinite(gradient).all()
