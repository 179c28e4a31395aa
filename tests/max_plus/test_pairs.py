"""The ratios of all pairs, against all pairs at once."""

import numpy as np
import pytest

from skhj.max_plus.pairs import PairPass


@pytest.mark.parametrize("pairs", [PairPass(), PairPass(n_rows=7, n_columns=32)])
def test_ratios_are_those_of_all_pairs(pairs):
    rng = np.random.default_rng(0)
    points, slopes = rng.standard_normal((2, 700, 3))
    values = rng.standard_normal(700)
    E = points - points[:, None, :]
    numerator = values - values[:, None] - (slopes[:, None, :] * E).sum(-1)
    squares = (E * E).sum(-1)
    np.fill_diagonal(squares, np.nan)
    ratios = 2 * numerator / squares
    result = pairs.ratios(points, slopes, values)
    np.testing.assert_allclose(result.row_minimum, np.nanmin(ratios, 1), rtol=1e-9)
    np.testing.assert_allclose(result.maximum, np.nanmax(ratios), rtol=1e-9)


def test_an_allowance_widens_every_ratio():
    """Minima grow by at most 2 a / |e|^2 of the closest pair, and maxima shrink."""
    rng = np.random.default_rng(0)
    points, slopes = rng.standard_normal((2, 300, 2))
    values = rng.standard_normal(300)
    exact = PairPass().ratios(points, slopes, values)
    widened = PairPass().ratios(points, slopes, values, allowance=0.01)
    assert (widened.row_minimum > exact.row_minimum).all()
    assert widened.maximum < exact.maximum


def test_coincident_points_decide_nothing_unless_their_values_differ():
    points, slopes = np.ones((4, 2)), np.zeros((4, 2))
    same = PairPass().ratios(points, slopes, np.full(4, 3.0))
    assert (same.row_minimum > 0).all()
    assert same.maximum < 0
    differ = PairPass().ratios(points, slopes, np.array([3.0, 3.0, 3.0, 3.1]))
    assert differ.row_minimum[3] < -1e6
    assert differ.maximum > 1e6
