"""Settings of networks: their data, and their way to arrays and back."""

import numpy as np
import pytest
import torch
from linear_pairs import linear_pairs

from skhj.inverse.candidates import SettingChoice
from skhj.inverse.pairs import Pairs
from skhj.inverse.setting import DenseSetting, NonlinearSetting, SpectralSetting
from skhj.operators import ExponentialBlur, as_operator


def split(B, X):
    held_out = np.arange(len(B)) < len(B) // 10
    return Pairs(B, X, held_out, ~held_out)


def dense():
    B, X, A = linear_pairs()
    return split(X @ A.T + 3.0, X), as_operator(A), None


def nonlinear():
    _, X, A = linear_pairs()
    function = as_operator(
        lambda x: torch.tanh(x @ torch.tensor(A).T.to(x)), shape=(5, 8)
    )
    return split(function.data(X), X), function, None


def spectral():
    X = np.cumsum(np.random.RandomState(0).normal(size=(60, 6, 7)), axis=2)
    X, operator = X.reshape(60, -1), ExponentialBlur((6, 7), 1.0)
    return split(operator.data(X) + 3.0, X), operator, (1, 6, 7)


KINDS = {DenseSetting: dense, NonlinearSetting: nonlinear, SpectralSetting: spectral}
kinds = pytest.mark.parametrize(("kind", "make"), KINDS.items())


@kinds
def test_noiseless_data_are_those_of_the_operator(kind, make):
    pairs, operator, image_shape = make()
    setting = SettingChoice().candidates(pairs, operator, image_shape)[0].setting
    assert type(setting) is kind
    data = setting.noiseless_data(pairs.X, operator)
    if kind is SpectralSetting:  # its offset is that of samples not held out
        data += (pairs.B - data).mean()
    np.testing.assert_allclose(data, pairs.B, atol=1e-12)


@kinds
def test_physics_comes_back_from_its_buffers(kind, make):
    pairs, operator, image_shape = make()
    for setting, physics, _ in SettingChoice().candidates(pairs, operator, image_shape):
        state = physics.state_dict()
        arrays = {name: tensor.numpy() for name, tensor in state.items()}
        again = setting.physics(arrays, operator)
        assert type(again) is type(physics)
        assert again.state_dict().keys() == state.keys()
        for name, tensor in again.state_dict().items():
            torch.testing.assert_close(tensor, state[name], rtol=0, atol=0)
        inputs = torch.tensor(setting.units.inputs(pairs.B))
        start, data = physics.split(inputs)
        slope = physics.misfit(data).gradient(start)
        same = again.misfit(data).gradient(start)
        torch.testing.assert_close(same, slope, rtol=0, atol=0)


@kinds
def test_starts_are_the_linear_estimate(kind, make):
    pairs, operator, image_shape = make()
    for setting, physics, _ in SettingChoice().candidates(pairs, operator, image_shape):
        inputs = torch.tensor(setting.units.inputs(pairs.B))
        start, _ = physics.split(inputs)
        answers = physics.to_model(start, start).numpy()
        models = setting.units.differences(answers) + setting.units.model_mean.ravel()
        # Condition numbers of covariances lose some digits.
        np.testing.assert_allclose(models, setting.linear(pairs.B), atol=1e-6)


@pytest.mark.parametrize("preconditioned", [True, False])
def test_refits_are_of_the_same_kind(preconditioned):
    pairs, operator, _ = dense()
    choice = SettingChoice(preconditioned=preconditioned)
    candidate = choice.candidates(pairs, operator, None)[0]
    again = candidate.refit(*pairs.of(pairs.seen))
    np.testing.assert_array_equal(again.gain, candidate.setting.linear.gain)


def test_images_of_few_samples_a_pixel_are_treated_by_their_spectrum():
    pairs, operator, image_shape = spectral()
    by_covariance = SettingChoice(dense_samples=1)
    for choice, kind in [
        (SettingChoice(), SpectralSetting),
        (by_covariance, DenseSetting),
    ]:
        for known in (operator, None):
            candidate = choice.candidates(pairs, known, image_shape)[0]
            assert type(candidate.setting) is kind


def test_estimated_data_are_those_of_the_pairs():
    pairs, _, _ = dense()
    setting = SettingChoice().candidates(pairs, None, None)[0].setting
    # The operator is estimated with a shrinkage of a thousandth.
    error = setting.estimated_data(pairs.X) - pairs.B
    assert error.var() < 1e-3 * pairs.B.var()
