"""Trials of settings: short trainings, of which the best decides."""

from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from linear_pairs import linear_pairs

from skhj.inverse.candidates import SettingChoice
from skhj.inverse.objectives import MeanObjective
from skhj.inverse.pairs import Pairs
from skhj.inverse.posterior.draw_objective import DrawObjective
from skhj.inverse.trials import Task
from skhj.inverse.unrolled.architecture import Architecture
from skhj.operators import as_operator
from skhj.training import Schedule

Result = namedtuple("Result", "best_loss")


@dataclass
class Scripted:
    """A trainer that trains nothing, and comes to losses that it is told."""

    losses: list
    schedule: Schedule = Schedule(8, 10, 1e-3)
    generator: torch.Generator = None
    device: torch.device = torch.device("cpu")
    asked: list = field(default_factory=list)

    def scheduled(self, **changes):
        self.asked.append(changes)
        return self

    def silent(self):
        return self

    def train(self, module, criterion, training, validation=None, **options):
        self.asked.append((training, validation, options))
        loss = self.losses.pop(0)
        if not np.isfinite(loss):
            raise FloatingPointError
        return Result(loss)


@pytest.fixture
def pairs():
    B, X, _ = linear_pairs(n=60)
    held_out = np.arange(60) < 10
    return Pairs(B, X, held_out, ~held_out)


@pytest.fixture
def candidates(pairs):
    operator = as_operator(linear_pairs()[2])
    return SettingChoice().candidates(pairs, operator, None)


def task(pairs, **options):
    return Task(pairs, Architecture("eunet", 8, seed=0), MeanObjective(), **options)


@pytest.mark.parametrize(
    ("losses", "best"), [([2.0, 1.0], 1), ([1.0, 2.0], 0), ([np.inf, 9.0], 1)]
)
def test_the_smallest_loss_decides_and_a_failure_is_none(
    losses, best, pairs, candidates
):
    trainer = Scripted(losses)
    assert task(pairs).best(candidates, trainer)[0] == best
    assert trainer.asked[0] == {"max_iter": 2}


def test_samples_held_out_are_not_trained_on(pairs, candidates):
    for judged in (True, False):
        trainer = Scripted([1.0])
        task(pairs, judged=judged).train(candidates[0], trainer)
        (inputs, answers), validation, _ = trainer.asked[-1]
        units = candidates[0].setting.units
        # Single precision.
        expected = units.answers(pairs.X[pairs.seen])
        np.testing.assert_allclose(answers, expected, rtol=1e-6)
        assert len(inputs) == 50
        if judged:
            expected = units.inputs(pairs.B[pairs.held_out])
            np.testing.assert_allclose(validation[0], expected, rtol=1e-5, atol=1e-6)
        else:
            assert validation is None


def test_fresh_noise_is_added_to_data_without(pairs, candidates):
    clean, trainer = np.zeros_like(pairs.B), Scripted([1.0])
    trainer.generator = torch.Generator().manual_seed(0)
    noisy = task(pairs, noise_level=0.5, noiseless=clean)
    noisy.train(candidates[0], trainer)
    (inputs, _), validation, options = trainer.asked[-1]
    units = candidates[0].setting.units
    np.testing.assert_allclose(inputs, units.inputs(clean)[:50], rtol=1e-5, atol=1e-6)
    measured = units.inputs(pairs.B[pairs.held_out])
    np.testing.assert_allclose(validation[0], measured, rtol=1e-5, atol=1e-6)
    assert options["augment"].level == 0.5


def test_draws_are_scored_in_white_units_where_covariances_are_affordable(
    pairs, candidates
):
    objective = DrawObjective(n_draws=3, n_draws_of_images=5)
    setting = candidates[0].setting
    criterion, module = objective.prepare(None, setting, pairs, None)
    assert module.n_draws == 3
    left = pairs.X - setting.linear(pairs.B)
    left = left[pairs.seen] @ setting.units.analysis
    white = left @ criterion.whitening.numpy().T
    # Single precision; k directions share a mean square of one.
    np.testing.assert_allclose(white.T @ white / 50, np.eye(8) / 8, atol=1e-4)

    class OfImages:
        has_covariances = False

    criterion, module = objective.prepare(None, OfImages(), pairs, None)
    assert module.n_draws == 5
    assert criterion.whitening is None
