"""The identities among S, psi, psi*, prox and J."""

import numpy as np
import pytest
import torch

from skhj import hamilton_jacobi as hj
from skhj.problems import L1

T = 0.7


@pytest.fixture(params=["numpy", "torch"])
def samples(request):
    X = np.random.default_rng(0).uniform(-3, 3, size=(50, 4))
    arrays = X, L1().value(X, T), L1().prox(X, T), L1().prior(L1().prox(X, T))
    return arrays if request.param == "numpy" else tuple(map(torch.tensor, arrays))


def assert_same(actual, expected):
    np.testing.assert_allclose(
        np.asarray(actual), np.asarray(expected), rtol=0, atol=1e-13
    )


def test_value_and_potential_invert_each_other(samples):
    X, S, _, _ = samples
    psi = hj.potential_from_value(X, S, T)
    assert_same((hj.half_squared_norm(X) - psi) / T, S)


def test_prox_and_gradient_invert_each_other(samples):
    X, _, P, _ = samples
    gradient = hj.value_gradient_from_prox(X, P, T)
    assert_same(hj.prox_from_gradient(X, gradient, T), P)


def test_prior_at_prox_is_the_prior(samples):
    X, S, P, J = samples
    assert_same(hj.prior_at_prox(X, P, S, T), J)


def test_prior_at_prox_is_the_conjugate_by_fenchel_young(samples):
    X, S, P, J = samples
    conjugate = hj.conjugate_at_prox(X, P, hj.potential_from_value(X, S, T))
    assert_same(hj.prior_from_conjugate(P, conjugate, T), J)
    assert_same(hj.conjugate_from_prior(P, J, T), conjugate)


def test_prior_gradient_at_prox_is_a_subgradient(samples):
    X, _, P, J = samples
    slope = hj.prior_gradient_from_point(P, X, T)
    Y = P[::-1] if isinstance(P, np.ndarray) else P.flip(0)
    J_y = L1().prior(np.asarray(Y))
    tangent = np.asarray(J + (slope * (Y - P)).sum(-1))
    assert (J_y >= tangent - 1e-12).all()
