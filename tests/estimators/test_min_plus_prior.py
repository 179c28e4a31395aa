"""HJPriorRegressor on minima of quadratics."""

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj import hamilton_jacobi as hj
from skhj.datasets import make_value_samples
from skhj.problems import L1, MinPlus

T = 0.8


def wells(d, m=3, *, is_full=False, seed=0):
    rng = np.random.default_rng(seed)
    centers, heights = rng.uniform(-2, 2, (m, d)), rng.uniform(-0.3, 0.3, m)
    if not is_full:
        return MinPlus(centers, rng.uniform(0.4, 1.5, m), heights=heights)
    roots = rng.normal(size=(m, d, d))
    covariances = roots @ roots.transpose(0, 2, 1) / d + 0.2 * np.eye(d)
    return MinPlus(centers, covariances=covariances, heights=heights)


def fitted(X, y, gradient=None, t=T, **options):
    options = {"network": "min-plus", "random_state": 0, "max_iter": 10} | options
    return HJPriorRegressor(t, **options).fit(X, y, gradient=gradient)


def assert_exact(est, problem, X, t=T):
    P = problem.prox(X, t)
    # Rounding of least squares, and of terms of size 30.
    np.testing.assert_allclose(est.predict(X), problem.value(X, t), atol=1e-10)
    np.testing.assert_allclose(est.prox(X), P, atol=1e-8)
    np.testing.assert_allclose(est.prior(P), problem.backward_prior(P, t), atol=1e-9)


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("network", ["auto", "min-plus"])
def test_wells_are_found_exactly(network, is_full):
    problem = wells(4, is_full=is_full)
    X, y, _ = make_value_samples(problem, 3000, 4, t=T, random_state=0)
    est = fitted(X, y, network=network)
    assert est.network_ == "min-plus"
    assert est.prior_method_ == "exact"
    assert est.value_weights_["intercepts"].shape == (3,)
    X, _, _ = make_value_samples(problem, 500, 4, t=T, random_state=1)
    assert_exact(est, problem, X)
    # The prior between the wells, where no sample's prox arrives.
    Y = np.random.default_rng(0).uniform(-2, 2, (300, 4))
    np.testing.assert_allclose(est.prior(Y), problem.backward_prior(Y, T), atol=1e-8)
    gap = est.potential(X) + est.conjugate(Y := est.prox(X)) - (X * Y).sum(axis=1)
    assert np.abs(gap).max() < 1e-9


@pytest.mark.parametrize(("length", "scale"), [(1e3, 1e-3), (1e-3, 1e3)])
def test_units_and_places_do_not_matter(length, scale):
    problem = wells(3, 4, is_full=True)
    X, y, _ = make_value_samples(problem, 2000, 3, t=T, random_state=0)
    t = T * length**2 / scale
    est = fitted(length * (X + 7), scale * y - 5, t=t)
    Q, S, _ = make_value_samples(problem, 200, 3, t=T, random_state=1)
    answer = est.predict(length * (Q + 7))
    np.testing.assert_allclose(
        (answer + 5) / scale, S, atol=1e-5 if scale < 1 else 1e-9
    )
    P = problem.prox(Q, T)
    np.testing.assert_allclose(est.prox(length * (Q + 7)) / length - 7, P, atol=1e-5)


def test_gradients_ask_for_few_samples():
    problem = wells(4, 4, is_full=True)
    X, y, G = make_value_samples(problem, 200, 4, t=T, random_state=0)
    X_new, _, _ = make_value_samples(problem, 200, 4, t=T, random_state=1)
    assert_exact(fitted(X, y, G), problem, X_new)


def test_noise_costs_its_share_of_the_parameters():
    problem = wells(4)
    X, y, _ = make_value_samples(problem, 4000, 4, t=T, noise=0.1, random_state=0)
    est = fitted(X, y)
    X, S, _ = make_value_samples(problem, 1000, 4, t=T, random_state=1)
    # Three pieces of six parameters, twice over for the places of the kinks.
    assert np.mean((est.predict(X) - S) ** 2) < 2 * 0.1**2 * 18 / 3600


def test_other_priors_are_left_to_other_kinds():
    X, y, _ = make_value_samples(L1(), 1000, 3, t=T, random_state=0)
    est = fitted(X, y, network="auto")
    tried = [one["name"] for one in est.candidates_ if not one["why_not"]]
    assert tried == ["ridge (axes)"]


def test_flat_directions_have_no_say():
    problem = wells(2)
    X, y, _ = make_value_samples(problem, 800, 2, t=T, random_state=0)
    A = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 2)))[0].T
    est = fitted(X @ A + 1.0, y)
    np.testing.assert_allclose(est.predict(X @ A + 1.0), y, atol=1e-9)


def test_what_no_prior_generates_stays_convex():
    """S = |x|^2 at t = 1 has twice the curvature that a value function may have."""
    X = np.random.default_rng(0).normal(size=(500, 2))
    with pytest.warns(UserWarning, match="t=1 is too large .* up to t=0.5"):
        est = fitted(X, (X**2).sum(axis=1), t=1.0)
    assert np.linalg.eigvalsh(est.value_weights_["hessians"]).max() < 1
    psi, other = est.potential(X), est.potential(X[::-1])
    assert (est.potential((X + X[::-1]) / 2) <= (psi + other) / 2 + 1e-9).all()


@pytest.mark.parametrize("n", [2, 5, 20])
def test_few_samples_of_a_constant_are_that_constant(n):
    X = np.random.default_rng(0).normal(size=(n, 3))
    est = fitted(X, np.full(n, 2.5))
    np.testing.assert_allclose(est.predict(X), 2.5)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("method", ["newton", "network", "inversion"])
def test_other_ways_to_the_prior(method):
    problem = wells(2)
    X, y, _ = make_value_samples(problem, 600, 2, t=T, random_state=0)
    est = fitted(X, y, prior_method=method, max_iter=60)
    assert est.prior_method_ == ("exact" if method == "newton" else method)
    P = problem.prox(X[:50], T)
    J = problem.backward_prior(P, T)
    # A small network of short training; conjugate gradients stop at kinks.
    assert np.mean((est.prior(P) - J) ** 2) < 0.05 * np.var(J)


def test_earlier_values_solve_the_equation_from_the_prior():
    """No y gives less than the value, and the prox gives it."""
    problem = wells(2)
    X, y, _ = make_value_samples(problem, 800, 2, t=T, random_state=0)
    est, time = fitted(X, y), 0.3
    X = X[:100]
    S, P = est.evolve(X, time), est.prox(X, time=time)
    attained = est.prior(P) + hj.half_squared_norm(X - P) / time
    np.testing.assert_allclose(S, attained, atol=1e-9)
    others = est.prior(P)[None] + ((X[:, None] - P) ** 2).sum(-1) / (2 * time)
    assert (S[:, None] <= others + 1e-9).all()


def test_proximal_points_are_left_to_other_kinds():
    X, _, G = make_value_samples(L1(), 50, 2, t=T, random_state=0)
    with pytest.raises(ValueError, match="'min-plus' with target='prox'"):
        fitted(X, X - T * G, target="prox")


def test_points_whose_fourth_powers_are_no_numbers_have_a_fit():
    """Their unit of values is a number, its square is none."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    y = np.minimum(X[:, 0], 0.0)
    assert fitted(1e100 * X, y).score(1e100 * X, y) > 0
