"""The whole evolution, from the prior to the value function."""

import warnings

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.exceptions import ExtrapolationWarning
from skhj.problems import L1, ConcaveQuadratic, MinPlus

T = 0.8
SMALL = {"hidden_layer_sizes": (8,), "wide_units": 24, "max_iter": 20}
PROBLEMS = {
    "l1": L1(),
    "concave": ConcaveQuadratic(0.5),
    "min_plus": MinPlus([[1.0, 0.0], [-1.0, 0.5]], [1.0, 0.5]),
}
pytestmark = pytest.mark.filterwarnings(
    "ignore:the network of the:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(scope="module", params=PROBLEMS, ids=str)
def problem_and_fit(request):
    problem = PROBLEMS[request.param]
    X, y, _ = make_value_samples(problem, 1500, 2, t=T, random_state=0)
    # The prior of the second network would be one of its own.
    est = HJPriorRegressor(
        T, network="icnn", prior_method="newton", random_state=0, **SMALL
    ).fit(X, y)
    return problem, est, X[:200]


def test_the_ends_are_the_prior_and_the_value_function(problem_and_fit):
    _, est, X = problem_and_fit
    np.testing.assert_array_equal(est.evolve(X, 0), est.prior(X))
    np.testing.assert_array_equal(est.evolve(X, T), est.predict(X))
    # Lipschitz in time, by the Hamilton-Jacobi equation.
    np.testing.assert_allclose(est.evolve(X, T * (1 - 1e-9)), est.predict(X), atol=1e-6)


def test_it_solves_the_hamilton_jacobi_equation(problem_and_fit):
    """Differences in time and in space, where S is smooth: 0 < time < t."""
    _, est, X = problem_and_fit
    time, step = T / 2, 1e-4
    in_time = (est.evolve(X, time + step) - est.evolve(X, time - step)) / (2 * step)
    gradient = np.stack(
        [
            (est.evolve(X + e, time) - est.evolve(X - e, time)) / (2 * step)
            for e in step * np.eye(2)
        ],
        axis=1,
    )
    # Central differences: step^2 times third derivatives, which softplus makes large.
    np.testing.assert_allclose(
        in_time + (gradient**2).sum(1) / 2, np.zeros(len(X)), atol=2e-3
    )


def test_it_is_the_minimum_of_the_prior_over_all_points(problem_and_fit):
    """Brute force: no y gives less than the value, and its own y gives it."""
    _, est, X = problem_and_fit
    X, time = X[:20] / 2, 0.3
    S = est.evolve(X, time)
    grid = np.linspace(-6, 6, 121)
    Y = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)
        J = est.prior(Y)
    squares = ((X[:, None] - Y) ** 2).sum(-1) / (2 * time)
    lowest = (J + squares).min(axis=1)
    # The prior is anchored to a network's answer, of which the value knows nothing.
    assert (S - lowest <= 0.05).all()
    # From the nearest point of a grid of spacing h: |h|^2 / 4 (1 / time + curvature).
    assert (lowest - S <= 0.05).all()


def test_it_needs_no_network_of_the_prior(problem_and_fit):
    problem, est, X = problem_and_fit
    alone = HJPriorRegressor(T, network="icnn", prior_method="inversion", **SMALL)
    alone.set_params(random_state=0).fit(X, problem.value(X, T))
    again = HJPriorRegressor(T, network="icnn", prior_method="newton", **SMALL)
    again.set_params(random_state=0).fit(X, problem.value(X, T))
    # The same minimisation from another start.
    np.testing.assert_allclose(
        alone.evolve(X, T / 2), again.evolve(X, T / 2), rtol=0, atol=1e-8
    )


def test_it_agrees_with_the_exact_evolution():
    problem = ConcaveQuadratic(0.5)
    X, y, _ = make_value_samples(problem, 400, 3, t=T, random_state=0)
    est = HJPriorRegressor(T, random_state=0).fit(X, y)
    for time in (0, 0.1, 0.5, T):
        np.testing.assert_allclose(
            est.evolve(X, time),
            problem.value(X, time) if time else problem.prior(X),
            rtol=1e-7,
            atol=1e-7,
        )


def test_each_point_has_its_own_time():
    X, y, G = make_value_samples(L1(), 400, 2, t=T, random_state=0)
    est = HJPriorRegressor(T, network="ridge", random_state=0).fit(X, y, gradient=G)
    times = np.array([0, 0.1, T, 0.1, 0.5])
    X = X[:5] / 2
    each = [est.evolve(x[None], time)[0] for x, time in zip(X, times, strict=True)]
    np.testing.assert_allclose(est.evolve(X, times), each, rtol=1e-12)
    P = est.prox(X[1:], time=times[1:])
    each = [est.prox(x[None], time=s)[0] for x, s in zip(X[1:], times[1:], strict=True)]
    np.testing.assert_allclose(P, each, rtol=1e-12)
    # Soft thresholding at the threshold of each; knots of splines lie near the kinks.
    exact = np.stack(
        [L1().prox(x[None], s)[0] for x, s in zip(X[1:], times[1:], strict=True)]
    )
    np.testing.assert_allclose(P, exact, atol=0.02)
    for bad in (times, [0.1], [0.1, 0.1, 0.1, 0.9], [0.1] * 3 + [np.nan], [[0.1] * 4]):
        with pytest.raises(ValueError, match="time must be"):
            est.prox(X[1:], time=bad)


@pytest.mark.parametrize("time", [-0.1, 0.9, np.nan, "0.1", [0.1, 0.2, 0.3, 0.9]])
def test_bad_times_are_named(time):
    est = HJPriorRegressor(T, network="icnn", random_state=0, **SMALL)
    est.fit(np.eye(4), np.arange(4.0))
    with pytest.raises(ValueError, match=r"time must be between 0 and t=0.8, got"):
        est.evolve(np.eye(4), time)
