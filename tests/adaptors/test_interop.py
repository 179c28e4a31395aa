"""Fitted priors in pyproximal's and deepinv's hands."""

import pickle

import numpy as np
import pytest
import torch

from skhj import HJPriorRegressor, PriorInverseSolver
from skhj.adaptors import to_deepinv, to_pyproximal
from skhj.datasets import make_value_samples
from skhj.problems import L1

T = 0.5


@pytest.fixture(scope="module")
def fitted():
    """The prior l1."""
    X, y, G = make_value_samples(L1(), 2000, 3, t=T, random_state=0)
    return HJPriorRegressor(T, network="ridge", random_state=0).fit(X, y, gradient=G)


def test_pyproximal_answers_for_vectors(fitted):
    pytest.importorskip("pyproximal")
    operator = to_pyproximal(fitted)
    x = np.array([1.5, -0.2, 0.7])
    assert operator(x) == fitted.prior([x])[0]
    np.testing.assert_array_equal(operator.prox(x, T), fitted.prox([x])[0])
    shorter = fitted.prox([x], time=0.2)[0]
    np.testing.assert_array_equal(operator.prox(x, 0.2), shorter)
    np.testing.assert_array_equal(operator.grad(x), fitted.prior_gradient([x])[0])
    copy = pickle.loads(pickle.dumps(operator))
    assert copy(x) == operator(x)


def test_pyproximal_minimises_with_a_learned_prior(fitted):
    pytest.importorskip("pyproximal")
    from pylops import MatrixMult
    from pyproximal import L2
    from pyproximal.optimization.primal import ProximalGradient

    A = np.random.default_rng(0).normal(size=(5, 3))
    b = A @ [1.0, 0.0, -1.0]
    step = 0.9 * min(T, 1 / np.linalg.norm(A, 2) ** 2)
    misfit = L2(MatrixMult(A), b)
    x = ProximalGradient(
        misfit,
        to_pyproximal(fitted),
        np.zeros(3),
        tau=step,
        niter=800,
        acceleration="fista",
    )
    ours = PriorInverseSolver(A, fitted, strength=1.0).fit([b]).predict([b])[0]
    np.testing.assert_allclose(x, ours, atol=1e-4)


def test_steps_beyond_t_are_refused(fitted):
    pytest.importorskip("pyproximal")
    with pytest.raises(ValueError, match=r"tau must be above 0 and at most t=0.5"):
        to_pyproximal(fitted).prox(np.zeros(3), 0.6)


def test_deepinv_minimises_with_a_learned_prior(fitted):
    pytest.importorskip("deepinv")
    prior = to_deepinv(fitted)
    x = torch.tensor([[1.5, -0.2, 0.7]], dtype=torch.float64)
    np.testing.assert_array_equal(prior(x), fitted.prior(x.numpy()))
    np.testing.assert_allclose(prior.grad(x), fitted.prior_gradient(x.numpy()))
    np.testing.assert_array_equal(prior.prox(x, gamma=T), fitted.prox(x.numpy()))
    with pytest.raises(ValueError, match=r"gamma must be above 0 and at most t=0.5"):
        prior.prox(x, gamma=0.6)
