"""Operators that do not explain the data."""

import numpy as np
from linear_pairs import linear_pairs

from skhj.inverse.explanation import Explanation


def test_wrong_sign_leaves_four_times_the_variance():
    _, X, A = linear_pairs()
    data = X @ A.T
    np.testing.assert_allclose(Explanation().misfit(data, -data), 4.0)
    assert Explanation(largest=4.1).misfit(data, -data) is None


def test_true_operators_and_too_few_measurements_say_nothing():
    B, X, A = linear_pairs()
    data = X @ A.T
    assert Explanation().misfit(B, data) is None
    assert Explanation().misfit(B[:5], -data[:5]) is None
    assert Explanation(enough=25).misfit(B[:5], -data[:5]) > 1.5


def test_constant_data_are_no_reason_to_doubt():
    assert Explanation().misfit(np.ones((50, 2)), np.zeros((50, 2))) is None
