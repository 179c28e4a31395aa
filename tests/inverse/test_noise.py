"""Level of the noise in measurements."""

import numpy as np
import pytest
from linear_pairs import linear_pairs

from skhj.inverse.noise import white_noise_level


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
