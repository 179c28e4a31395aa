"""Fitted inverses: blocks of rows, answers that are not finite, and their state."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from linear_pairs import linear_pairs

from skhj.estimators.mixtures import fit_mixture
from skhj.inverse.candidates import SettingChoice
from skhj.inverse.learned_inverse import LearnedInverse
from skhj.inverse.pairs import Pairs
from skhj.inverse.posterior.selection import MixtureSelection
from skhj.inverse.unrolled.architecture import Architecture
from skhj.inverse.unrolled.build import make_unrolled
from skhj.operators import as_operator


@pytest.fixture
def data():
    B, X, A = linear_pairs(n=50)
    return B, X, as_operator(A)


def make_inverse(data, **changes):
    B, X, operator = data
    held_out = np.arange(50) < 10
    pairs = Pairs(B, X, held_out, ~held_out)
    setting, physics, _ = SettingChoice().candidates(pairs, operator, None)[0]
    architecture = replace(Architecture("eunet", 16, seed=3), **changes)
    network = make_unrolled(physics, architecture).double()
    network.requires_grad_(False).eval()
    return LearnedInverse(setting, architecture, network, correction=0.7)


@pytest.mark.parametrize("noisy", [False, True])
def test_state_is_all_there_is_to_an_inverse(noisy, data):
    inverse, B = make_inverse(data, noisy=noisy), data[0]
    again = LearnedInverse.from_state(inverse.to_state(), data[2], torch.device("cpu"))
    np.testing.assert_array_equal(again.predict(B).models, inverse.predict(B).models)
    for name in ("linear", "correction", "draws"):
        ours, theirs = getattr(inverse, name), getattr(again, name)
        if callable(ours):
            ours, theirs = ours(B), theirs(B)
        np.testing.assert_array_equal(ours, theirs)


def test_correction_is_a_share_of_the_network_s(data):
    inverse, B = make_inverse(data), data[0]
    whole = replace(inverse, correction=1.0).predict(B).models
    linear = inverse.linear(B)
    expected = linear + 0.7 * (whole - linear)
    np.testing.assert_allclose(inverse.predict(B).models, expected)
    none = replace(inverse, correction=0.0).predict(B).models
    np.testing.assert_array_equal(none, linear)


def test_rows_that_are_not_finite_are_returned_and_get_the_linear_estimate(data):
    inverse, B = make_inverse(data), data[0].copy()
    inverse.network.log_steps += 50
    B[[3, 5]] *= 1e295
    with np.errstate(all="ignore"):
        models, finite = inverse.predict(B)
        trajectory = inverse.trajectory(B)
    np.testing.assert_array_equal(np.flatnonzero(~finite), [3, 5])
    np.testing.assert_array_equal(trajectory.finite, finite)
    np.testing.assert_array_equal(models[[3, 5]], inverse.linear(B)[[3, 5]])
    assert np.isfinite(models[finite]).all()


def test_a_network_that_is_not_kept_does_no_harm(data):
    """Where draws of the mixture are the answers, whatever its weights are."""
    inverse, B = make_inverse(data, noisy=True), data[0]
    pairs = Pairs(*data[:2], np.arange(50) < 10, np.arange(50) >= 10)
    fit = partial(fit_mixture, seed=0)
    mixture = MixtureSelection(fit).choose(pairs, inverse.setting.linear)
    setting = inverse.setting.with_mixture(mixture)
    inverse = replace(inverse, setting=setting, correction=0.0)
    expected = inverse.predict(B).models, inverse.sample(B, 3).models
    inverse.network.log_steps += np.nan
    np.testing.assert_array_equal(inverse.predict(B).models, expected[0])
    np.testing.assert_array_equal(inverse.sample(B, 3).models, expected[1])
    assert inverse.trajectory(B).finite.all()


def test_means_are_those_of_draws(data):
    inverse, B = make_inverse(data, noisy=True), data[0][:1]
    # Of one row, common noise is its own.
    draws = inverse.sample(B, inverse.n_averaged).models
    assert draws.shape == (100, 1, 8)
    np.testing.assert_allclose(draws.mean(axis=0), inverse.predict(B).models)
