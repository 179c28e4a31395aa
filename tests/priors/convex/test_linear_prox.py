"""The best linear prox, by pairs or by the covariances of signal and noise."""

import numpy as np

from skhj.priors.convex.linear_prox import fit_linear_prox

D = 30
HELD_OUT = np.arange(200) < 50


def pairs(n=200, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    clean = rng.normal(size=(n, D)) * np.geomspace(2, 0.05, D)
    return clean + noise * rng.normal(size=(n, D)), clean


def test_of_gaussian_signals_in_white_noise_it_is_nearly_the_wiener_filter():
    noisy, clean = pairs()
    fit = fit_linear_prox(noisy, clean, HELD_OUT)
    X, P = pairs(2000, seed=1)
    variances = np.geomspace(2, 0.05, D) ** 2
    least = (X * (variances / (variances + 0.25)) - P) ** 2
    ours = (fit(X) - P) ** 2
    ordinary = np.linalg.lstsq(noisy, clean, rcond=None)[0]
    assert fit.is_exchangeable
    assert ours.mean() < 1.1 * least.mean()
    assert ours.mean() < ((X @ ordinary - P) ** 2).mean()


def test_a_linear_denoiser_is_found_exactly_and_its_differences_are_no_noise():
    rng = np.random.default_rng(0)
    X, factor = rng.normal(size=(200, D)), rng.normal(size=(D, D))
    hessian = factor @ factor.T / D
    fit = fit_linear_prox(X, 3 + X @ hessian, HELD_OUT)
    assert not fit.is_exchangeable
    np.testing.assert_allclose(fit.hessian, hessian, atol=1e-10)
    np.testing.assert_allclose(fit(X), 3 + X @ hessian, atol=1e-10)


def test_it_is_the_gradient_of_a_convex_function():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, D))
    hessian = fit_linear_prox(X, -X @ rng.normal(size=(D, D)), HELD_OUT).hessian
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-12)
    assert np.linalg.eigvalsh(hessian)[0] >= -1e-12
