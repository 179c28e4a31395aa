"""The prox of sorted l1 norms."""

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from skhj.numerics.sorted_threshold import sorted_threshold


@pytest.fixture
def sizes():
    return np.random.default_rng(0).exponential(2.0, (300, 6))


def test_it_is_a_monotone_regression_of_what_exceeds_the_weights(sizes):
    weights = np.array([2.0, 1.5, 1.5, 0.7, 0.2, 0.0])
    answer = sorted_threshold(sizes, weights)
    for row, u in zip(sizes, answer, strict=True):
        order = np.argsort(-row)
        fit = isotonic_regression(row[order] - weights, increasing=False).x
        np.testing.assert_allclose(u[order], np.maximum(fit, 0), atol=1e-14)


def test_equal_weights_make_soft_thresholding(sizes):
    answer = sorted_threshold(sizes, np.full(6, 0.8))
    np.testing.assert_array_equal(answer, np.maximum(sizes - 0.8, 0))


def test_entries_that_become_equal_are_so_to_the_last_bit(sizes):
    answer = np.sort(sorted_threshold(sizes, np.arange(6.0)[::-1]), axis=1)
    gaps = np.diff(answer, axis=1)
    assert (gaps[gaps < 1e-12] == 0).all()
    assert (gaps == 0).any()


def test_nothing_beats_the_minimiser(sizes):
    weights = np.array([3.0, 1.0, 1.0, 0.5, 0.5, 0.0])

    def objective(U):
        return -np.sort(-U, axis=1) @ weights + ((U - sizes) ** 2).sum(axis=1) / 2

    answer = sorted_threshold(sizes, weights)
    rng = np.random.default_rng(1)
    for scale in (1e-3, 1e-1, 1.0):
        other = np.abs(answer + scale * rng.normal(size=answer.shape))
        assert (objective(other) > objective(answer)).all()
