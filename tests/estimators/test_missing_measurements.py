"""Measurements that were not made: NaN in X."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.utils import get_tags

from skhj import EmbeddedInverseSolver

NETWORKS = ["eunet", "optenet", "proximal"]
A = np.random.RandomState(9).normal(size=(10, 6))

pytestmark = pytest.mark.filterwarnings(
    "ignore:the network is no better:sklearn.exceptions.ConvergenceWarning"
)


def pairs(n=400, missing=0.2, seed=0, noise=0.05):
    rng = np.random.RandomState(seed)
    X = np.abs(rng.normal(size=(n, 6))) * (rng.uniform(size=(n, 6)) < 0.3)
    B = X @ A.T + noise * rng.normal(size=(n, 10))
    B[rng.uniform(size=B.shape) < missing] = np.nan
    return B, X


def small(operator=A, **changes):
    options = {"max_iter": 3, "embedding_dim": 16, "random_state": 0}
    return EmbeddedInverseSolver(operator, missing="allow", **options | changes)


@pytest.mark.parametrize("operator", [A, None])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_fifth_is_hardly_missed(network, operator):
    B, X = pairs(2000)
    fresh, true = pairs(1000, seed=1)
    est = small(operator, network=network, embedding_dim=32, max_iter=15).fit(B, X)
    error = np.mean((est.predict(fresh) - true) ** 2)
    # With a quarter of the steps that the defaults take.
    assert error < 0.9 * np.mean((est.linear_estimate(fresh) - true) ** 2)
    assert est.score(fresh, true) > 0.9


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"noise_level": None},
        {"noise_level": 0.1, "network": "proximal"},
        {"precondition": False},
        {"operator": None, "precondition": False, "early_stopping": False},
        {"loss": "energy", "n_layers": 1},
    ],
)
def test_options_answer_and_round_trip(changes):
    B, X = pairs()
    est = small(**changes).fit(B, X)
    answer = est.predict(B)
    assert np.isfinite(answer).all()
    assert np.isfinite(est.trajectory(B)).all()
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.predict(B), answer)
    rows = np.concatenate([est.predict(row[None]) for row in B[:5]])
    np.testing.assert_allclose(rows, answer[:5], atol=1e-10)
    if est.operator is not None:
        misfit = np.where(np.isnan(B), 0, answer @ A.T - B)
        size = np.linalg.norm(np.nan_to_num(B), axis=1)
        relative = np.linalg.norm(misfit, axis=1) / size
        np.testing.assert_allclose(est.residual(B), relative)
    assert np.isfinite(est.residual(B)).all()
    if "loss" in changes:
        assert np.isfinite(est.sample(B, 3)).all()


def test_rows_without_any_measurement_get_the_mean():
    B, X = pairs()
    est = small(early_stopping=False).fit(B, X)
    empty = np.full((1, 10), np.nan)
    np.testing.assert_allclose(est.linear_estimate(empty)[0], X.mean(axis=0), atol=0.05)
    assert np.isfinite(est.predict(empty)).all()


def test_complete_measurements_are_fitted_as_well():
    B, X = pairs(2000, missing=0.0)
    fresh, true = pairs(1000, missing=0.0, seed=1)
    allowed = small(network="proximal", max_iter=15)
    refused = clone(allowed).set_params(missing="error")
    errors = [
        np.mean((est.fit(B, X).predict(fresh) - true) ** 2)
        for est in (allowed, refused)
    ]
    # Other units of the misfit lead to other weights.
    assert errors[0] < 1.2 * errors[1]


def test_images_may_miss_pixels():
    rng = np.random.RandomState(0)
    X = np.cumsum(rng.normal(size=(120, 5, 4)), axis=2).reshape(120, -1)
    B = np.where(rng.uniform(size=X.shape) < 0.3, np.nan, X)
    est = small(np.eye(20), image_shape=(5, 4)).fit(B, X)
    assert est.score(B, X) > 0.8


def test_missing_measurements_are_refused_unless_allowed():
    B, X = pairs()
    assert get_tags(small()).input_tags.allow_nan
    strict = small().set_params(missing="error")
    assert not get_tags(strict).input_tags.allow_nan
    with pytest.raises(ValueError, match="NaN"):
        strict.fit(B, X)
    complete = np.nan_to_num(B)
    strict.set_params(operator=None).fit(complete, X)
    with pytest.raises(ValueError, match="NaN"):
        strict.predict(B)
    with pytest.raises(ValueError, match="infinity"):
        small().fit(np.where(np.isnan(B), np.inf, B), X)
    with pytest.raises(ValueError, match="NaN"):
        small().fit(B, np.where(X > 1, np.nan, X))


def test_operators_and_columns_that_cannot_be_masked_are_named():
    B, X = pairs()
    nonlinear = small(lambda x: torch.tanh(x @ torch.tensor(A).to(x).T))
    with pytest.raises(ValueError, match="missing must be 'error' unless"):
        nonlinear.fit(B, X)
    B[1:, 3] = np.nan
    with pytest.raises(ValueError, match="at least two samples, got 1 for column 3"):
        small().fit(B, X)
