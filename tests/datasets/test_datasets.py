"""Inverse problems to learn from."""

import numpy as np
import pytest

from skhj.datasets import (
    duathlon_mmse,
    duathlon_posterior,
    fetch_mnist,
    make_deblurring,
    make_duathlon,
    make_image_patches,
    make_magnetics,
    mnist,
)
from skhj.operators import ExponentialBlur, MagneticProfile

UNEVEN = {
    "means": [[0.0, 3.0], [4.0, 1.0]],
    "widths": [0.5, 1.5],
    "weights": [3.0, 1.0],
    "noise": 0.2,
}


def test_duathlon_has_the_moments_of_its_mixture():
    X, y = make_duathlon(200_000, random_state=0, **UNEVEN)
    first = np.abs(y - [0.0, 3.0]).sum(axis=1) < np.abs(y - [4.0, 1.0]).sum(axis=1)
    # Standard errors of 200,000 samples are below 0.004.
    assert first.mean() == pytest.approx(0.75, abs=0.02)
    np.testing.assert_allclose(y.mean(axis=0), [1.0, 2.5], atol=0.02)
    assert (X[:, 0] - y.sum(axis=1)).std() == pytest.approx(0.2, rel=0.01)


def test_conditional_mean_is_the_best_of_all_functions_of_the_sum():
    X, y = make_duathlon(200_000, random_state=0, **UNEVEN)
    limit = duathlon_mmse(X, **UNEVEN)
    error = ((limit.mean - y) ** 2).mean()
    assert error == pytest.approx(limit.error, rel=0.01)
    # The mean of y in narrow bins of the sum needs no formula.
    bins = np.digitize(X[:, 0], np.quantile(X, np.linspace(0, 1, 401)[1:-1]))
    by_bin = [y[bins == i].mean(axis=0) for i in range(400)]
    binned = ((np.array(by_bin)[bins] - y) ** 2).mean()
    assert error == pytest.approx(binned, rel=0.02)
    # Errors of the conditional mean are orthogonal to every function of the sum.
    for function in (np.sin, np.tanh, np.square):
        moment = ((y - limit.mean) * function(X)).mean(axis=0)
        assert np.abs(moment).max() < 0.02 * np.sqrt((function(X) ** 2).mean())


def test_limit_follows_the_units():
    X = np.linspace(2, 20, 7)[:, None]
    limit = duathlon_mmse(X)
    large = duathlon_mmse(
        10 * X + 14, means=10 * np.array([[1, 5], [8, 2], [6, 8]]) + 7.0, widths=10.0,
        noise=1.0,
    )  # fmt: skip
    np.testing.assert_allclose(large.mean, 10 * limit.mean + 7)
    assert large.error == pytest.approx(100 * limit.error)


def test_limit_lies_between_the_widths_and_the_linear_estimate():
    X, y = make_duathlon(10_000, random_state=0)
    slope, intercept = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0]
    linear = ((X * slope + intercept - y) ** 2).mean()
    assert 0.5 < duathlon_mmse(X).error < 0.5 * linear


def test_posterior_weights_are_probabilities_of_the_components():
    weights, means, covariances = duathlon_posterior([[6.0], [10.0]], noise=1e-6)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights.argmax(axis=1).tolist() == [0, 1]
    # Without noise all posterior mass is on the line of the given sum.
    np.testing.assert_allclose(means.sum(axis=2), [[6.0] * 3, [10.0] * 3])
    np.testing.assert_allclose(covariances.sum(axis=(1, 2)), 0, atol=1e-11)


def test_measurements_are_those_of_the_operator():
    images = np.random.default_rng(0).random((4, 6, 5))
    for make, kind in (
        (lambda noise: make_deblurring(images, 2.0, noise=noise), ExponentialBlur),
        (
            lambda noise: make_magnetics(images, noise=noise, height=2.0),
            MagneticProfile,
        ),
    ):
        X, y, operator = make(0.0)
        assert isinstance(operator, kind)
        assert operator.image_shape == (6, 5)
        np.testing.assert_array_equal(y, images.reshape(4, 30))
        np.testing.assert_allclose(X, (operator @ y.T).T)
        noisy, _, _ = make(100.0)
        assert (noisy - X).std() == pytest.approx(100, rel=0.4)


def test_digits_are_the_default_images():
    X, y, operator = make_deblurring(boundary="periodic", random_state=0)
    assert operator.boundary == "periodic"
    assert X.shape == y.shape == (1797, 64)
    assert y.min() == 0
    assert y.max() == 1
    X, y, _ = make_magnetics(n_stations=5, random_state=0)
    assert X.shape == (1797, 5)
    # The default noise is documented as a hundredth of the data's spread.
    clean = make_magnetics(noise=0)[0]
    assert clean.std() == pytest.approx(100 * 4e-3, rel=0.05)


