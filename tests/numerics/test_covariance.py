"""Powers of covariances, and the directions that points span."""

import numpy as np
import pytest

from skhj.numerics.covariance import (
    covariance,
    range_whitening,
    spanned,
    symmetric_eigh,
    symmetric_power,
)


def orthogonal(d, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def matrix(values):
    """A symmetric matrix of these eigenvalues."""
    Q = orthogonal(len(values))
    return (Q * values) @ Q.T


def test_covariance_is_the_mean_of_the_products():
    V = np.array([[1.0, 2.0], [-1.0, 0.0], [0.0, 1.0]])
    products = [np.outer(v, v) for v in V]
    np.testing.assert_allclose(covariance(V), np.mean(products, axis=0))


@pytest.mark.parametrize("exponent", [1.0, 0.5, -0.5, -1.0])
def test_powers_on_the_range_multiply_as_powers(exponent):
    A = matrix([4.0, 1.0, 0.25, 0.0])
    power = symmetric_power(A, exponent)
    # Rounding of products of size 4.
    on_range = symmetric_power(A, 0.0)
    np.testing.assert_allclose(
        power @ symmetric_power(A, -exponent), on_range, rtol=0, atol=1e-14
    )
    np.testing.assert_allclose(on_range @ A, A, rtol=0, atol=1e-14)
    assert (power == power.T).all() or np.abs(power - power.T).max() < 1e-15
    assert np.linalg.matrix_rank(power, tol=1e-8) == 3


def test_a_negative_half_power_whitens():
    V = np.random.default_rng(0).standard_normal((500, 3)) @ matrix([1.0, 0.1, 1e-3])
    V -= V.mean(axis=0)
    white = V @ symmetric_power(covariance(V), -1 / 2)
    # The condition number, 1e6, times a rounding.
    np.testing.assert_allclose(covariance(white), np.eye(3), rtol=0, atol=1e-9)


def test_a_floor_raises_what_is_small_and_rounding_counts_as_the_largest():
    raised = symmetric_power(matrix([4.0, 1e-3, 1e-15]), -1.0, floor=0.25)
    values = np.linalg.eigvalsh(raised)
    np.testing.assert_allclose(values, [1 / 4, 1 / 4, 1.0], rtol=1e-12)


@pytest.mark.parametrize("floor", [None, 0.1])
@pytest.mark.parametrize("exponent", [0.5, -0.5])
def test_the_zero_matrix_has_a_finite_power(floor, exponent):
    power = symmetric_power(np.zeros((2, 2)), exponent, floor=floor)
    np.testing.assert_array_equal(
        power, np.zeros((2, 2)) if floor is None else np.eye(2)
    )


def test_eigenvalues_fall_and_rounding_is_zero():
    values, vectors = symmetric_eigh(matrix([0.0, 3.0, 1e-13, 1.0]))
    np.testing.assert_allclose(values, [3, 1, 0, 0], rtol=1e-14)
    assert (values[2:] == 0).all()
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(4), rtol=0, atol=1e-14)


@pytest.mark.parametrize("shift", [0.0, 1e3])
@pytest.mark.parametrize("size", [1e-150, 1.0, 1e150])
def test_spans_and_rest_are_orthonormal_and_points_vary_in_the_spans_alone(shift, size):
    rng = np.random.default_rng(0)
    Q = orthogonal(5)
    X = size * (rng.standard_normal((60, 2)) @ Q[:2] + shift)
    spans, rest = spanned(X, 1e-6)
    assert spans.shape == (5, 2)
    both = np.hstack([spans, rest])
    np.testing.assert_allclose(both.T @ both, np.eye(5), rtol=0, atol=1e-13)
    V = X - X.mean(axis=0)
    assert np.abs(V @ rest).max() < 1e-9 * np.abs(V).max()


def test_constant_features_are_left_out_as_axes():
    X = np.random.default_rng(0).standard_normal((50, 4))
    X[:, 1] = 7.0
    spans, rest = spanned(X, 1e-6)
    np.testing.assert_array_equal(spans, np.eye(4)[:, [0, 2, 3]])
    np.testing.assert_array_equal(rest, np.eye(4)[:, [1]])


def test_points_that_span_all_keep_their_axes():
    spans, rest = spanned(np.random.default_rng(0).standard_normal((50, 3)), 1e-6)
    np.testing.assert_array_equal(spans, np.eye(3))
    assert rest.shape == (3, 0)


@pytest.mark.parametrize("X", [np.ones((5, 3)), np.zeros((1, 3))])
def test_one_point_spans_one_direction(X):
    """So that what is fitted in the spans has a feature at least."""
    spans, rest = spanned(X, 1e-6)
    assert spans.shape[1] >= 1
    assert spans.shape[1] + rest.shape[1] == 3


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


def test_range_whitening_has_a_number_for_each_direction_that_rows_span():
    rng = np.random.default_rng(0)
    V = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 5))
    V -= V.mean(axis=0)
    white = V @ range_whitening(V)
    np.testing.assert_allclose(covariance(white), np.eye(2), atol=1e-10)
