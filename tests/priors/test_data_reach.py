"""Queries far outside the data say so."""

import warnings

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj.exceptions import ExtrapolationWarning
from skhj.priors.data_reach import measure_reach


def test_reach_does_not_depend_on_units_or_axes():
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(300, 3)), 8 * rng.normal(size=(300, 3))
    A, b = rng.normal(size=(3, 3)), rng.normal(size=3)
    far = measure_reach(X).is_far(Q)
    assert 0 < far.sum() < 300
    np.testing.assert_array_equal(far, measure_reach(X @ A + b).is_far(Q @ A + b))


def test_no_sample_and_nothing_between_samples_is_far():
    X = np.random.default_rng(0).standard_t(3, size=(200, 2))
    reach = measure_reach(X)
    assert not reach.is_far(X).any()
    assert not reach.is_far((X[:, None] + X[None]).reshape(-1, 2) / 2).any()
    farthest = X[
        np.argmax(np.linalg.norm((X - reach.center) @ reach.whitening, axis=1))
    ]
    ray = farthest - reach.center
    assert not reach.is_far(reach.center + 0.99 * 2 * ray[None])[0]
    assert reach.is_far(reach.center + 1.01 * 2 * ray[None])[0]


def test_rounding_of_a_point_seen_many_times_is_not_far():
    X = np.full((5, 3), [1.0, -2.0, 1e-3])
    reach = measure_reach(X)
    assert not reach.is_far(X * (1 + 1e-15) - 1e-16).any()
    assert reach.is_far(X + 1e-6).all()


@pytest.mark.parametrize("method", ["predict", "prox", "prior", "prior_gradient"])
def test_estimator_warns_far_outside_its_data_only(method):
    X = np.random.default_rng(0).normal(size=(60, 2))
    est = HJPriorRegressor(random_state=0).fit(X, (X**2).sum(axis=1) / 4)
    answer = getattr(est, method)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer(X)
    with pytest.warns(ExtrapolationWarning, match="1 of 60 points lie far outside"):
        answer(np.concatenate([X[:-1], [[50.0, 50.0]]]))