def test_patches_are_windows_of_the_images():
    images = [np.arange(20.0).reshape(4, 5), 100 + np.arange(16.0).reshape(4, 4)]
    patches = make_image_patches(
        images, n_samples=200, patch_shape=(3, 2), random_state=0
    )
    corners = set()
    for patch in patches:
        image = images[int(patch[0, 0] >= 100)]
        i, j = np.argwhere(image == patch[0, 0])[0]
        np.testing.assert_array_equal(patch, image[i : i + 3, j : j + 2])
        corners.add(patch[0, 0])
    assert len(corners) == 2 * 4 + 2 * 3


def test_photographs_are_the_default_of_patches():
    pytest.importorskip("PIL")
    patches = make_image_patches(n_samples=3, random_state=0)
    assert patches.shape == (3, 64, 64)
    assert patches.min() >= 0
    assert patches.max() <= 1


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: make_duathlon(10, random_state=seed)[0],
        lambda seed: make_deblurring(random_state=seed)[0],
        lambda seed: make_magnetics(random_state=seed)[0],
        lambda seed: make_image_patches(
            [np.random.default_rng(0).random((9, 9))],
            n_samples=3,
            patch_shape=(4, 4),
            random_state=seed,
        ),
    ],
)
def test_random_state_makes_samples_reproducible(make):
    np.testing.assert_array_equal(make(0), make(0))
    assert not np.array_equal(make(0), make(1))


@pytest.mark.parametrize("pandas", [None, "found"])
def test_mnist_comes_through_openml(monkeypatch, pandas):
    asked = {}

    def fetch(name, **options):
        asked.update(options, name=name)
        return np.tile(np.arange(784) % 256, (3, 1)), np.array(["5", "0", "4"])

    monkeypatch.setattr(mnist, "fetch_openml", fetch)
    monkeypatch.setattr(mnist, "find_spec", lambda name: pandas)
    images = fetch_mnist("/some/folder")
    assert images.shape == (3, 28, 28)
    assert images.dtype == np.float32
    assert images.max() == 1
    assert images[0, 0, 1] == np.float32(1 / 255)
    assert asked["name"] == "mnist_784"
    assert asked["data_home"] == "/some/folder"
    assert asked["parser"] == ("pandas" if pandas else "liac-arff")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: make_duathlon(widths=[1.0, 2.0]),
            r"widths must be .* \(3,\), .*\(2,\)",
        ),
        (lambda: make_duathlon(widths=0.0), "widths must be positive and finite"),
        (lambda: make_duathlon(weights=[1.0]), r"weights must be of shape \(3,\)"),
        (lambda: make_duathlon(weights=[0, 0, 0]), "weights must be non-negative"),
        (lambda: make_duathlon(noise=-1.0), "noise must be a non-negative finite"),
        (lambda: make_duathlon(noise="a"), "noise must be a non-negative finite"),
        (
            lambda: make_duathlon(-1),
            "n_samples must be a positive integer of at most .* got -1",
        ),
        (
            lambda: make_image_patches(n_samples=0),
            "n_samples must be a positive integer",
        ),
        (lambda: make_image_patches(patch_shape=8), "patch_shape must be two positive"),
        (lambda: duathlon_mmse([[1.0, 2.0]]), r"X must be of shape \(n, 1\)"),
        (
            lambda: make_deblurring(np.ones((3, 64))),
            r"of shape \(n, H, W\), got \(3, 6",
        ),
        (lambda: make_duathlon(means="near"), "means must be real numbers, got 'near'"),
        (lambda: make_duathlon(weights=["a"]), "weights must be real numbers"),
        (lambda: make_duathlon(noise=1e200), "noise must be at most"),
        (lambda: duathlon_mmse([[1e200]]), "X must be at most"),
        (lambda: make_magnetics("digits"), "images must be real numbers"),
        (lambda: make_image_patches(0.5), "images must be matrices of numbers"),
        (lambda: make_image_patches([]), "images must be at least one"),
        (lambda: make_deblurring(s=-1.0), "s must be a positive finite number"),
        (lambda: make_magnetics(noise=np.inf), "noise must be a non-negative finite"),
        (
            lambda: make_image_patches([np.ones((8, 80))]),
            r"at least as large as a patch, \(64, 64\), got one of shape \(8, 80\)",
        ),
    ],
)
def test_bad_parameters_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
