"""The energy score, and networks whose output is draws."""

import numpy as np
import torch
from numpy.testing import assert_allclose
from scipy.spatial.distance import cdist

from skhj.inverse.unrolled.energy_score import Draws, EnergyScore, whitening_of


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def score(draws, x, whitening=None):
    return EnergyScore(whitening)(draws, [x]).item()


def test_score_is_the_sum_over_pairs():
    draws, x = draw(3, 5, 4), draw(5, 4, seed=1)
    expected = []
    for i in range(5):
        rows = draws[:, i].numpy()
        apart = cdist(rows, rows).sum() / 6
        expected.append(cdist(rows, x[i : i + 1].numpy()).mean() - apart / 2)
    assert_allclose(score(draws, x), np.mean(expected))


def test_score_is_smallest_for_draws_of_the_true_distribution():
    """Of any width and place, also in a direction that is narrow."""
    size = torch.tensor([1.0, 0.03], dtype=torch.float64)
    x, noise = size * draw(40_000, 2), draw(4, 40_000, 2, seed=1)
    W = torch.tensor(whitening_of(x.numpy()))
    true = score(size * noise, x, W)
    # The standard error of a score is 0.003, of differences on the same draws less.
    for wrong in ([1.0, 0.015], [1.0, 0.06], [0.5, 0.03], [2.0, 0.03]):
        assert score(torch.tensor(wrong) * noise, x, W) > true + 0.005
    assert score(size * (noise + torch.tensor([0.0, 1.0])), x, W) > true + 0.005


def test_whitening_makes_rows_white():
    rows = (draw(500, 3) @ draw(3, 3, seed=1)).numpy()
    white = rows @ whitening_of(rows).T
    assert_allclose(white.T @ white / 500, np.eye(3) / 3, atol=1e-12)


def test_whitening_does_not_blow_up_directions_that_are_certain():
    rows = draw(500, 3).numpy() * [1.0, 1e-9, 0.0]
    # White of their own, the second would be of order one.
    assert np.abs((rows @ whitening_of(rows).T)[:, 1]).max() < 1e-6
    assert_allclose(whitening_of(0 * rows), np.eye(3))


def test_draws_are_fresh_in_training_and_the_same_in_validation():
    def network(inputs, noise):
        return inputs + noise(inputs)

    draws = Draws(network, 3, torch.Generator().manual_seed(1))
    inputs = draw(5, 2)
    first, second = draws(inputs), draws(inputs)
    assert first.shape == (3, 5, 2)
    assert not torch.isclose(first, second).any()
    draws.eval()
    assert_allclose(draws(inputs), draws(inputs), rtol=0)
    assert_allclose(draws(inputs).mean((0, 1)), inputs.mean(0), atol=1)
