"""The metric of the value function, against the same problem in its coordinates."""

import pickle

import numpy as np
import pytest
from scipy.linalg import solve_triangular
from sklearn.base import clone

from skhj import HJPriorRegressor, PQMPrior, check_reachable
from skhj.adaptors import to_torch
from skhj.datasets import make_value_samples
from skhj.problems import L1

M = np.array([[2.0, 0.7, 0.1], [0.7, 1.0, -0.2], [0.1, -0.2, 0.3]])
METRICS = [M, np.array([4.0, 0.25, 1.0])]


@pytest.fixture(params=METRICS, ids=["full", "diagonal"])
def samples(request):
    """A metric, its factor, and samples in its coordinates and in the user's."""
    metric = request.param
    L = np.linalg.cholesky(metric if metric.ndim == 2 else np.diag(metric))
    U, y, gradient = make_value_samples(L1(), 300, 3, t=0.5, random_state=0)
    G = solve_triangular(L, gradient.T, lower=True, trans="T").T
    return metric, L, (U, y, gradient), (U @ L.T, y, G)


def pair(est, samples):
    metric, L, (U, y, gradient), (X, _, G) = samples
    plain = clone(est).fit(U, y, gradient=gradient)
    return plain, clone(est).set_params(metric=metric).fit(X, y, gradient=G), L


ESTIMATORS = [HJPriorRegressor(t=0.5, random_state=0), PQMPrior(t=0.5)]


@pytest.mark.parametrize("est", ESTIMATORS, ids=["hj", "pqm"])
def test_answers_are_those_of_the_coordinates(est, samples):
    plain, ours, L = pair(est, samples)
    U = samples[2][0][:50] / 2
    X = U @ L.T
    # Round-off of the change, times the curvature of what it is put into.
    same = {"rtol": 1e-7, "atol": 1e-7}
    for name in ("predict", "prior", "potential", "conjugate"):
        answers = getattr(ours, name)(X), getattr(plain, name)(U)
        np.testing.assert_allclose(*answers, **same)
    for time in (0.0, 0.2, 0.5):
        np.testing.assert_allclose(ours.evolve(X, time), plain.evolve(U, time), **same)
    for time in (0.2, None):
        P = plain.prox(U, time=time) @ L.T
        np.testing.assert_allclose(ours.prox(X, time=time), P, **same)
    assert ours.score(X, plain.predict(U)) == pytest.approx(1.0)


def test_the_prior_s_gradient(samples):
    """The chain rule, away from kinks."""
    plain, ours, L = pair(PQMPrior(t=0.5), samples)
    U = plain.prox(samples[2][0][:50]) + 0.01
    np.testing.assert_allclose(
        ours.prior_gradient(U @ L.T) @ L, plain.prior_gradient(U), atol=1e-9
    )


def test_bounds(samples):
    plain, ours, L = pair(PQMPrior(t=0.5, smoothness=np.inf), samples)
    U = samples[2][0][:50] / 2
    for mine, theirs in zip(
        ours.value_bounds(U @ L.T), plain.value_bounds(U), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-8)


def test_the_prox_is_the_minimiser_in_the_metric(samples):
    """S(x, t) = J(p) + (x - p)' M^-1 (x - p) / (2t) and grad S = M^-1 (x - p) / t."""
    metric, _, _, (X, y, G) = samples
    prior = PQMPrior(t=0.5, metric=metric).fit(X, y, gradient=G)
    P = prior.prox(X)
    inverse = np.linalg.inv(metric if metric.ndim == 2 else np.diag(metric))
    far = np.einsum("ni,ij,nj->n", X - P, inverse, X - P)
    np.testing.assert_allclose(prior.prior(P) + far / 1.0, y, atol=1e-8)
    np.testing.assert_allclose((X - P) @ inverse / 0.5, G, atol=1e-8)


def test_proximal_points(samples):
    metric, L, (U, _, gradient), (X, _, _) = samples
    P = U - 0.5 * gradient
    est = HJPriorRegressor(t=0.5, target="prox", network="ridge", random_state=0)
    plain = clone(est).fit(U, P)
    ours = clone(est).set_params(metric=metric).fit(X, P @ L.T)
    np.testing.assert_allclose(ours.predict(X), plain.predict(U) @ L.T, atol=1e-7)


def test_reachability(samples):
    metric, _, (U, y, gradient), (X, _, G) = samples
    plain = check_reachable(U, y, gradient, t=0.5)
    ours = check_reachable(X, y, G, t=0.5, metric=metric)
    assert ours.reachable == plain.reachable
    assert ours.largest_t == pytest.approx(plain.largest_t, rel=1e-9)
    assert not check_reachable(X, y, G, t=0.5).reachable or metric.ndim == 2


def test_it_is_kept(samples):
    metric, _, _, (X, y, G) = samples
    est = PQMPrior(t=0.5, metric=metric).fit(X, y, gradient=G)
    other = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(other.prox(X), est.prox(X))
    before = est.prox(X)
    est.set_params(metric=None)
    np.testing.assert_array_equal(est.prox(X), before)  # the fit's, not the parameter's


@pytest.mark.parametrize("est", [HJPriorRegressor(), PQMPrior()])
@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (np.ones(2), "shape"),
        (-np.ones(3), "positive"),
        (np.triu(np.ones((3, 3))), "transpose"),
        (np.diag([1.0, 1.0, -1.0]), "least eigenvalue of -1"),
    ],
)
def test_what_is_no_metric(est, metric, message):
    X = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match=f"metric must .*{message}"):
        clone(est).set_params(metric=metric).fit(X, X[:, 0])


def test_who_knows_no_metric(samples):
    metric, _, _, (X, y, G) = samples
    est = PQMPrior(t=0.5, metric=metric).fit(X, y, gradient=G)
    with pytest.raises(ValueError, match="metric=None"):
        to_torch(est)
    images = HJPriorRegressor(target="prox", image_shape=(6, 6), metric=np.ones(36))
    with pytest.raises(ValueError, match="metric must be None with image_shape"):
        images.fit(np.zeros((5, 36)), np.zeros((5, 36)))
