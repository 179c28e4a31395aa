"""Draws from the posterior, which is known."""

import pickle

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skhj import EmbeddedInverseSolver
from skhj.numerics.gaussian_mixture import (
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
    options["precondition"] = False  # no mixture to start from
    est = EmbeddedInverseSolver([[1.0, 0.5]], max_iter=1, **options)
    with pytest.warns(ConvergenceWarning) as told:
        est.fit(*gaussian_pairs(1000))
    assert "no better than the linear estimate" in str(told[0].message)


@pytest.mark.parametrize("n", [2, 20, 40])
def test_draws_are_not_judged_on_a_handful_of_samples(n, recwarn):
    options = {"loss": "energy", "learning_rate": 1e-9, "random_state": 0}
    EmbeddedInverseSolver([[1.0, 0.5]], max_iter=1, **options).fit(*gaussian_pairs(n))
    assert not recwarn.list


def modes_alike(n, seed, means=((1, 7), (4, 4), (7.5, 0.5)), A=((1.0, 1.0),)):
    """Pairs of equal modes of width 1/2 that data hardly tell apart; the mixture."""
    rng = np.random.RandomState(seed)
    means, A = np.array(means, dtype=float), np.array(A)
    K, d = means.shape
    prior = GaussianMixture(np.full(K, 1 / K), means, np.array([np.eye(d) / 4] * K))
    y = means[rng.randint(K, size=n)] + 0.5 * rng.normal(size=(n, d))
    return y @ A.T + 0.1 * rng.normal(size=(n, len(A))), y, prior, A


def draws_of(mixture, n, rng):
    """Draws (n, d) of a mixture given one datum."""
    k = rng.choice(len(mixture.weights[0]), size=n, p=mixture.weights[0])
    noise = rng.normal(size=(n, mixture.means.shape[-1]))
    factors = np.linalg.cholesky(mixture.covariances)
    return mixture.means[0][k] + np.einsum("nde,ne->nd", factors[k], noise)


def share_without_mass(draws, mixture, direction):
    """Share of draws whose density along a direction is below 5 % of its peak."""
    centres = mixture.means[0] @ direction
    widths = np.sqrt(direction @ mixture.covariances @ direction)

    def density(places):
        white = (places[:, None] - centres) / widths
        return np.exp(-(white**2) / 2) @ (mixture.weights[0] / widths)

    peak = density(np.linspace(centres.min() - 1, centres.max() + 1, 4000)).max()
    return np.mean(density(draws @ direction) < 0.05 * peak)


BETWEEN = {
    "three modes, one sum": {},
    "two sums in 3-D": {
        "means": [(0, 0, 0), (3, -3, 0), (0, 3, -3)],
        "A": [[1.0, 1.0, 1.0], [0.3, 0.1, 0.2]],
    },
    "one sum in 4-D": {
        "means": [(2, 0, 0, 0), (-1, 3, 0, 0), (0, -2, 4, 0), (0, 0, -2, 4)],
        "A": [[1.0, 1.0, 1.0, 1.0]],
    },
    "four sums in 6-D": {
        "means": [(2, -2, 0, 0, 0, 0), (-2, 2, 0, 0, 0, 0)],
        "A": np.kron(np.eye(3), np.ones(2)).tolist() + [[0.1] * 6],
    },
}


@pytest.mark.parametrize("case", BETWEEN)
def test_draws_do_not_lie_between_modes_that_data_cannot_tell_apart(case):
    X, y, prior, A = modes_alike(5000, 0, **BETWEEN[case])
    options = {"loss": "energy", "max_iter": 3, "random_state": 0}
    est = EmbeddedInverseSolver(A, **options).fit(X, y)
    rng = np.random.RandomState(1)
    for b in X[:3]:
        posterior = condition(prior, A, 0.01 * np.eye(len(A)), b[None])
        draws = est.sample(b[None], 4000)[:, 0]
        # Along the line through the two likeliest modes.
        first, second = posterior.means[0][np.argsort(-posterior.weights[0])[:2]]
        direction = (second - first) / np.linalg.norm(second - first)
        exact = draws_of(posterior, 4000, rng)
        share = share_without_mass(draws, posterior, direction)
        expected = share_without_mass(exact, posterior, direction)
        # What the project asks, and two standard errors of shares of 4000 draws.
        assert share < 1.3 * expected + 2 * np.sqrt(0.02 / 4000)
        distances = ((draws[:, None] - posterior.means[0]) ** 2).sum(-1)
        weights = np.eye(len(prior.weights))[distances.argmin(-1)].mean(axis=0)
        distances = ((exact[:, None] - posterior.means[0]) ** 2).sum(-1)
        of_exact = np.eye(len(prior.weights))[distances.argmin(-1)].mean(axis=0)
        assert np.abs(weights - of_exact).sum() / 2 < 0.05
    limit = np.mean((mean(condition(prior, A, 0.01 * np.eye(len(A)), X)) - y) ** 2)
    assert np.mean((est.predict(X) - y) ** 2) < 1.03 * limit


def test_draws_between_modes_are_told():
    """Without a mixture, a network bridges them."""
    X, y, _, A = modes_alike(2000, 0)
    options = {"loss": "energy", "max_iter": 5, "precondition": False}
    est = EmbeddedInverseSolver(A, random_state=0, **options)
    with pytest.warns(ConvergenceWarning) as told:
        est.fit(X, y)
    assert "draws lie far from all models" in str(told[-1].message)


def test_draws_of_a_mixture_survive_saving():
    X, y, _, A = modes_alike(500, 0)
    options = {"loss": "energy", "max_iter": 1, "random_state": 0}
    est = EmbeddedInverseSolver(A, **options).fit(X, y)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.sample(X[:5], 3), est.sample(X[:5], 3))
    np.testing.assert_array_equal(again.predict(X[:5]), est.predict(X[:5]))
