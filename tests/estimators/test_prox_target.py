"""Learning from proximal points, or from clean signals of noisy ones."""

import numpy as np
import pytest
from sklearn.base import clone

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.problems import L1, ConcaveQuadratic

T = 0.8
SMALL = {"hidden_layer_sizes": (8,), "wide_units": 24, "max_iter": 30}
pytestmark = pytest.mark.filterwarnings(
    "ignore:the network of the:sklearn.exceptions.ConvergenceWarning"
)


def regressor(t=T, **changes):
    parameters = {"network": "icnn", "target": "prox", "random_state": 0}
    return HJPriorRegressor(t, **(parameters | SMALL | changes))


def points(problem, n, seed=0, d=2):
    X, _, _ = make_value_samples(problem, n, d, t=T, random_state=seed)
    return X, problem.prox(X, T)


@pytest.mark.parametrize("network", ["icnn", "auto", "ridge"])
def test_exact_proximal_points_recover_the_prior_up_to_a_constant(network):
    problem = L1()
    X, P = points(problem, 2000)
    est = regressor(network=network).fit(X, P)
    X, P = points(problem, 500, seed=1)
    assert est.predict(X).shape == (500, 2)
    assert est.score(X, P) > 0.99
    J = problem.prior(P)
    assert np.var(est.prior(P) - J) < 0.01 * J.var()
    # And so the value function, up to the same constant.
    S = problem.value(X, T)
    assert np.var(est.evolve(X, T) - S) < 0.01 * S.var()


def test_a_quadratic_prior_is_recovered_to_rounding():
    X, P = points(ConcaveQuadratic(0.5), 300)
    est = regressor().fit(X, P)
    np.testing.assert_allclose(est.predict(X), P, rtol=1e-9, atol=1e-9)
    J = ConcaveQuadratic(0.5).prior(P)
    np.testing.assert_allclose(est.prior(P), J - J.min(), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("prior_method", ["auto", "network", "inversion"])
def test_least_prior_of_a_training_point_is_zero(prior_method):
    X, P = points(L1(), 300)
    est = regressor(prior_method=prior_method, max_iter=5).fit(X, P + 3.0)
    J = est.evolve(X, T) - ((X - est.predict(X)) ** 2).sum(axis=1) / (2 * T)
    # The exact identity at proximal points, to rounding.
    assert abs(J.min()) < 1e-9


@pytest.mark.parametrize("loss", ["squared", "matching"])
def test_prox_does_not_depend_on_units(loss):
    """A far shift of X and P, and a scale of both with t, change nothing else."""
    X, P = points(L1(), 500)
    scale, shift = 8.0, np.array([2.0**20, -4.0])
    est = regressor(prox_loss=loss, max_iter=5).fit(X, P)
    moved = regressor(T * scale**2, prox_loss=loss, max_iter=5)
    moved.fit(scale * X + shift, scale * P + shift)
    answer = (moved.predict(scale * X + shift) - shift) / scale
    # Training in single precision amplifies the rounding of the moved samples.
    np.testing.assert_allclose(answer, est.predict(X), atol=1e-3)


def laplacian_pairs(n, seed=0):
    rng = np.random.default_rng(seed)
    clean = rng.laplace(size=(n, 1))
    return clean + rng.normal(size=(n, 1)), clean


def posterior_mean(x):
    """E[clean | x] for a Laplacian of scale 1 and unit noise, by quadrature."""
    grid = np.linspace(-15, 15, 6001)
    weights = np.exp(-np.abs(grid) - (x - grid) ** 2 / 2)
    return (weights * grid).sum(axis=1, keepdims=True) / weights.sum(1, keepdims=True)


def test_squared_error_learns_the_posterior_mean():
    est = regressor(1.0).fit(*laplacian_pairs(8000))
    x = np.linspace(-3, 3, 31)[:, None]
    # Sampling error: the posterior's deviation 0.8 over some hundred samples a unit.
    assert np.abs(est.predict(x) - posterior_mean(x)).max() < 0.15


def test_proximal_matching_moves_from_the_mean_towards_the_mode():
    """The mode of a Laplacian's posterior is the soft threshold."""
    pairs = laplacian_pairs(8000)
    x = np.linspace(-3, 3, 31)[:, None]
    mode = np.sign(x) * np.maximum(np.abs(x) - 1, 0)
    errors = [
        np.abs(regressor(1.0, prox_loss=loss).fit(*pairs).predict(x) - mode).mean()
        for loss in ("squared", "matching")
    ]
    assert errors[1] < 0.75 * errors[0]


def test_same_random_state_same_model():
    X, P = points(L1(), 200)
    first, second = (regressor(max_iter=3).fit(X, P) for _ in range(2))
    np.testing.assert_array_equal(first.prior(X), second.prior(X))
    assert clone(first).target == "prox"


def test_bad_targets_are_named():
    X, P = points(L1(), 50)
    with pytest.raises(ValueError, match=r"y must have the shape of X, \(50, 2\), wi"):
        regressor().fit(X, P[:, :1])
    with pytest.raises(ValueError, match=r"y must have the shape of X.* got \(50,\)"):
        regressor().fit(X, P[:, 0])
    with pytest.raises(ValueError, match="gradient must be None with target='prox'"):
        regressor().fit(X, P, gradient=P)
    P[3, 1] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        regressor().fit(X, P)
    with pytest.raises(ValueError, match="y should be a 1d array"):
        regressor(target="value").fit(X, P[:, :2])


def test_matching_is_not_left_to_models_that_do_not_know_it():
    X, P = points(L1(), 100)
    est = regressor(network="auto", prox_loss="matching", max_iter=3).fit(X, P)
    assert est.network_ == "icnn"
    for wrong in ({"network": "ridge"}, {"target": "value"}):
        with pytest.raises(ValueError, match="prox_loss='matching' needs target='pro"):
            regressor(prox_loss="matching", **wrong).fit(X, P)


def test_one_feature_takes_a_row_of_proximal_points():
    X = np.linspace(-3, 3, 60)[:, None]
    P = L1().prox(X, 1.0)
    est = HJPriorRegressor(target="prox", random_state=0)
    flat, column = clone(est).fit(X, P[:, 0]), clone(est).fit(X, P)
    assert flat.predict(X).shape == (60,)
    np.testing.assert_array_equal(flat.predict(X), column.predict(X)[:, 0])
    np.testing.assert_array_equal(flat.prox(X), column.prox(X))
