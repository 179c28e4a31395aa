"""Linear estimates from data of which some are missing."""

import numpy as np
import pytest
from linear_pairs import linear_pairs

from skhj.inverse.linear.dense import statistics_of, wiener_estimate
from skhj.inverse.linear.missing import GaussianFill, MaskedEstimate, gaussian_fill


@pytest.fixture
def masked():
    """Data with holes, and the exact estimate from complete ones."""
    B, X, A = linear_pairs(n=2000)
    linear = wiener_estimate(statistics_of(B, X), A, 0.0)
    holes = np.random.RandomState(1).uniform(size=B.shape) < 0.3
    return np.where(holes, np.nan, B), X, A, linear


def test_estimate_is_that_of_the_measurements_made(masked):
    B, _, A, linear = masked
    fill = GaussianFill(linear.data_mean, linear.data_covariance)
    answers = MaskedEstimate(linear, fill)(B)
    C = linear.model_covariance
    for b, answer in zip(B[:20], answers[:20], strict=True):
        o = ~np.isnan(b)
        S = linear.data_covariance[np.ix_(o, o)]
        step = np.linalg.solve(S, (b - linear.data_mean)[o])
        expected = linear.model_mean + C @ A[o].T @ step
        np.testing.assert_allclose(answer, expected, atol=1e-8)


def test_complete_data_stay(masked):
    fill = gaussian_fill(*masked[:2])
    complete = fill(masked[0])
    np.testing.assert_allclose(fill(complete), complete)
    seen = ~np.isnan(masked[0])
    np.testing.assert_allclose(complete[seen], masked[0][seen])
    np.testing.assert_array_equal(fill(np.full((1, 5), np.nan)), fill.mean[None])


@pytest.mark.parametrize("knows_operator", [True, False])
def test_moments_are_found_in_spite_of_holes(knows_operator, masked):
    B, X, A, linear = masked
    fill = gaussian_fill(B, X, A if knows_operator else None)
    scale = np.sqrt(linear.data_covariance.diagonal())
    # 1400 samples of each: a few hundredths.
    error = (fill.covariance - linear.data_covariance) / np.outer(scale, scale)
    assert np.abs(error).max() < 0.05
    assert (np.abs(fill.mean - linear.data_mean) < 0.05 * scale).all()
