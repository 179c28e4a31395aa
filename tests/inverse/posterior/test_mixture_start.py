"""Mixtures of linear estimates, chosen on samples held out."""

from functools import partial

import numpy as np
import pytest
import torch

from skhj.estimators.mixtures import fit_mixture
from skhj.inverse.candidates import SettingChoice
from skhj.inverse.pairs import Pairs
from skhj.inverse.posterior.selection import MixtureSelection
from skhj.inverse.unrolled.mixture_start import MixtureStart
from skhj.inverse.unrolled.network import standard_normal
from skhj.numerics.gaussian_mixture import GaussianMixture, condition, mean
from skhj.operators import as_operator

FIT = partial(fit_mixture, seed=0)
A = np.array([[1.0, 1.0, 0.5]])
PRIOR = GaussianMixture(
    np.array([0.6, 0.4]),
    np.array([[3.0, -3.0, 0.0], [-1.0, 1.0, 1.0]]),
    np.array([np.diag([0.5, 0.3, 0.2]), np.diag([0.2, 0.4, 1.0])]),
)


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.RandomState(0)
    k = rng.choice(2, size=6000, p=PRIOR.weights)
    factors = np.sqrt(PRIOR.covariances[k])
    X = PRIOR.means[k] + np.einsum("nij,nj->ni", factors, rng.normal(size=(6000, 3)))
    B = 5 + X @ A.T + 0.1 * rng.normal(size=(6000, 1))
    held_out = rng.permutation(6000) < 600
    return Pairs(B, X, held_out, ~held_out)


def starts(pairs, *, knows_operator):
    operator = as_operator(A) if knows_operator else None
    candidate = SettingChoice().candidates(pairs, operator, None)[0]
    setting = candidate.setting
    sizes = setting.units.sizes
    known = A * sizes if knows_operator else None
    scaled = pairs.of_scaled(sizes), setting.linear.of_scaled(sizes)
    joint = MixtureSelection(FIT).choose(*scaled, known)
    factor = candidate.physics.factor.numpy()
    return joint, MixtureStart.of(joint, setting.units, factor), setting, factor


def to_models(u, setting, factor):
    answers = u.numpy() @ factor.T
    return setting.units.model_mean + setting.units.differences(answers)


@pytest.mark.parametrize("knows_operator", [True, False])
def test_starts_have_the_moments_of_the_posterior(pairs, knows_operator):
    joint, start, setting, factor = starts(pairs, knows_operator=knows_operator)
    assert len(joint.mixture.weights) == 2
    b = np.array([[5.3], [6.5]])
    posterior = condition(PRIOR, A, [[0.01]], b - 5)
    inputs = torch.tensor(setting.units.inputs(b))
    means = to_models(start.mean(inputs), setting, factor)
    # 6000 samples leave some hundredths.
    np.testing.assert_allclose(means, mean(posterior), atol=0.15)
    noise = standard_normal(torch.Generator().manual_seed(0))
    for i in range(2):
        draws = start(inputs[[i] * 20_000], noise)
        draws = to_models(draws, setting, factor)
        np.testing.assert_allclose(draws.mean(axis=0), means[i], atol=0.06)
        centres = posterior.means[i]
        spread = posterior.weights[i, :, None, None] * (
            posterior.covariances
            + np.einsum("ki,kj->kij", centres - means[i], centres - means[i])
        )
        np.testing.assert_allclose(np.cov(draws.T), spread.sum(axis=0), atol=0.25)


def test_one_component_is_enough_for_gaussian_models():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(2000, 3)) @ rng.normal(size=(3, 3))
    B = X @ A.T + 0.1 * rng.normal(size=(2000, 1))
    held_out = np.arange(2000) < 200
    pairs = Pairs(B, X, held_out, ~held_out)
    assert len(starts(pairs, knows_operator=True)[0].mixture.weights) == 1


def test_no_mixture_of_few_samples_or_many_unknowns(pairs):
    setting = SettingChoice().candidates(pairs, as_operator(A), None)[0].setting
    few = pairs._replace(seen=np.arange(6000) < 8)
    assert MixtureSelection(FIT).choose(few, setting.linear, A) is None
    small = MixtureSelection(FIT, largest=2)
    assert small.choose(pairs, setting.linear, A) is None


def test_data_without_noise_have_a_mixture(pairs):
    exact = pairs._replace(B=pairs.X @ A.T)
    joint, start, setting, factor = starts(exact, knows_operator=True)
    inputs = torch.tensor(setting.units.inputs(exact.B[:500]))
    noise = standard_normal(torch.Generator().manual_seed(0))
    draws = to_models(start(inputs, noise), setting, factor)
    # The floor of the noise, relative to the data.
    assert np.abs(draws @ A.T - exact.B[:500]).max() < 1e-2
