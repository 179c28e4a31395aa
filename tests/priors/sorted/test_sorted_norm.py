"""Weighted singular values, their envelopes, and bases to start from."""

import numpy as np
import pytest

from skhj.priors.sorted.bases import BasisStarts, fourth_moments
from skhj.priors.sorted.singular_values import Layout, layouts_of
from skhj.priors.sorted.sorted_norm import SortedNorm
from skhj.problems import L1, NuclearNorm, SortedL1

RNG = np.random.default_rng(0)
LAYOUTS = layouts_of(8)
NAMES = ["x".join(map(str, layout)) for layout in LAYOUTS]
of_layouts = pytest.mark.parametrize("layout", LAYOUTS, ids=NAMES)


def norm_of(layout, seed=0):
    """A sorted norm of eight coordinates with some ties of weights."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    weights = np.repeat(np.linspace(1.0, 0.4, 4), 2)[: layout.n_sizes]
    return SortedNorm(layout, Q, weights, rng.normal(size=8), 0.3)


@pytest.fixture
def V():
    return np.random.default_rng(1).normal(size=(200, 8), scale=2.0)


@pytest.mark.parametrize(
    ("layout", "weights", "problem"),
    [
        (Layout(8, 1, 1), np.ones(8), L1()),
        (Layout(8, 1, 1), np.arange(8, 0, -1) / 4, SortedL1(np.arange(8, 0, -1) / 4)),
        (Layout(1, 2, 4), np.ones(2), NuclearNorm((2, 4))),
    ],
    ids=["l1", "sorted l1", "nuclear norm"],
)
def test_known_norms_are_special_cases(layout, weights, problem, V):
    norm = SortedNorm(layout, np.eye(8), weights, np.zeros(8), 0.0)
    # Sums and decompositions of numbers of size ten.
    for t in (0.4, 1.0):
        prox = V + norm.way_to_prox(V, t)
        np.testing.assert_allclose(prox, problem.prox(V, t), atol=1e-13)
    np.testing.assert_allclose(norm.envelope(V)[0], problem.value(V, 1.0), atol=1e-12)
    np.testing.assert_allclose(norm.value_and_gradient(V)[0], problem.prior(V))


def test_pairs_and_matrices_agree_on_the_nuclear_norm_of_two_by_two():
    """It is the larger of the norms of two pairs, (a + d, b - c) and (a - d, b + c)."""
    Y = RNG.normal(size=(50, 4))
    a, b, c, d = Y.T
    pairs = np.hypot(a + d, b - c), np.hypot(a - d, b + c)
    np.testing.assert_allclose(NuclearNorm((2, 2)).prior(Y), np.maximum(*pairs))


@of_layouts
def test_decompositions_give_the_points_back(layout, V):
    singular = layout.decompose(V)
    np.testing.assert_allclose(singular.with_sizes(singular.sizes), V, atol=1e-14)
    squares = (singular.sizes**2).sum(axis=1)
    np.testing.assert_allclose(squares, (V * V).sum(axis=1))


@of_layouts
def test_gradient_and_derivatives_are_those_of_differences(layout, V):
    norm, step = norm_of(layout), 1e-6
    D = np.random.default_rng(2).normal(size=V.shape)

    def slope(function):
        return (function(V + step * D) - function(V - step * D)) / (2 * step)

    gradient = norm.value_and_gradient(V)[1]
    by_value = slope(lambda v: norm.value_and_gradient(v)[0])
    by_prox = slope(lambda v: v + norm.way_to_prox(v, 0.7))
    wrong = np.abs(norm.prox_derivative(V, D, 0.7) - by_prox).max(axis=1)
    # Differences err by the square of the step and rounding over it; a few rows have
    # a kink within a step.
    assert np.mean(np.abs((gradient * D).sum(axis=1) - by_value) > 1e-6) < 0.02
    assert np.mean(wrong > 1e-6) < 0.02


@of_layouts
def test_derivatives_of_the_envelope_are_those_of_differences(layout, V):
    norm, step = norm_of(layout), 1e-6
    # Weights of a pair may not rise: a step that lowers the second leaves both free.
    norm = norm._replace(weights=np.linspace(1.0, 0.4, layout.n_sizes))
    jacobian = norm.envelope(V)[1]
    for k, column in enumerate(jacobian.T):
        change = step * np.eye(jacobian.shape[1])[k]
        ahead, behind = (norm.moved(s * change).envelope(V)[0] for s in (1, -1))
        assert np.abs((ahead - behind) / (2 * step) - column).max() < 1e-6


def test_steps_keep_a_norm_of_an_orthogonal_basis():
    norm = norm_of(LAYOUTS[0])
    step = np.random.default_rng(3).normal(size=28 + 8 + 8 + 1)
    moved = norm.moved(step)
    np.testing.assert_allclose(moved.basis @ moved.basis.T, np.eye(8), atol=1e-13)
    assert moved.weights.min() >= 0
    assert (np.diff(moved.weights) <= 0).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_fourth_moments_of_a_sum_of_fourth_powers_show_its_basis(sign):
    rng = np.random.RandomState(0)
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    V = rng.normal(size=(4000, 6))
    moments = fourth_moments(V, sign * ((V @ Q.T) ** 4).sum(axis=1), np.zeros(6))
    found = BasisStarts().find(Layout(6, 1, 1), sign * moments, rng)
    cosines = np.sort(np.abs(found @ Q.T), axis=1)
    # Moments of 4,000 samples, whose weights leave an eighth.
    assert cosines[:, -1].min() > 0.95


def test_layouts_cover_all_shapes_with_no_more_rows_than_columns():
    shapes = {tuple(layout) for layout in layouts_of(12)}
    assert (1, 3, 4) in shapes
    assert (3, 2, 2) in shapes
    assert (12, 1, 1) in shapes
    assert all(b * r * c == 12 and r <= c for b, r, c in shapes)
