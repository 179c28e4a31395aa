"""Sizes relative to which the errors of outputs count."""

import numpy as np
import pytest

from skhj.inverse.output_sizes import OutputSizes


@pytest.fixture
def outputs():
    """Outputs, and what an estimate leaves of them."""
    rng = np.random.RandomState(0)
    return rng.normal(size=(500, 4)) * [1, 2, 3, 4], rng.normal(size=(500, 4))


def test_errors_do_not_know_units_and_are_one_together(outputs):
    X, left = outputs
    units = np.array([1e-200, 1.0, 1e150, 30.0])
    relative = left / OutputSizes()(left, X)
    np.testing.assert_allclose(np.mean(np.sum(relative**2, axis=1)), 1)
    scaled = left * units / OutputSizes()(left * units, X * units)
    np.testing.assert_allclose(scaled, relative)


def test_outputs_that_hardly_ever_differ_count_less(outputs):
    X, left = outputs
    left[:, 0] = 0.0
    left[:5, 0] = 1.0
    relative = left / OutputSizes(order=2)(left, X)
    np.testing.assert_allclose(np.mean(relative**2, axis=0), 1 / 4)
    share, *others = np.mean((left / OutputSizes()(left, X)) ** 2, axis=0)
    assert share < 0.25 * min(others)


def test_rounding_and_constants_have_sizes(outputs):
    X, left = outputs
    X[:, 0], left[:, 0] = 3.0, 0.0
    left[:, 1] = 1e-14
    sizes = OutputSizes()(left, X)
    # Fourth powers of normal numbers have the mean 3.
    assert 1e-4 < sizes[1] / sizes[2] < 1e-3
    assert sizes[0] == sizes[2:].max()
    assert OutputSizes()(0 * left, 0 * X).tolist() == [1.0] * 4
    assert OutputSizes().of_all(0 * left) == 1.0


def test_constants_are_so_but_for_rounding_however_small():
    X = np.full((21, 3), 8.3e-167)
    left = np.full((21, 3), 1e-183)
    assert OutputSizes()(left, X).tolist() == [1.0] * 3
    X = np.column_stack([np.full(21, 0.1), np.arange(21.0)])
    left = X - X.mean(axis=0)
    left[0, 0] = 1e-17
    first, second = OutputSizes()(left, X)
    assert first == second
