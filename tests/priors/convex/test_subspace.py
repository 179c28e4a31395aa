"""Potentials of many features: a network where the prox responds, else quadratic."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from skhj import HJPriorRegressor
from skhj import hamilton_jacobi as hj
from skhj.numerics.tensors import to_tensor
from skhj.priors.convex.architecture import ICNNArchitecture
from skhj.priors.convex.derivatives import hessian, value_and_gradient
from skhj.priors.convex.subspace import OnSubspace
from skhj.priors.convex.subspace_fit import SubspaceFitter
from skhj.priors.samples import Samples
from skhj.training import Schedule, Trainer

D, RANK, T = 70, 3, 0.1


def signals(n, seed=0):
    """Two clusters, in a space of few dimensions among many."""
    basis = np.linalg.qr(np.random.default_rng(7).normal(size=(D, RANK)))[0]
    rng = np.random.default_rng(seed)
    inside = 0.2 * rng.normal(size=(n, RANK))
    inside[:, 0] += rng.choice([-1.0, 1.0], size=n)
    return 2.0 + inside @ basis.T


def pairs(n, seed=0):
    clean = signals(n, seed)
    noise = np.random.default_rng(seed + 1).normal(size=clean.shape)
    return clean + np.sqrt(T) * noise, clean


def error(est, noisy, clean):
    return np.mean((est.prox(noisy) - clean) ** 2)


@pytest.fixture(scope="module")
def fitted():
    est = HJPriorRegressor(T, target="prox", network="icnn", max_iter=30, device="cpu")
    return est.set_params(random_state=0).fit(*pairs(400))


def test_a_function_on_a_subspace_has_the_derivatives_of_its_formula():
    module = OnSubspace(ICNNArchitecture((5,), 4).core(2, 0), 6, 2).double()
    module.map.copy_(torch.randn(6, 2, generator=torch.Generator().manual_seed(0)))
    v = torch.randn(7, 6, dtype=torch.float64, requires_grad=True)
    value, gradient = value_and_gradient(module, v)
    own = torch.autograd.grad(module(v).sum(), v)[0]
    torch.testing.assert_close(value, module(v).detach())
    torch.testing.assert_close(gradient, own)
    H = torch.autograd.functional.hessian(lambda p: module(p[None])[0], v[0].detach())
    torch.testing.assert_close(hessian(module, v[:1])[0], H)


def test_it_beats_the_best_linear_map_and_comes_near_the_best_of_all(fitted):
    noisy, clean = pairs(1000, seed=5)
    assert fitted.network_ == "icnn"
    seen = pairs(400)
    away = noisy - seen[0].mean(axis=0)
    C = np.cov(seen[1].T, bias=True)
    wiener = seen[1].mean(axis=0) + away @ np.linalg.solve(C + T * np.eye(D), C)
    assert error(fitted, noisy, clean) < 0.8 * np.mean((wiener - clean) ** 2)


def test_the_prox_is_the_gradient_of_a_convex_potential(fitted):
    noisy, _ = pairs(40, seed=6)
    pairs_of_rows = noisy[:20], noisy[20:]
    ends = [fitted.potential(rows) for rows in pairs_of_rows]
    middle = fitted.potential((noisy[:20] + noisy[20:]) / 2)
    assert (middle <= (ends[0] + ends[1]) / 2 + 1e-12 * np.abs(ends[0])).all()
    step = 1e-5 * np.random.default_rng(0).normal(size=D)
    growth = fitted.potential(noisy + step) - fitted.potential(noisy - step)
    # Central differences in double precision, of potentials of some hundred.
    np.testing.assert_allclose(growth / 2, fitted.prox(noisy) @ step, atol=1e-11)


def test_the_prior_is_that_of_the_prox(fitted):
    noisy, _ = pairs(10, seed=6)
    P = fitted.prox(noisy)
    S = (hj.half_squared_norm(noisy) - fitted.potential(noisy)) / T
    np.testing.assert_allclose(
        fitted.prior(P), hj.prior_at_prox(noisy, P, S, T), atol=1e-5
    )


def test_a_rotation_of_the_features_rotates_the_answer(fitted):
    Q = np.linalg.qr(np.random.default_rng(3).normal(size=(D, D)))[0]
    noisy, clean = pairs(400)
    est = HJPriorRegressor(**fitted.get_params()).fit(noisy @ Q, clean @ Q)
    X, P = pairs(1000, seed=5)
    turned, plain = error(est, X @ Q, P @ Q), error(fitted, X, P)
    # Eigenvectors have signs of their own, and trainings their chance.
    assert turned == pytest.approx(plain, rel=0.1)


def test_answers_of_a_linear_denoiser_are_exact_without_training():
    rng = np.random.default_rng(0)
    X, factor = rng.normal(size=(300, D)), rng.normal(size=(D, D))
    H = factor @ factor.T / (4 * D)
    P = 1 + X @ H
    held_out = np.arange(300) < 60
    samples = Samples(X, None, hj.value_gradient_from_prox(X, P, T), T, held_out)
    trainer = Trainer(Schedule(50, 32, 0.02), torch.Generator().manual_seed(0))
    fit, _ = SubspaceFitter().fit(samples, ICNNArchitecture(), trainer, 0)
    _, slope = fit.network.value_and_gradient_at(to_tensor(X))
    # The strong convexity is 1e-4 of the curvature of |x|^2 / 2.
    np.testing.assert_allclose(X + T * slope.numpy(), P, atol=2e-3)
    assert len(fit.loss_curve) == 1


def test_it_is_the_same_after_pickling(fitted):
    noisy, _ = pairs(5, seed=6)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.prox(noisy), fitted.prox(noisy))


@pytest.mark.parametrize("n", [2, 7])
@pytest.mark.parametrize("what", ["same", "constant", "flat"])
def test_few_samples_and_proxes_that_say_little_are_answered(n, what):
    X = np.random.default_rng(0).normal(size=(n, D))
    P = {"same": X, "constant": np.ones_like(X), "flat": X * (np.arange(D) < 3)}[what]
    est = HJPriorRegressor(T, target="prox", network="icnn", max_iter=2, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        answer = est.set_params(random_state=0).fit(X, P).predict(X)
    assert np.isfinite(answer).all()
