"""Spline fits of known priors, in any units and from little data."""

import numpy as np
import pytest
import torch

from skhj.datasets import make_value_samples
from skhj.priors.samples import Samples
from skhj.priors.splines.basis_search import BasisSearch
from skhj.priors.splines.fit import SplineSolver, fit_splines
from skhj.problems import L1, ConcaveQuadratic, MinPlus, NegativeL1


def hold_out(n):
    held_out = np.zeros(n, dtype=bool)
    held_out[:: max(2, min(10, n // 2))] = True
    return held_out


IN_A_BASIS = SplineSolver(basis=BasisSearch())


def fit(X, S, gradient=None, *, t=1.0, **parameters):
    samples = Samples(X, S, gradient, t, hold_out(len(X)))
    return fit_splines(samples.negated(), **parameters)


def value_error(network, problem, d, *, t=1.0):
    X, S, _ = make_value_samples(problem, 1000, d, t=t, random_state=9)
    value, _ = network.value_and_gradient_at(torch.tensor(X))
    return np.mean((value.numpy() + S) ** 2)


@pytest.mark.parametrize(
    ("problem", "bound"),
    [(L1(), 1e-9), (NegativeL1(), 1e-6), (ConcaveQuadratic(), 1e-20)],
    ids=["l1", "negative l1", "concave"],
)
def test_additive_priors_are_found_with_their_value_function(problem, bound):
    X, S, _ = make_value_samples(problem, 4000, 4, random_state=0)
    network = fit(X, S).network
    assert value_error(network, problem, 4) < bound
    X, S, gradient = make_value_samples(problem, 500, 4, random_state=5)
    Y = X - gradient
    _, point = network.conjugate_at(torch.tensor(Y))
    J = -network.value_and_gradient_at(point)[0].numpy()
    J -= ((point.numpy() - Y) ** 2).sum(1) / 2
    assert np.mean((J - problem.backward_prior(Y, 1.0)) ** 2) < 10 * bound


def test_validation_error_is_the_error_on_the_hold_out():
    X, S, _ = make_value_samples(L1(), 400, 2, noise=0.1, random_state=0)
    result = fit(X, S)
    value, _ = result.network.value_and_gradient_at(torch.tensor(X[hold_out(400)]))
    error = np.mean((value.numpy() + S[hold_out(400)]) ** 2)
    np.testing.assert_allclose(result.validation_error, error, rtol=1e-12)
    assert 0.005 < error < 0.02


def test_other_units_give_the_same_function():
    """x -> a x + b, S -> c S + e is the same problem at time a^2 t / c."""
    X, S, gradient = make_value_samples(L1(), 1000, 3, random_state=0)
    a, b, c, e = 100.0, 3e3, 1e-3, 5.0
    first = fit(X, S, gradient)
    second = fit(a * X + b, c * S + e, c * gradient / a, t=a**2 / c)
    x = torch.tensor(X)
    value, slope = first.network.value_and_gradient_at(x)
    other, other_slope = second.network.value_and_gradient_at(a * x + b)
    # Rounding of e and b, seen in units of c and a: eps * 5e3 and eps * 30.
    torch.testing.assert_close((other + e) / c, value, rtol=0, atol=1e-6)
    torch.testing.assert_close(other_slope * a / c, slope, rtol=0, atol=1e-4)


@pytest.mark.parametrize("t", [1e-3, 0.1, 10.0, 1e3])
def test_any_time(t):
    X, S, _ = make_value_samples(L1(), 2000, 3, t=t, random_state=0)
    assert value_error(fit(X, S, t=t).network, L1(), 3, t=t) < 1e-5 * S.var()


def test_noise_is_not_fitted():
    X, S, _ = make_value_samples(L1(), 4000, 2, noise=0.1, random_state=0)
    # The noise alone would be 1e-2; sigma^2 times 80 coefficients over n is 2e-4.
    assert value_error(fit(X, S).network, L1(), 2) < 2e-4


def test_gradients_alone_determine_all_but_a_constant():
    X, S, gradient = make_value_samples(L1(), 2000, 3, random_state=0)
    result = fit(X, None, gradient)
    value, slope = result.network.value_and_gradient_at(torch.tensor(X))
    assert np.var(value.numpy() + S) < 1e-6
    held_out = hold_out(2000)
    error = ((slope.numpy() + gradient)[held_out] ** 2).sum(1).mean()
    np.testing.assert_allclose(result.validation_error, error, rtol=1e-10)


def test_gradients_help_where_values_are_few():
    X, S, gradient = make_value_samples(L1(), 60, 4, random_state=0)
    without, given = fit(X, S), fit(X, S, gradient)
    assert value_error(given.network, L1(), 4) < value_error(without.network, L1(), 4)


def test_potential_is_strongly_convex_beyond_the_data():
    X, S, _ = make_value_samples(L1(), 500, 2, random_state=0)
    network = fit(X, S).network
    far = torch.tensor(1e3 * np.random.default_rng(0).normal(size=(100, 2)))
    curvature = torch.eye(2) + network.hessian_at(far)
    assert (torch.linalg.eigvalsh(curvature) > 0.01).all()


def awkward_points():
    rng = np.random.default_rng(0)
    X = rng.uniform(-4, 4, size=(300, 3))
    return {
        "two samples": X[:2],
        "three samples": X[:3],
        "constant column": np.column_stack([X, np.full(300, 7.0)]),
        "duplicate column": np.column_stack([X, X[:, 0]]),
        "all constant": np.full((20, 3), 3.0),
        "integers": rng.integers(-3, 4, size=(300, 3)).astype(float),
        "heavy tails": rng.standard_cauchy(size=(300, 3)),
        "unequal scales": X * [1e-4, 1.0, 1e4],
        "more features than samples": rng.normal(size=(20, 40)),
    }


@pytest.mark.parametrize("X", awkward_points().values(), ids=awkward_points())
def test_awkward_points_give_finite_answers(X):
    network = fit(X, L1().value(X, 1.0)).network
    value, gradient = network.value_and_gradient_at(torch.tensor(X))
    _, point = network.conjugate_at(torch.tensor(X))
    assert all(torch.isfinite(tensor).all() for tensor in (value, gradient, point))


def test_heavy_tails_are_fitted_all_the_same():
    X = np.random.default_rng(0).standard_t(2, size=(3000, 3))
    S = L1().value(X, 1.0)
    assert fit(X, S).validation_error < 1e-4 * S.var()


def test_a_fit_depends_on_nothing_but_its_arguments():
    X, S, _ = make_value_samples(L1(), 300, 2, noise=0.1, random_state=0)
    state = np.random.get_state()[1].copy()  # noqa: NPY002 - to see it untouched
    first, second = fit(X, S).network.to_arrays(), fit(X, S).network.to_arrays()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


class Rotated:
    """A problem in another orthogonal basis."""

    def __init__(self, problem, d):
        self.problem = problem
        self.Q = np.linalg.qr(np.random.default_rng(0).normal(size=(d, d)))[0]

    def value(self, X, t):
        return self.problem.value(X @ self.Q.T, t)

    def prox(self, X, t):
        return self.problem.prox(X @ self.Q.T, t) @ self.Q


def wells(d):
    return MinPlus([np.eye(d)[0], np.full(d, d**-0.5)])


@pytest.mark.parametrize(
    "problem",
    [Rotated(L1(), 4), Rotated(NegativeL1(), 4), wells(4)],
    ids=["l1", "negative l1", "two wells"],
)
def test_a_basis_is_found_where_there_is_one(problem):
    X, S, _ = make_value_samples(problem, 4000, 4, random_state=0)
    on_axes, in_basis = fit(X, S), fit(X, S, solver=IN_A_BASIS)
    assert value_error(in_basis.network, problem, 4) < 1e-6
    assert in_basis.validation_error < 1e-4 * on_axes.validation_error
    assert in_basis.network.is_additive
    Y = torch.tensor(problem.prox(X, 1.0))
    _, point = in_basis.network.conjugate_at(Y)
    _, slope = in_basis.network.value_and_gradient_at(point)
    torch.testing.assert_close(point + slope, Y, rtol=0, atol=1e-9)


def test_a_basis_is_found_in_other_units():
    """x -> a x + b, S -> c S is the same problem at time a^2 t / c."""
    X, S, _ = make_value_samples(Rotated(L1(), 3), 2000, 3, random_state=0)
    result = fit(100 * X + 3e3, 1e-3 * S, t=1e4 / 1e-3, solver=IN_A_BASIS)
    assert result.validation_error < 1e-8 * (1e-3) ** 2 * S.var()


@pytest.mark.parametrize("X", awkward_points().values(), ids=awkward_points())
def test_awkward_points_give_finite_answers_in_a_basis(X):
    network = fit(X, L1().value(X, 1.0), solver=IN_A_BASIS).network
    value, gradient = network.value_and_gradient_at(torch.tensor(X))
    assert torch.isfinite(value).all()
    assert torch.isfinite(gradient).all()
    if network.is_additive:
        assert torch.isfinite(network.conjugate_at(torch.tensor(X))[1]).all()


def test_the_search_is_reproducible_and_takes_its_chances_from_rng():
    X, S, _ = make_value_samples(Rotated(L1(), 3), 300, 3, random_state=0)
    first, second = (
        fit(X, S, solver=IN_A_BASIS, rng=np.random.RandomState(5)).network.to_arrays()
        for _ in range(2)
    )
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


@pytest.mark.parametrize("extra", ["constant", "duplicate", "narrow"])
@pytest.mark.parametrize("solver", [SplineSolver(), IN_A_BASIS], ids=["axes", "basis"])
def test_prox_stays_put_where_the_points_do_not_vary(extra, solver):
    """A profile along rounding errors would have any slope, and S would not notice."""
    rng = np.random.default_rng(0)
    X = 2 * rng.normal(size=(600, 2))
    more = {
        "constant": np.full(len(X), 3.0),
        "duplicate": X[:, 0],
        "narrow": 1e-4 * rng.normal(size=len(X)),
    }[extra]
    full = np.column_stack([X, more])
    norm = np.linalg.norm(X, axis=1)
    S = np.where(norm > 0.5, norm - 0.25, norm**2)
    samples = Samples(full, -S, None, 0.5, np.arange(600) < 60)
    fit = fit_splines(samples, solver=solver)
    points = torch.tensor(full)
    w, gradient = fit.network.value_and_gradient_at(points)
    # The prior is 1-Lipschitz, a fit of it in two dimensions nearly so.
    assert gradient.abs().max() < 3
    still = {"constant": [0, 0, 1], "duplicate": [1, 0, -1], "narrow": [0, 0, 1]}[extra]
    along = gradient @ torch.tensor(still, dtype=torch.float64)
    np.testing.assert_allclose(along, 0.0, atol=1e-10)
    value, point = fit.network.conjugate_at(points + 0.5 * gradient)
    assert torch.isfinite(value).all()
    assert torch.isfinite(point).all()
