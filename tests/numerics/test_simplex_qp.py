"""Quadratic programs on the simplex meet their optimality conditions."""

import numpy as np
import pytest

from skhj.numerics.simplex_qp import SimplexQP


def problems(n_problems, m, d, seed=0, spread=0.3):
    """Random problems with the best vertex as their reference."""
    rng = np.random.default_rng(seed)
    D = rng.standard_normal((n_problems, m + 1, d))
    b = spread * rng.standard_normal((n_problems, m + 1))
    best = ((D * D).sum(-1) / 2 - b).argmin(axis=1)
    rows = np.arange(n_problems)
    anchor = D[rows, best]
    b -= b[rows, best][:, None] + np.einsum("nmd,nd->nm", D - anchor[:, None], anchor)
    D = D - anchor[:, None]
    others = np.ones((n_problems, m + 1), dtype=bool)
    others[rows, best] = False
    return D[others].reshape(n_problems, m, d), b[others].reshape(n_problems, m)


def gap(D, b, weights):
    """Frank-Wolfe gap: an upper bound of the distance to the minimum."""
    lam = weights[:, :-1]
    y = np.einsum("nm,nmd->nd", lam, D)
    gradient = np.einsum("nmd,nd->nm", D, y) - b
    lowest = np.minimum(gradient.min(axis=1), 0)  # the reference's own is 0
    return (lam * gradient).sum(axis=1) - lowest


@pytest.mark.parametrize(("m", "d"), [(1, 1), (4, 2), (30, 2), (30, 16), (40, 64)])
def test_weights_are_optimal(m, d):
    D, b = problems(100, m, d)
    weights = SimplexQP().minimize(D, b)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=1e-13)
    # Terms of size |D|^2 ~ 4 d, and a few dozen pivots of round-off.
    assert gap(D, b, weights).max() < 1e-14 * 100 * d


def test_a_warm_start_gives_the_same_minimum():
    D, b = problems(200, 12, 5)
    cold = SimplexQP().minimize(D, b)
    order = np.argsort(cold[:, :-1] <= 0, axis=1, kind="stable")
    D, b = np.take_along_axis(D, order[..., None], 1), np.take_along_axis(b, order, 1)
    cold = np.hstack([np.take_along_axis(cold[:, :-1], order, 1), cold[:, -1:]])
    warm = np.column_stack([cold[:, :5] > 0, cold[:, -1] > 0])
    weights = SimplexQP().minimize(D, b, n_warm=5, warm=warm)
    np.testing.assert_allclose(weights, cold, rtol=0, atol=1e-10)


def test_duplicates_and_dependent_vertices_are_harmless():
    D, b = problems(50, 8, 2)
    twice = np.concatenate([D, D, D[:, :3] * 0], axis=1)
    gains = np.concatenate([b, b, b[:, :3] * 0], axis=1)
    weights = SimplexQP().minimize(twice, gains)
    assert gap(twice, gains, weights).max() < 1e-13


def test_weights_stay_feasible_when_pivots_run_out():
    D, b = problems(50, 30, 8)
    weights = SimplexQP(max_iter=3).minimize(D, b)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=0, atol=1e-13)
    assert gap(D, b, weights).max() > 1e-6
