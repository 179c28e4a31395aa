"""Draws from the posterior, which is known."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skhj import EmbeddedInverseSolver
from skhj.datasets.gaussian_mixture import (
    GaussianMixture,
    condition,
    mean,
    total_variance,
)


def gaussian_pairs(n):
    rng = np.random.RandomState(0)
    y = rng.normal(size=(n, 2))
    return y @ [[1.0], [0.5]] + 0.1 * rng.normal(size=(n, 1)), y


def test_draws_have_the_weights_of_the_posterior():
    """Of three modes that one measurement hardly tells apart."""
    rng = np.random.RandomState(0)
    means = np.array([[2.0, -2.0], [-2.0, 2.5], [0.0, 0.0]])
    prior = GaussianMixture(
        np.array([0.5, 0.3, 0.2]), means, np.array([0.1 * np.eye(2)] * 3)
    )
    which = rng.choice(3, size=4000, p=prior.weights)
    y = means[which] + np.sqrt(0.1) * rng.normal(size=(4000, 2))
    X = y.sum(axis=1, keepdims=True) + 0.2 * rng.normal(size=(4000, 1))
    est = EmbeddedInverseSolver(
        [[1.0, 1.0]], loss="energy", embedding_dim=32, max_iter=40, random_state=0
    ).fit(X[:3000], y[:3000])
    fresh = X[3000:]
    posterior = condition(prior, [[1.0, 1.0]], [[0.04]], fresh)
    draws = est.sample(fresh, 100)
    assert draws.shape == (100, 1000, 2)
    np.testing.assert_array_equal(est.sample(fresh, 100), draws)
    distances = ((draws[:, :, None] - posterior.means) ** 2).sum(-1)
    weights = np.eye(3)[distances.argmin(-1)].mean(axis=0)
    # What the project asks of posteriors that are known.
    assert np.abs((weights - posterior.weights).mean(axis=0)).sum() / 2 < 0.05
    limit = np.mean((mean(posterior) - y[3000:]) ** 2)
    assert np.mean((est.predict(fresh) - y[3000:]) ** 2) < 1.03 * limit
    # Two means of a hundred draws each.
    difference = ((draws.mean(axis=0) - est.predict(fresh)) ** 2).sum(axis=1)
    assert difference.mean() < 1.5 * 2 / 100 * total_variance(posterior).mean()


def test_draws_spread_as_the_posterior_where_it_is_narrow():
    """x_1 + x_2 is measured with noise of 0.1: its posterior is known."""
    rng = np.random.RandomState(0)
    y = rng.normal(size=(2000, 2))
    X = y.sum(axis=1, keepdims=True) + 0.1 * rng.normal(size=(2000, 1))
    est = EmbeddedInverseSolver(
        [[1.0, 1.0]], loss="energy", embedding_dim=32, max_iter=20, random_state=0
    ).fit(X, y)
    draws = est.sample(X[:300], 100)
    along, across = draws.sum(axis=2), draws[..., 0] - draws[..., 1]
    spread = np.sqrt(2 * 0.01 / 2.01)
    # Training of 20 passes leaves a tenth.
    assert abs(along.std(axis=0).mean() / spread - 1) < 0.1
    assert abs(across.std(axis=0).mean() / np.sqrt(2) - 1) < 0.1


def test_draws_of_a_gaussian_posterior_are_no_reason_to_warn(recwarn):
    X, y = gaussian_pairs(1000)
    EmbeddedInverseSolver(
        [[1.0, 0.5]], loss="energy", embedding_dim=32, max_iter=20, random_state=0
    ).fit(X, y)
    assert not recwarn.list


def test_draws_that_are_bad_are_told():
    options = {"loss": "energy", "learning_rate": 1e-9, "random_state": 0}
    est = EmbeddedInverseSolver([[1.0, 0.5]], max_iter=1, **options)
    with pytest.warns(ConvergenceWarning, match="no better than the linear estimate"):
        est.fit(*gaussian_pairs(1000))


@pytest.mark.parametrize("n", [2, 20, 40])
def test_draws_are_not_judged_on_a_handful_of_samples(n, recwarn):
    options = {"loss": "energy", "learning_rate": 1e-9, "random_state": 0}
    EmbeddedInverseSolver([[1.0, 0.5]], max_iter=1, **options).fit(*gaussian_pairs(n))
    assert not recwarn.list
