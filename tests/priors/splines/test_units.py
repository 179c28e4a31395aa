"""Units of splines: centred, of unit size, and of finite ratios."""

import numpy as np
import pytest

from skhj.priors.samples import Samples
from skhj.priors.splines.units import Units


def samples(*, t=0.5):
    rng = np.random.default_rng(0)
    X = 3.0 + 10.0 * rng.normal(size=(200, 3))
    return Samples(X, (X**2).sum(1), 2 * X, t, np.arange(200) < 20)


def test_points_that_are_seen_are_centred_and_of_unit_size():
    of = samples()
    scaled = Units.of(of).scaled(of, 1.0).take(of.seen)
    np.testing.assert_allclose(scaled.V.mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose((scaled.V**2).mean(), 1.0)
    np.testing.assert_allclose(scaled.values.mean(), 0.0, atol=1e-14)


def test_gradients_are_those_of_the_values():
    """w = |x|^2 is f = t |v + m / s|^2 but for a constant."""
    of = samples()
    units = Units.of(of)
    scaled = units.scaled(of, 1.0)
    expected = 2 * units.time * (scaled.V + units.center / units.length)
    np.testing.assert_allclose(scaled.gradients, expected, rtol=1e-12)


@pytest.mark.parametrize("t", [1e-320, 1e307])
def test_sizes_without_finite_ratios_are_refused(t):
    of = samples(t=t)
    of = of._replace(X=1e-10 * of.X) if t > 1 else of
    with pytest.raises(ValueError, match="finite numbers, got points of spread"):
        Units.of(of)


def test_values_whose_squares_are_no_numbers_beside_those_of_points_are_refused():
    of = samples()
    of = of._replace(X=1e-100 * of.X)
    with pytest.raises(ValueError, match="points of spread .*, values of spread"):
        Units.of(of)
