"""Few samples: never much worse than a mean, a plane or a quadratic."""

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj.priors.convex.quadratic import fit_order
from skhj.problems import L1, ConcaveQuadratic


def fitted(X, y, t=0.5):
    return HJPriorRegressor(t, random_state=0, max_iter=10).fit(X, y)


@pytest.mark.filterwarnings("ignore::skhj.exceptions.ExtrapolationWarning")
def test_ten_samples_of_five_features_are_no_worse_than_their_mean_and_told():
    rng = np.random.default_rng(0)
    X, T = 2 * rng.normal(size=(10, 5)), 2 * rng.normal(size=(1000, 5))
    y, truth = L1().value(X, 0.5), L1().value(T, 0.5)
    with pytest.warns(UserWarning, match="10 samples are too few for more than"):
        est = fitted(X, y)
    assert est.network_ == "quadratic"
    error = np.mean((est.predict(T) - truth) ** 2)
    assert error < 1.2 * np.mean((y.mean() - truth) ** 2)
    # Fenchel and Young: the prior at the prox generates the value.
    P = est.prox(X)
    values = est.prior(P) + ((X - P) ** 2).sum(axis=1) / (2 * 0.5)
    np.testing.assert_allclose(values, est.predict(X), rtol=1e-9)


@pytest.mark.filterwarnings("ignore:3 samples are too few")
@pytest.mark.parametrize("seed", range(4))
def test_of_three_samples_no_model_is_better_by_more_than_chance(seed):
    X = np.random.default_rng(seed).uniform(-4, 4, size=(3, 1))
    y = L1().value(X, 0.5)
    est = fitted(X, y)
    assert len(est.outliers_) == 0
    assert est.network_ == "quadratic"


@pytest.mark.filterwarnings("ignore:2 samples are too few")
def test_two_samples_are_a_plain_model():
    X = np.array([[0.0], [1.0]])
    assert fitted(X, np.array([0.0, 1.0])).network_ == "quadratic"


def test_samples_that_are_enough_are_left_to_the_splines():
    X = 2 * np.random.default_rng(0).normal(size=(20, 2))
    est = fitted(X, ConcaveQuadratic(0.5).value(X, 0.5))
    assert est.network_ == "ridge"


@pytest.mark.parametrize(("order", "rank"), [("mean", 0), ("affine", 1)])
def test_orders_are_the_best_of_their_kind(order, rank):
    """Of residuals, the mean and the products with the features are zero."""
    rng = np.random.default_rng(0)
    X, w = 3 + 5 * rng.normal(size=(40, 3)), rng.normal(size=40)
    fit = fit_order(order, X, w, t=1.0)
    residual = w - fit(X)
    assert residual.sum() == pytest.approx(0, abs=1e-12)
    if rank:
        np.testing.assert_allclose(X.T @ residual, 0, atol=1e-11)


def test_a_quadratic_is_fitted_exactly_and_keeps_the_potential_convex():
    rng = np.random.default_rng(0)
    X = 3 + 5 * rng.normal(size=(200, 2))
    A = np.array([[2.0, 0.5], [0.5, -0.7]])
    w = ((X @ A) * X).sum(axis=1) / 2 + X @ [1.0, -2.0] + 4
    np.testing.assert_allclose(fit_order("quadratic", X, w, t=1.0)(X), w, rtol=1e-9)
    bounded = fit_order("quadratic", X, w, t=10.0).hessian
    assert np.linalg.eigvalsh(bounded)[0] >= -0.1
