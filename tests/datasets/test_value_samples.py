"""Samples of value functions."""

import numpy as np
import pytest

from skhj.datasets import make_value_samples
from skhj.problems import L1, NegativeL1


def test_samples_are_the_problems_values_and_gradients_in_the_box():
    X, y, gradient = make_value_samples(
        NegativeL1(), 200, 3, t=0.5, box=2.0, random_state=0
    )
    assert np.abs(X).max() <= 2.0
    np.testing.assert_array_equal(y, NegativeL1().value(X, 0.5))
    np.testing.assert_allclose(gradient, -np.sign(X), rtol=0, atol=1e-14)


def test_noise_has_the_standard_deviation_asked_for_and_spares_gradients():
    clean = make_value_samples(L1(), 20_000, 2, random_state=0)
    noisy = make_value_samples(L1(), 20_000, 2, noise=0.3, random_state=0)
    np.testing.assert_array_equal(noisy[0], clean[0])
    np.testing.assert_array_equal(noisy[2], clean[2])
    # The standard deviation of 20,000 normals is known to 1 / sqrt(40,000) = 0.5 %.
    assert abs((noisy[1] - clean[1]).std() / 0.3 - 1) < 0.02


def test_same_random_state_same_samples():
    first, second = (make_value_samples(L1(), 10, 2, random_state=3) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": 0.0}, "t must be a positive finite number, got 0.0"),
        ({"box": -1.0}, "box must be a positive finite number, got -1.0"),
        ({"noise": -0.1}, "noise must be a non-negative finite number, got -0.1"),
        ({"n_features": 2.5}, "n_features must be a positive integer"),
        ({"n_features": True}, "n_features must be a positive integer"),
        ({"n_samples": 10**30}, "n_samples must be a positive integer of at most"),
    ],
)
def test_bad_parameters_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        make_value_samples(L1(), **({"n_samples": 10, "n_features": 2} | changes))


@pytest.mark.parametrize(
    ("problem", "changes", "message"),
    [
        (L1(), {"t": "1"}, "t must be an instance of"),
        (L1(), {"box": None}, "box must be an instance of"),
        ("l1", {}, "problem must be one of skhj.problems, or have methods"),
    ],
)
def test_parameters_of_another_type_are_named(problem, changes, message):
    with pytest.raises(TypeError, match=message):
        make_value_samples(problem, 10, **({"n_features": 2} | changes))
