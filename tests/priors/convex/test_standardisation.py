"""The change of units: what it undoes, and what it must keep."""

import numpy as np
import pytest

from skhj.priors.convex.standardisation import standardise
from skhj.problems import L1

T = 1.3


@pytest.fixture
def samples():
    X = np.random.default_rng(0).uniform(-4, 4, size=(500, 3))
    return X, -L1().value(X, T)


def test_scaled_and_shifted_samples_have_the_same_standard_form(samples):
    """x -> a x + b, w -> c w + e is the same problem at time a^2 t / c."""
    X, w = samples
    a, b, c, e = 1e3, np.array([3e3, -1e4, 0.0]), 1e-6, 5e-6
    first = standardise(X, w, T)
    second = standardise(a * X + b, c * w + e, a**2 * T / c)
    np.testing.assert_allclose(
        first.whiten(X), second.whiten(a * X + b), rtol=0, atol=1e-10
    )
    np.testing.assert_allclose(
        first.values(X, w), second.values(a * X + b, c * w + e), rtol=0, atol=1e-8
    )


def test_standard_values_have_unit_size_and_points_unit_covariance(samples):
    X, w = samples
    units = standardise(X, w + 1e5 - X @ [1e3, 0, 0], T)
    U = units.whiten(X)
    np.testing.assert_allclose(np.cov(U.T, bias=True), np.eye(3), rtol=0, atol=1e-10)
    assert 0.1 < units.values(X, w + 1e5 - X @ [1e3, 0, 0]).std() < 10


def test_gradients_are_those_of_the_standard_values(samples):
    X, w = samples
    units = standardise(X, w, T)
    gradient = -(X - L1().prox(X, T)) / T
    step, U_gradient = 1e-6, units.gradients(X, gradient)
    for j in range(3):
        # Points moved by one unit of u_j: x = m + s A^-1 u.
        e = step * units.length * np.linalg.inv(units.whitening)[j]
        up, down = (units.values(X + s * e, -L1().value(X + s * e, T)) for s in (1, -1))
        # Central differences: rounding eps / step ~ 1e-9, no kink of L1's S.
        np.testing.assert_allclose(
            (up - down) / (2 * step), U_gradient[:, j], rtol=0, atol=1e-6
        )


def test_convexity_is_left_to_f(samples):
    """|x|^2 / 2 + t w without f is already strongly convex."""
    units = standardise(*samples, T)
    assert units.curvature > -(units.length**2) / T


def test_constant_features_and_values_are_no_division_by_zero():
    X = np.column_stack([np.arange(10.0), np.full(10, 7.0)])
    for points, values in ((X, np.zeros(10)), (np.full((10, 2), 3.0), np.arange(10.0))):
        units = standardise(points, values, T)
        assert all(np.isfinite(field).all() for field in units)
        assert np.isfinite(units.values(points, values)).all()


def test_points_that_are_one_but_for_rounding_have_a_unit():
    X = (
        np.tile([0.1, 3.3], (30, 1))
        * (1 + np.finfo(float).eps * (np.arange(30) % 2))[:, None]
    )
    units = standardise(X, np.arange(30.0), t=1.0)
    assert units.length == 1
    assert np.isfinite(units.whiten(X)).all()
