"""Operators that do not explain the data."""

import numpy as np
import pytest
from linear_pairs import linear_pairs

from skhj.inverse.explanation import Explanation


def test_wrong_sign_leaves_four_times_the_variance():
    _, X, A = linear_pairs()
    data = X @ A.T
    misfit = Explanation().misfit(data, X, -data)
    np.testing.assert_allclose(misfit, (4.0, -1.0, 0.0), atol=1e-12)
    assert Explanation(largest=4.1, least=-9).misfit(data, X, -data) is None


@pytest.mark.parametrize("factor", [0.0, 1e-9, 0.04])
def test_operators_that_explain_next_to_nothing_are_told(factor):
    B, X, A = linear_pairs()
    misfit = Explanation().misfit(B, X, factor * (X @ A.T))
    assert misfit.left > 0.9
    assert misfit.attainable < 0.5
    if factor:
        assert misfit.factor == pytest.approx(1 / factor, rel=0.1)


def test_a_multiple_tells_where_samples_are_too_few_for_a_linear_fit():
    B, X, A = linear_pairs()
    few = 14
    misfit = Explanation().misfit(B[:few], X[:few], 1e-9 * (X @ A.T)[:few])
    assert misfit.factor == pytest.approx(1e9, rel=0.5)


def test_true_operators_and_too_few_measurements_say_nothing():
    B, X, A = linear_pairs()
    data = X @ A.T
    assert Explanation().misfit(B, X, data) is None
    assert Explanation().misfit(B[:5], X[:5], -data[:5]) is None
    assert Explanation(enough=25).misfit(B[:5], X[:5], -data[:5]).left > 1.5


def test_true_operators_in_much_noise_say_nothing():
    rng = np.random.default_rng(0)
    _, X, A = linear_pairs()
    data = X @ A.T
    noise = 10 * data.std() * rng.normal(size=data.shape)
    assert Explanation().misfit(data + noise, X, data) is None
    assert Explanation().misfit(noise, X, 1e-9 * data) is None


def test_constant_data_are_no_reason_to_doubt():
    X = np.ones((50, 2))
    assert Explanation().misfit(np.ones((50, 2)), X, np.zeros((50, 2))) is None
