"""Noise of measurements: its level, and data that come to have it."""

import numpy as np
import pytest
import torch
from linear_pairs import linear_pairs

from skhj.inverse.noise import (
    EstimatedNoise,
    FreshNoise,
    KnownNoise,
    MeasuredNoise,
    white_noise_level,
)
from skhj.inverse.units import DenseUnits
from skhj.operators import as_operator


def seeded():
    return torch.Generator().manual_seed(0)


def test_level_of_white_noise_is_found_and_other_noise_is_not_taken_for_it():
    B, X, A = linear_pairs(n=2000)
    rng = np.random.RandomState(1)
    clean, draws = X @ A.T, rng.normal(size=B.shape)
    # Ten thousand numbers: a standard error of 0.7 %.
    np.testing.assert_allclose(white_noise_level(B + 5, X, A), 0.3, rtol=0.03)
    assert white_noise_level(clean, X, A) is None
    assert white_noise_level(clean + draws * [1, 1, 1, 1, 2], X, A) is None
    assert white_noise_level(clean + draws[:, :1], X, A) is None
    assert white_noise_level(clean * (1 + 0.1 * draws), X, A) is None
    assert white_noise_level(B, X, 1.2 * A) is None


@pytest.mark.parametrize("n", [10, 30, 100])
def test_common_noise_is_not_taken_for_white_where_samples_are_few(n):
    B, X, A = linear_pairs(n=n)
    common = np.random.RandomState(1).normal(size=(n, 1))
    assert white_noise_level(X @ A.T + common, X, A) is None


def test_what_noise_is_measured_is_left_alone():
    B, X, A = linear_pairs()
    for noise in (MeasuredNoise(), EstimatedNoise()):
        assert noise.complete(B, None, seeded()) is B
    assert MeasuredNoise().level(B, X, as_operator(A)) is None


def test_noise_is_estimated_by_operators_that_are_matrices():
    B, X, A = linear_pairs(n=2000)
    level = EstimatedNoise().level(B, X, as_operator(A))
    assert level == white_noise_level(B, X, A)
    assert EstimatedNoise().level(B, X, None) is None
    function = as_operator(lambda x: x @ torch.tensor(A).T.to(x), shape=A.shape)
    assert EstimatedNoise().level(B, X, function) is None


@pytest.mark.parametrize("given", [0.0, 0.3, 0.6])
def test_data_get_the_noise_that_they_lack(given):
    B, X, A = linear_pairs(n=4000, noise=given)
    noise = KnownNoise(0.5)
    completed = noise.complete(B, lambda: X @ A.T, seeded())
    # Twenty thousand numbers: a standard error of 0.5 %.
    np.testing.assert_allclose((completed - X @ A.T).std(), max(given, 0.5), rtol=0.02)
    assert noise.level(B, X, None) == 0.5


def test_fresh_noise_is_white_in_the_units_of_the_data():
    rng = np.random.RandomState(0)
    start, whitening = rng.normal(size=(2, 5)), rng.normal(size=(3, 5))
    eye = np.eye(2)
    units = DenseUnits(rng.normal(size=5), np.zeros(2), start, whitening, eye, eye, 1)
    fresh, inputs = FreshNoise(units, 0.3, seeded()), torch.zeros(40_000, 5)
    first, second = fresh(inputs).numpy(), fresh(inputs).numpy()
    assert (first != second).all()
    both = np.concatenate([start, whitening])
    # Forty thousand draws: a standard error of 0.7 % of the largest entry.
    expected = 0.09 * both @ both.T
    tolerance = 0.03 * expected.max()
    np.testing.assert_allclose(first.T @ first / 40_000, expected, atol=tolerance)
