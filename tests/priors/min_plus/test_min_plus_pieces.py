"""The search for quadratics, and what it is made of."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from skhj.priors.min_plus.equations import Equations
from skhj.priors.min_plus.form import Form, Quadratics
from skhj.priors.min_plus.pieces import PieceSearch
from skhj.priors.splines.ridge_sum import ScaledSamples

RNG = np.random.default_rng(0)
forms = pytest.mark.parametrize("form", [Form(False), Form(True)], ids=["one", "full"])


def wells(form, m, d, seed=0):
    """Parameters of quadratics whose minimum has kinks."""
    rng = np.random.default_rng(seed)
    centers, numbers = rng.uniform(-1.5, 1.5, (m, d)), rng.uniform(0.3, 0.8, m)
    H = numbers[:, None, None] * np.eye(d)
    if form.is_full:
        roots = rng.normal(size=(m, d, d))
        H = H + 0.1 * (roots + roots.transpose(0, 2, 1))
        H = 0.9 * H / np.linalg.norm(H, 2, axis=(1, 2), keepdims=True)
    slopes = -np.einsum("mde,me->md", H, centers)
    intercepts = -np.einsum("md,md->m", slopes, centers) / 2
    pieces = Quadratics(intercepts, slopes, H)
    i, j = np.triu_indices(d)
    curvatures = H[:, i, j] if form.is_full else H[:, :1, 0]
    return pieces, np.hstack([intercepts[:, None], slopes, curvatures])


def equations(form, V, values, gradients=None, weight=1.0):
    return Equations.of(form, ScaledSamples(V, values, gradients, 1.0, weight))


@forms
@pytest.mark.parametrize("d", [1, 3])
def test_designs_are_the_derivatives_of_values_and_gradients(form, d):
    V = RNG.normal(size=(20, d))
    parameters = RNG.normal(size=(2, form.n_coefficients(d)))
    pieces = form.quadratics(parameters)
    np.testing.assert_allclose(
        form.design(V) @ parameters.T, pieces.values(V), atol=1e-12
    )
    gradients = pieces.slopes[0] + V @ pieces.hessians[0]
    np.testing.assert_allclose(
        form.slope_design(V) @ parameters[0], gradients, atol=1e-12
    )


@forms
@pytest.mark.parametrize("with_gradients", [False, True])
def test_best_quadratic_is_that_of_all_equations_at_once(form, with_gradients):
    d, weight = 3, 0.7
    V, values, G = (RNG.normal(size=shape) for shape in ((50, d), 50, (50, d)))
    G = G if with_gradients else None
    rows, targets = form.design(V), values
    if with_gradients:
        slopes = form.slope_design(V).reshape(150, -1)
        rows = np.vstack([rows, np.sqrt(weight) * slopes])
        targets = np.append(values, np.sqrt(weight) * G.ravel())
    np.testing.assert_allclose(
        equations(form, V, values, G, weight).solve(),
        np.linalg.lstsq(rows, targets, rcond=None)[0],
        atol=1e-9,
    )


def test_curvature_beyond_the_bound_is_lowered_and_the_rest_is_best_beside_it():
    V = RNG.normal(size=(100, 2))
    values = 1.5 * (V**2).sum(axis=1) / 2 + V[:, 0]
    form = Form(False)
    found = equations(form, V, values).solve(largest=1.0)
    upper = [np.inf, np.inf, np.inf, 1.0]
    best = lsq_linear(form.design(V), values, (-np.inf, upper), tol=1e-14).x
    # The solver of the reference stops at about the root of its tolerance.
    np.testing.assert_allclose(found, best, atol=1e-6)
    full = Form(True)
    found = full.quadratics(equations(full, V, values).solve(largest=1.0)[None])
    assert np.linalg.eigvalsh(found.hessians[0]).max() <= 1 + 1e-12


@forms
@pytest.mark.parametrize("with_gradients", [False, True])
@pytest.mark.parametrize(("m", "d"), [(1, 3), (3, 4), (6, 2), (2, 1)])
def test_pieces_of_an_exact_minimum_are_found(form, with_gradients, m, d):
    pieces, parameters = wells(form, m, d)
    V = np.random.default_rng(1).uniform(-2, 2, (3000, d))
    values = pieces.values(V)
    active = values.argmin(axis=1)
    G = (pieces.slopes + np.einsum("mde,ne->nmd", pieces.hessians, V))[
        np.arange(len(V)), active
    ]
    problem = equations(form, V, values.min(axis=1), G if with_gradients else None)
    rng, found, search = np.random.RandomState(0), None, PieceSearch()
    for _ in range(6):
        found, error = search.round(found, problem, problem, rng)
    assert error < 1e-24
    distances = np.linalg.norm(found[:, None] - parameters, axis=2)
    # Those that are the least somewhere, each once.
    for i in np.unique(active):
        assert np.sort(distances[:, i])[0] < 1e-8
    assert len(found) == len(np.unique(active))


def test_noise_adds_no_pieces():
    pieces, _ = wells(Form(False), 3, 4)
    rng = np.random.RandomState(0)
    V = rng.uniform(-2, 2, (4000, 4))
    exact = pieces.values(V).min(axis=1)
    problem = equations(Form(False), V, exact + 0.1 * rng.normal(size=4000))
    found = None
    for _ in range(6):
        found, _ = PieceSearch().round(found, problem, problem, rng)
    found = PieceSearch().merge(found, problem)
    assert len(found) == 3
    values = (problem.design @ found.T).min(axis=1)
    # Three pieces of six parameters: 18 / 4000 of the variance of the noise.
    assert np.mean((values - exact) ** 2) < 3 * 0.01 * 18 / 4000


@pytest.mark.parametrize("n", [2, 3, 10])
def test_few_samples_have_one_piece_at_least(n):
    V = RNG.normal(size=(n, 4))
    problem = equations(Form(False), V, V[:, 0])
    found, error = PieceSearch().round(None, problem, problem, np.random.RandomState(0))
    assert found.shape == (1, 6)
    assert error < 1e-12


def test_alternation_never_raises_the_error():
    problem = equations(Form(False), V := RNG.normal(size=(500, 2)), np.abs(V).sum(1))
    search = PieceSearch()
    start = np.random.default_rng(1).normal(size=(5, 4))
    _, before = PieceSearch(max_iter=1).alternate(start, problem)
    _, after = search.alternate(start, problem)
    assert after <= before
