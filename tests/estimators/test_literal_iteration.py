"""The papers' iteration as they write it: x = E z, from the adjoint."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from skhj import EmbeddedInverseSolver
from skhj.datasets import duathlon_mmse, make_duathlon
from skhj.estimators.hold_out import hold_out

A = np.random.RandomState(9).normal(size=(8, 6)) / 2


@pytest.fixture
def pairs():
    """Models that are not centred."""
    rng = np.random.RandomState(0)
    X = 1 + rng.normal(size=(64, 6))
    return X @ A.T + 0.05 * rng.normal(size=(64, 8)), X


def literal(operator=A, **changes):
    options = {"embedding_dim": 12, "max_iter": 1, "random_state": 0}
    return EmbeddedInverseSolver(operator, precondition=False, **options | changes)


@pytest.mark.filterwarnings(
    "ignore:the network is no better:sklearn.exceptions.ConvergenceWarning"
)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_iteration_is_the_formula(early_stopping, pairs):
    B, X = pairs
    est = literal(n_layers=1, potential_depth=1, early_stopping=early_stopping)
    est.fit(B, X)
    assert est.correction_ == 1
    np.testing.assert_allclose(
        est.linear_estimate(B), B @ A / np.linalg.norm(A, 2) ** 2, atol=1e-12
    )
    w = est.weights_
    E, last = w["kernels.kernels.0"], w["kernels.kernels.1"]
    K, b, q = (
        w[f"potentials.0.{name}"] for name in ("weights.0", "biases.0", "output_weight")
    )
    # One scale for x and one for b, by which the operator is of norm one.
    is_seen = ~hold_out(64, 0.1, np.random.RandomState(0)) | (not early_stopping)
    scale = np.sqrt(np.mean(X[is_seen] ** 2))
    norm = np.linalg.norm(A, 2) * scale
    operator, data = scale * A / norm, B / norm
    z = data @ operator @ E
    slope = (z @ E.T @ operator.T - data) @ operator @ E
    z = z - np.exp(w["log_steps"][0]) * (slope + np.tanh(z @ K.T + b) * q @ K)
    # The network keeps the operator in single precision.
    np.testing.assert_allclose(est.predict(B), scale * z @ last.T, atol=1e-6)
    start = est.linear_estimate(B) @ E @ E.T
    np.testing.assert_allclose(est.trajectory(B)[0], start, atol=1e-6)


def test_fixed_l1_norm_is_the_lasso(pairs):
    """OPTEnet with K = gamma I solves min |A E z - b|^2 / 2 + alpha |z|_1."""
    B, X = pairs
    est = literal(
        network="optenet",
        potential="l1",
        n_layers=1500,
        learning_rate=1e-12,
        batch_size=64,
        early_stopping=False,
        noise_level=None,
    )
    est.fit(B, X)
    scale = np.sqrt(np.mean(X**2))
    norm = np.linalg.norm(A, 2) * scale
    E = est.weights_["kernels.kernels.0"]
    alpha = np.exp(est.weights_["potentials.0.log_weights"][0])
    design = scale * A @ E / norm
    lasso = Lasso(alpha=alpha / 8, fit_intercept=False, tol=1e-12, max_iter=10**6)
    z = np.stack([lasso.fit(design, b / norm).coef_ for b in B[:5]])
    assert 0 < np.mean(z == 0) < 1
    # At the corner a coefficient is atanh(g) / gamma, with the l1 norm's subgradient g,
    # where the lasso has zero.
    np.testing.assert_allclose(est.predict(B[:5]) / scale, z @ E.T, atol=4e-2)
    assert np.abs(B[:5] @ np.linalg.pinv(A).T / scale - z @ E.T).max() > 1


def test_literal_iteration_learns_means_too():
    B, X = make_duathlon(3000, random_state=0)
    B_test, X_test = make_duathlon(3000, random_state=1)
    est = literal(np.ones((1, 2)), network="eunet", embedding_dim=32, max_iter=20)
    error = np.mean((est.fit(B, X).predict(B_test) - X_test) ** 2)
    assert error < 1.1 * np.mean((duathlon_mmse(B_test).mean - X_test) ** 2)
