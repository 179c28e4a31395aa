"""Whether draws lie where models do."""

import numpy as np
import pytest

from skhj.inverse.linear.dense import ridge_path, statistics_of
from skhj.inverse.pairs import Pairs
from skhj.inverse.posterior.support import Support


@pytest.fixture
def problem():
    """Signs of two unknowns of known sum, and a way to draw more."""

    def draw(n, seed):
        rng = np.random.RandomState(seed)
        X = np.sign(rng.normal(size=(n, 1))) * [2.0, -2.0] + 0.3 * rng.normal(
            size=(n, 2)
        )
        return X.sum(axis=1, keepdims=True), X

    B, X = draw(2000, 0)
    held_out = np.arange(2000) < 500
    linear = ridge_path(statistics_of(B, X), [1e-6], scaled=True)[0]
    return Support.of(Pairs(B, X, held_out, ~held_out), linear), draw


def test_other_pairs_lie_outside_as_often_as_expected(problem):
    support, draw = problem
    B, X = draw(4000, 1)
    share = support.share_outside(B, X[None])
    # Of 500 and of 4000.
    assert abs(share - support.expected) < 3 * support.chance


def test_draws_between_modes_lie_outside(problem):
    support, draw = problem
    B, X = draw(1000, 1)
    between = support.linear(B)
    assert support.share_outside(B, between[None]) > 0.9
    half = np.where(np.arange(1000)[:, None] < 500, X, between)
    assert abs(support.share_outside(B, half[None]) - 0.525) < 0.05


def test_places_are_white_wherever_models_lie(problem):
    _, draw = problem
    B, X = draw(2000, 0)
    held_out = np.arange(2000) < 500
    for far in (0.0, 1e3):
        pairs = Pairs(B, X + far, held_out, ~held_out)
        linear = ridge_path(statistics_of(*pairs.of(~held_out)), [1e-6], scaled=True)
        places = Support.of(pairs, linear[0]).seen.data
        # One number of the data, the floor for the direction that they determine.
        assert places.shape == (1500, 3)
        assert np.abs(places[:, 0].std() - 1) < 1e-3


def test_models_of_other_data_lie_outside(problem):
    """It is the pair that counts, not the model alone."""
    support, draw = problem
    B, X = draw(1000, 1)
    order = np.argsort(B[:, 0])
    assert support.share_outside(B[order], X[order[::-1]][None]) > 0.2
