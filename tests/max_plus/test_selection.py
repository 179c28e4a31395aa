"""Greedy choice of pieces, and the error that the best choice can have."""

import numpy as np
import pytest
from log_cosh import LogCosh
from optimal_error import covering_density, optimal_error

from skhj.max_plus.maximum import maximum
from skhj.max_plus.pieces import pqm_pieces
from skhj.max_plus.selection import select_pieces


def test_covering_density_is_the_known_one():
    """Kershner (hexagons), Bambah (body-centred cubic), Delone and Ryshkov (A4*)."""
    known = [1, 2 * np.pi / 27**0.5, 5**1.5 * np.pi / 24, 2 * np.pi**2 / 5**1.5]
    densities = [covering_density(d) for d in (1, 2, 3, 4)]
    np.testing.assert_allclose(densities, known, rtol=1e-12)


def test_optimal_error_is_attained_by_the_best_tangents_of_a_parabola():
    """On [0, 1] the best n tangents of y^2 / 2 touch at the middles of n intervals."""
    n = 8
    touch = (np.arange(n) + 0.5) / n
    y = np.linspace(0, 1, 1601)
    error = y**2 / 2 - (touch * y[:, None] - touch**2 / 2).max(axis=1)
    np.testing.assert_allclose(error.max(), optimal_error(1.0, n, 1), rtol=1e-12)


def test_errors_are_those_left_at_the_samples():
    X, S, gradient, P = LogCosh(2).samples(1000)
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=0.3)
    index, errors = select_pieces(pieces, 40)
    assert len(index) == len(errors) == len(set(index)) == 40
    for n in (1, 7, 40):
        left = pieces.values - maximum(pieces.take(index[:n]), P).value
        np.testing.assert_allclose(left.max(), errors[n - 1], atol=1e-12)
    assert errors[-1] < errors[0]


def test_selection_stops_where_nothing_is_left_to_gain():
    X = np.linspace(-1, 1, 20)[:, None]  # J = 2 y: one piece is enough
    S, gradient = 2 * X[:, 0] - 2, np.full_like(X, 2.0)
    index, errors = select_pieces(pqm_pieces(X, S, gradient, t=1.0, alpha=1.0), 10)
    assert len(index) < 10
    assert errors[-1] <= 1e-12


@pytest.mark.parametrize("d", [1, 2])
def test_greedy_is_within_three_times_the_optimal_error(d):
    problem = LogCosh(d)
    X, S, gradient, _ = problem.samples(20_000, box=1.0)
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=problem.alpha)
    n = 50 if d == 1 else 200
    chosen = pieces.take(select_pieces(pieces, n)[0])
    Y = np.random.default_rng(1).uniform(-1, 1, size=(20_000, d))
    error = (problem.prior(Y, 1.0) - maximum(chosen, Y).value).max()
    # det(psi*'' - alpha I)^(1/2) = |det K| times the product of sech <k_j, y>.
    density = np.abs(np.linalg.det(problem.K)) / np.cosh(Y @ problem.K.T).prod(axis=1)
    best = optimal_error(2**d * density.mean(), n, d)
    assert 0.9 * best < error < 3 * best
