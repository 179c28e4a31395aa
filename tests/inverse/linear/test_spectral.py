"""Linear estimates of images by multiplication of waves."""

import numpy as np
import pytest
import torch

from skhj.inverse.linear.spectral import (
    spectral_estimate,
    spectral_statistics,
    transfer_function,
)
from skhj.inverse.unrolled.spectral_misfit import SpectralPhysics
from skhj.inverse.waves import CosineWaves, FourierWaves
from skhj.operators import ExponentialBlur

SHAPE = (7, 6)
FOURIER, COSINE = FourierWaves(), CosineWaves()
BOUNDARIES = {FOURIER: "periodic", COSINE: "reflect"}
kinds = pytest.mark.parametrize("waves", BOUNDARIES, ids=["fourier", "cosine"])


def images(n, seed=0):
    return np.random.RandomState(seed).normal(size=(n, *SHAPE))


def blur(waves):
    operator = ExponentialBlur(SHAPE, 1.0, BOUNDARIES[waves])
    return lambda models: operator.forward(torch.as_tensor(models)).numpy()


@kinds
def test_waves_are_orthonormal(waves):
    x = images(3)
    one = np.ones(waves.coefficients(x).shape[1:])
    np.testing.assert_allclose(waves.filter(x, one), x, atol=1e-12)
    if waves is COSINE:  # half of Fourier's waves stand for two
        energy = (waves.coefficients(x) ** 2).sum()
        np.testing.assert_allclose(energy, (x**2).sum())


@kinds
def test_transfer_function_is_the_operator(waves):
    apply_operator, x = blur(waves), images(3, seed=1)
    transfer = transfer_function(apply_operator, SHAPE, waves)
    expected = apply_operator(x.reshape(3, -1)).reshape(x.shape)
    np.testing.assert_allclose(waves.filter(x, transfer), expected, atol=1e-10)


@kinds
def test_a_convolution_in_single_precision_is_one(waves):
    exact = blur(waves)
    rounded = transfer_function(lambda x: exact(x).astype(np.float32), SHAPE, waves)
    # The rounding of single precision.
    np.testing.assert_allclose(
        rounded, transfer_function(exact, SHAPE, waves), atol=1e-6
    )


def test_an_operator_that_mixes_waves_has_no_transfer_function():
    weights = np.random.RandomState(0).uniform(size=SHAPE).ravel()
    for waves in BOUNDARIES:
        assert transfer_function(lambda x: weights * x, SHAPE, waves) is None
    assert transfer_function(blur(FOURIER), SHAPE, COSINE) is None


@kinds
def test_estimate_is_the_wiener_filter(waves):
    """By brute force, from the covariance matrices that the spectra stand for."""
    apply_operator, X = blur(waves), images(50)
    n, noise = len(X), 0.1 * images(50, seed=1)
    B = apply_operator(X.reshape(n, -1)).reshape(X.shape) + noise
    transfer = transfer_function(apply_operator, SHAPE, waves)
    statistics = spectral_statistics(B, X, transfer, waves)
    estimate = spectral_estimate(statistics, white=True)
    identity = np.eye(X[0].size).reshape(-1, *SHAPE)
    A, C = (
        waves.filter(identity, multiplier).reshape(len(identity), -1).T
        for multiplier in (transfer, statistics.model_power)
    )
    S = A @ C @ A.T + statistics.noise_power.mean() * np.eye(len(A))
    centred = (B - B.mean(0)).reshape(n, -1)
    expected = X.mean(0).ravel() + centred @ np.linalg.solve(S, A @ C)
    np.testing.assert_allclose(estimate(B.reshape(n, -1)), expected, atol=1e-10)


@kinds
def test_physics_multiplies_the_same_waves(waves):
    X = images(50)
    B = blur(waves)(X.reshape(50, -1)).reshape(X.shape) + 0.1 * images(50, seed=1)
    estimate = spectral_estimate(spectral_statistics(B, X, None, waves), white=False)
    physics = SpectralPhysics(
        torch.as_tensor(estimate.normal), torch.as_tensor(estimate.factor), waves, SHAPE
    )
    u = torch.as_tensor(X.reshape(50, -1))
    for answer, multiplier in [
        (physics.normal(u), estimate.normal),
        (physics.to_model(u, u), estimate.factor),
        (
            physics.to_model(u, torch.zeros_like(u)),
            estimate.factor * np.sqrt(1 - estimate.normal),
        ),
    ]:
        expected = waves.filter(X, multiplier).reshape(50, -1)
        np.testing.assert_allclose(answer, expected, atol=1e-10)
    start = waves.filter(B - B.mean(0), estimate.start).reshape(50, -1)
    start = torch.as_tensor(start)
    models = physics.to_model(start, start).numpy() + X.mean(0).ravel()
    np.testing.assert_allclose(models, estimate(B.reshape(50, -1)), atol=1e-10)


@kinds
def test_data_of_an_estimate_are_those_of_the_operator(waves):
    apply_operator, X = blur(waves), images(50)
    B = apply_operator(X.reshape(50, -1)).reshape(X.shape)
    estimate = spectral_estimate(spectral_statistics(B, X, None, waves), white=True)
    np.testing.assert_allclose(
        estimate.data(X.reshape(50, -1)), B.reshape(50, -1), atol=1e-8
    )


def test_the_gain_after_the_operator_is_the_share_that_is_explained():
    """Real and from zero to one, whatever the operator does to phases."""
    x, noise = images(200), images(200, seed=1)
    shifted = np.roll(x, (1, 2), axis=(1, 2)) + 0.5 * noise
    statistics = spectral_statistics(shifted, x, None, FOURIER)
    estimate = spectral_estimate(statistics, white=False)
    assert np.abs(estimate.transfer.imag).max() > 0.1
    share = estimate.gain * estimate.transfer
    np.testing.assert_allclose(share, estimate.normal, atol=1e-12)
