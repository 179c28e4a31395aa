"""Least-squares quadratics."""

import numpy as np
import pytest

from skhj.numerics.least_squares_quadratic import fit_affine, fit_quadratic


def quadratic(n, d, seed=0):
    rng = np.random.default_rng(seed)
    U, A = rng.normal(size=(n, d)), rng.normal(size=(d, d))
    H, slope = A + A.T, rng.normal(size=d)
    return U, H, slope, 1.5 + U @ slope + ((U @ H) * U).sum(1) / 2


def test_a_quadratic_is_recovered_exactly():
    U, H, slope, w = quadratic(200, 4)
    fit = fit_quadratic(U, w, curvature_floor=-np.inf)
    np.testing.assert_allclose(fit.hessian, H, rtol=0, atol=1e-10)
    np.testing.assert_allclose(fit.slope, slope, rtol=0, atol=1e-10)
    np.testing.assert_allclose(fit(U), w, rtol=0, atol=1e-10)


def test_curvatures_are_raised_to_the_floor_and_the_affine_part_fits_again():
    U, H, _, w = quadratic(200, 4)
    fit = fit_quadratic(U, w, curvature_floor=0.5)
    eigenvalues, vectors = np.linalg.eigh(H)
    raised = (vectors * np.maximum(eigenvalues, 0.5)) @ vectors.T
    np.testing.assert_allclose(fit.hessian, raised, rtol=0, atol=1e-10)
    # What an affine fit leaves is orthogonal to affine functions.
    assert abs((w - fit(U)).mean()) < 1e-10
    np.testing.assert_allclose(U.T @ (w - fit(U)), 0, rtol=0, atol=1e-9)


def test_many_samples_may_come_in_any_order():
    """Only some rows of very many are used: not the first ones."""
    side = np.linspace(-1, 1, 250)
    U = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    w = np.abs(U).sum(axis=1)
    in_order = fit_quadratic(U, w, curvature_floor=-np.inf)
    np.testing.assert_allclose(
        in_order.hessian[0, 0], in_order.hessian[1, 1], rtol=0.05
    )


def test_few_samples_share_one_curvature():
    U, _, _, w = quadratic(20, 4)
    H = fit_quadratic(U, w, curvature_floor=-np.inf).hessian
    np.testing.assert_allclose(H, H[0, 0] * np.eye(4), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fewer_samples_than_coefficients_still_interpolate(n):
    U, _, _, w = quadratic(n, 4)
    intercept, slope = fit_affine(U, w)
    np.testing.assert_allclose(intercept + U @ slope, w, rtol=0, atol=1e-12)
