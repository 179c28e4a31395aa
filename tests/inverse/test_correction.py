"""How much of a network's correction is applied."""

import numpy as np
import pytest

from skhj.inverse.correction import CorrectionRule


def pairs(n, gain, noise, seed=0):
    """Linear estimates, answers and models, of which some part is explained."""
    rng = np.random.RandomState(seed)
    linear, step = rng.normal(size=(2, n, 3))
    models = linear + gain * step + noise * rng.normal(size=(n, 3))
    return linear, linear + step, models


@pytest.mark.parametrize("gain", [0.3, 1.0])
def test_share_is_that_of_least_squares_where_there_is_no_doubt(gain):
    share = CorrectionRule().share(*pairs(10_000, gain, noise=0.1))
    # Less one per ten thousand of it, the square of the relative standard error.
    np.testing.assert_allclose(share, gain, rtol=2e-3)


def test_share_is_at_most_one():
    assert CorrectionRule().share(*pairs(100, 2.0, noise=0.0)) <= 1


def test_gains_by_chance_are_as_rare_as_the_rule_says():
    for chance in (0.1, 0.4):
        rule = CorrectionRule(chance=chance)
        helped = [rule.share(*pairs(50, 0.0, 1.0, seed)) > 0 for seed in range(300)]
        assert np.mean(helped) < chance


def test_nothing_to_correct_is_no_share():
    linear, _, models = pairs(10, 1.0, 0.0)
    assert CorrectionRule().share(linear, linear, models) == 0
    assert CorrectionRule().share(linear[:1], linear[:1] + 1, models[:1]) == 0


def test_no_output_is_made_worse_and_the_others_have_their_share():
    linear, answers, models = pairs(1000, 0.8, noise=0.1)
    models[:, 1] = linear[:, 1] - 0.2 * (answers - linear)[:, 1]
    models[:, 2] = linear[:, 2] + 0.2 * (answers - linear)[:, 2]
    rule = CorrectionRule()
    share = rule.by_output(0.7, linear, answers, models)
    np.testing.assert_allclose(share, [0.7, 0.0, 0.2], rtol=1e-12)
    assert rule.by_output(0.7, linear[:, :1], answers[:, :1], models[:, :1]) == 0.7
