"""A time at which no prior generates the samples is told, with one that would do."""

import warnings

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.priors.largest_time import TimeTest
from skhj.priors.samples import Samples
from skhj.problems import L1, ConcaveQuadratic, NegativeL1


def samples_of(problem, t, *, noise=0.0, seed=0):
    X, y, _ = make_value_samples(problem, 600, 2, t=0.5, random_state=seed)
    y = y + noise * np.random.default_rng(seed).normal(size=len(y))
    return Samples(X, y, None, t, np.arange(len(X)) < 60)


def test_ten_times_the_time_of_l1_is_told_and_the_true_one_named():
    largest = TimeTest().largest_time(samples_of(L1(), 5.0), np.inf)
    assert 0.45 < largest < 0.75  # the error hardly grows just above the true time


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("problem", [L1(), NegativeL1(), ConcaveQuadratic()])
def test_no_false_alarm(problem, noise):
    for seed in range(3):
        samples = samples_of(problem, 0.5, noise=noise, seed=seed)
        error = noise**2 + 0.02 * samples.values.var()
        assert TimeTest().largest_time(samples, error) is None


def test_the_fit_says_so():
    X, y, *_ = samples_of(L1(), 0.5)
    with pytest.warns(UserWarning, match="t=5 is too large for the samples"):
        HJPriorRegressor(5.0, network="ridge", random_state=0).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HJPriorRegressor(0.5, network="ridge", random_state=0).fit(X, y)
