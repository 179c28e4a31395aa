"""Local fits: exact for quadratics, and none where they would cost too much."""

import numpy as np
import pytest

from skhj.priors.splines.local_hessians import LocalHessians
from skhj.priors.splines.ridge_sum import ScaledSamples

D = 3
H = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, -0.4], [0.0, -0.4, 0.5]])


def quadratic(*, with_gradients, n=200):
    V = np.random.default_rng(0).normal(size=(n, D)) * [1.0, 10.0, 0.1]
    values = ((V @ H) * V).sum(1) / 2 + V.sum(1)
    return ScaledSamples(V, values, V @ H + 1 if with_gradients else None, 1.0, 1.0)


@pytest.mark.parametrize("with_gradients", [False, True])
def test_hessians_of_a_quadratic_are_its_own(with_gradients):
    # A larger share on the diagonal would bias them.
    fits = LocalHessians(conditioning=1e-14, most_fits=50)
    found = fits.at_some(
        quadratic(with_gradients=with_gradients), np.random.RandomState(0)
    )
    assert found.shape == (50, D, D)
    unit = np.array([1.0, 0.1, 10.0])
    np.testing.assert_allclose(
        found / np.outer(unit, unit), [H / np.outer(unit, unit)] * 50, atol=1e-6
    )


@pytest.mark.parametrize(
    ("fits", "n"), [(LocalHessians(largest_fit=9), 200), (LocalHessians(), 14)]
)
def test_fits_too_large_or_of_too_few_samples_are_not_made(fits, n):
    """Ten coefficients; one and a half times as many samples at least."""
    samples = quadratic(with_gradients=False, n=n)
    assert fits.at_some(samples, np.random.RandomState(0)) is None
