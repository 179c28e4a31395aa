"""Powers of covariances."""

import numpy as np
import pytest

from skhj.numerics.covariance import covariance, symmetric_power


def rows():
    return np.random.RandomState(0).normal(size=(500, 3)) * [1.0, 1e-9, 0.0]


def test_powers_multiply():
    C = covariance(np.random.RandomState(0).normal(size=(50, 4)))
    root = symmetric_power(C, 1 / 2)
    np.testing.assert_allclose(root @ root, C, atol=1e-14)
    whitening = symmetric_power(C, -1 / 2)
    np.testing.assert_allclose(whitening @ C @ whitening, np.eye(4), atol=1e-13)


@pytest.mark.parametrize(
    ("rounding", "sizes"),
    [(1e-12, [1.0, 1.0, 1.0]), (None, [1.0, 100.0, 100.0])],
)
def test_floor_bounds_what_a_negative_power_blows_up(rounding, sizes):
    """Rounding says nothing, and counts as the largest, or is raised like the rest."""
    C = covariance(rows())
    whitening = symmetric_power(C, -1 / 2, floor=1e-4, rounding=rounding)
    values = np.linalg.eigvalsh(whitening) * np.sqrt(C[0, 0])
    np.testing.assert_allclose(values, sizes)


@pytest.mark.parametrize("rounding", [1e-12, None])
def test_powers_of_nothing_are_the_identity_with_a_floor(rounding):
    power = symmetric_power(np.zeros((3, 3)), -1 / 2, floor=1e-4, rounding=rounding)
    np.testing.assert_array_equal(power, np.eye(3))
