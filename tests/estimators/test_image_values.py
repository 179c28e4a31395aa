"""Priors of images learned from values."""

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score

from skhj import HJPriorRegressor
from skhj import hamilton_jacobi as hj
from skhj.numerics.memory_gradient import MemoryGradient
from skhj.priors.images.denoise import denoise
from skhj.priors.images.prior import ImagePrior

T, SIDE = 0.1, 16


def total_variation():
    """The potential T times total variation, smooth below differences of 1e-3."""
    differences = torch.zeros(2, 1, 3, 3).double()
    differences[:, 0, 1, 1] = -1
    differences[0, 0, 1, 2] = differences[1, 0, 2, 1] = 1
    prior = ImagePrior(
        differences,
        T * 8**0.5,
        rank=2,
        max_slope=300.0,
        share_of_concavity=1e-4,
        tail=0.999,
    )
    return prior.potential(reflect=True).detached()


def samples(n, side, seed):
    """Noisy images of two rectangles, proximal points, J and S."""
    rng = np.random.default_rng(seed)
    clean = np.zeros((n, 1, side, side))
    for image in clean[:, 0]:
        for _ in range(2):
            i, j, h, w = rng.integers(2, side // 2, 4)
            image[i : i + h, j : j + w] += rng.normal(scale=0.5)
    noisy = torch.tensor(clean + 0.1 * rng.normal(size=clean.shape))
    potential = total_variation()
    points = denoise(potential, noisy, solver=MemoryGradient(500, 1e-6)).point
    J = potential.value(points).numpy() / T
    X, P = noisy.flatten(1).numpy(), points.flatten(1).numpy()
    return X, P, J, J + hj.half_squared_norm(X - P) / T


def fitted(X, S, **given):
    est = HJPriorRegressor(
        t=T, image_shape=(SIDE, SIDE), max_iter=60, learning_rate=0.03, random_state=0
    )
    return est.fit(X, S, **given)


@pytest.fixture(scope="module")
def recovered():
    X, P, _, S = samples(120, SIDE, seed=0)
    return fitted(X, S, gradient=(X - P) / T)


def names_of_fitted(est):
    return [one["name"] for one in est.candidates_ if not one["why_not"]]


def test_total_variation_is_recovered_from_a_denoiser(recovered):
    """On held-out windows and on images four times as large; one model is tried."""
    assert names_of_fitted(recovered) == ["images, 2 filters of rank 2"]
    for side in (SIDE, 2 * SIDE):
        X, P, J, S = samples(40, side, seed=side)
        est = recovered.for_images((side, side))
        assert r2_score(J, est.prior(P)) > 0.999
        assert r2_score(S, est.predict(X)) > 0.999
        assert np.sqrt(np.mean((est.prox(X) - P) ** 2)) < 0.01


def test_filters_of_total_variation_are_differences(recovered):
    """Up to a rotation of the pair, which changes nothing."""
    filters = recovered.prior_weights_["filters"][:, 0]
    gram = np.einsum("kij,kab->ijab", filters, filters).reshape(9, 9)
    differences = np.zeros((2, 3, 3))
    differences[:, 1, 1] = -1
    differences[0, 1, 2] = differences[1, 2, 1] = 1
    truth = np.einsum("kij,kab->ijab", differences, differences).reshape(9, 9)
    cosine = (gram * truth).sum() / np.linalg.norm(gram) / np.linalg.norm(truth)
    assert cosine > 0.98


def test_prior_of_total_variation_is_all_but_convex(recovered):
    X, P, _, _ = samples(50, SIDE, seed=9)
    middle = recovered.prior((X + P) / 2)
    chord = (recovered.prior(X) + recovered.prior(P)) / 2
    assert (middle <= chord * 1.001).all()


def test_saved_weights_make_the_same_prior(recovered):
    X, P, _, _ = samples(4, SIDE, seed=9)
    loaded = recovered.for_images((SIDE, SIDE))
    np.testing.assert_array_equal(loaded.prior(P), recovered.prior(P))
    n_filters = len(recovered.prior_weights_["filters"])
    assert n_filters == 2 * len(recovered.prior_weights_["log_knee"])


def test_total_variation_of_signals_is_recovered():
    """Images of one row; the kinds that are tried have fewer filters."""
    rng = np.random.default_rng(0)
    difference = torch.tensor([0.0, -1.0, 1.0]).double().view(1, 1, 1, 3)
    prior = ImagePrior(
        difference, 2 * T, max_slope=300.0, share_of_concavity=1e-4, tail=0.999
    )
    potential = prior.potential(reflect=True).detached()
    clean = np.repeat(rng.normal(size=(240, 1, 1, 6)), 6, axis=3)
    noisy = torch.tensor(clean + 0.1 * rng.normal(size=clean.shape))
    points = denoise(potential, noisy, solver=MemoryGradient(500, 1e-6)).point
    J = potential.value(points).numpy() / T
    X, P = noisy.flatten(1).numpy(), points.flatten(1).numpy()
    S = J + hj.half_squared_norm(X - P) / T
    est = HJPriorRegressor(t=T, image_shape=(36,), max_iter=40, random_state=0)
    est.fit(X[:200], S[:200], gradient=(X - P)[:200] / T)
    assert "images, 1 filter of rank 1" in names_of_fitted(est)
    # Measured: 0.9988; second differences see isolated steps as well as first ones do.
    assert r2_score(J[200:], est.prior(P[200:])) > 0.995


def test_values_alone_try_profiles_that_are_not_steep():
    X, _, _, S = samples(40, 12, seed=0)
    est = HJPriorRegressor(t=T, image_shape=(12, 12), max_iter=2, random_state=0)
    names = set(names_of_fitted(est.fit(X, S)))
    assert names == {"images, 8 filters of rank 1", "images"}
    assert est.score(X, S) > 0


def test_proximal_points_alone_try_none_of_the_few_filters():
    X, P, _, _ = samples(20, SIDE, seed=0)
    est = HJPriorRegressor(t=T, target="prox", image_shape=(SIDE, SIDE), max_iter=1)
    assert names_of_fitted(est.fit(X, P)) == ["images"]


def test_constant_values_have_a_constant_prior():
    X, _, _, _ = samples(20, 12, seed=0)
    est = HJPriorRegressor(t=T, image_shape=(12, 12), max_iter=2, random_state=0)
    est.fit(X, np.full(20, 3.0), gradient=np.zeros_like(X))
    assert np.isfinite(est.prior(X)).all()
