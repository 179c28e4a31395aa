"""Reconstruction by a prior: known solutions, strengths, and what users hand over."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear
from scipy.sparse.linalg import aslinearoperator
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Lasso
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils._testing import ignore_warnings

from skhj import HJPriorRegressor, PQMPrior, PriorInverseSolver
from skhj.datasets import make_value_samples
from skhj.exceptions import ExtrapolationWarning
from skhj.problems import L1, ConcaveQuadratic, MinPlus

SHAPES = {"tall": (20, 8), "square": (8, 8), "wide": (6, 8)}
EVERY = ("gradient", "forward-backward", "admm")


class Ridge:
    """The prior c |x|^2 / 2, convex or concave."""

    def __init__(self, curvature):
        self.curvature = curvature

    def prior(self, X):
        return self.curvature * np.square(X).sum(1) / 2

    def prior_gradient(self, X):
        return self.curvature * X

    def prox(self, X, t):
        return X / (1 + t * self.curvature)


def problem(shape, n=4, seed=0):
    """An operator, sparse models and their noisy measurements."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=shape)
    X = 0.5 * rng.laplace(size=(n, shape[1])) * (rng.random((n, shape[1])) < 0.4)
    return A, X, X @ A.T + 0.1 * rng.normal(size=(n, shape[0]))


def of_each_shape(test):
    return pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)(test)


@pytest.fixture(scope="module")
def learned():
    """The prior l1, from values."""
    X, y, _ = make_value_samples(L1(), 2000, 8, t=1.0, random_state=0)
    return HJPriorRegressor(t=1.0, network="ridge", random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def concave():
    """The prior -|x|^2 / 4, from values."""
    X, y, _ = make_value_samples(ConcaveQuadratic(0.5), 300, 3, t=1.0, random_state=0)
    return HJPriorRegressor(t=1.0, network="ridge", random_state=0).fit(X, y)


@pytest.mark.parametrize("algorithm", ["forward-backward", "admm"])
@of_each_shape
def test_l1_gives_the_lasso(shape, algorithm):
    A, _, B = problem(shape)
    noise, strength = 0.5, 3.0
    solver = PriorInverseSolver(
        A, L1(), strength=strength, noise_level=noise, algorithm=algorithm
    ).fit(B)
    alpha = strength * noise**2 / shape[0]
    lasso = Lasso(alpha, fit_intercept=False, tol=1e-12, max_iter=100_000)
    exact = np.stack([lasso.fit(A, b).coef_ for b in B])
    np.testing.assert_allclose(solver.predict(B), exact, atol=1e-5)


@pytest.mark.parametrize("algorithm", EVERY)
@pytest.mark.parametrize("curvature", [0.7, -0.2])
@of_each_shape
def test_quadratics_give_ridge_regression(shape, curvature, algorithm):
    if curvature < 0 and shape[0] <= shape[1]:
        pytest.skip("no minimum where A has a null space")
    A, _, B = problem(shape)
    solver = PriorInverseSolver(
        A, Ridge(curvature), strength=2.0, algorithm=algorithm, tol=1e-11
    ).fit(B)
    hessian = A.T @ A + 2.0 * curvature * np.eye(shape[1])
    exact = np.linalg.solve(hessian, (B @ A).T).T
    np.testing.assert_allclose(solver.predict(B), exact, atol=1e-8)


@pytest.mark.parametrize("algorithm", ["gradient", "admm"])
@of_each_shape
def test_bounds_give_bounded_least_squares(shape, algorithm):
    A, _, B = problem(shape)
    solver = PriorInverseSolver(
        A, Ridge(1.0), strength=0.5, bounds=(0.0, 0.3), algorithm=algorithm
    ).fit(B)
    rows = np.vstack([A, 0.5**0.5 * np.eye(shape[1])])
    data = np.hstack([B, np.zeros((len(B), shape[1]))])
    exact = np.stack([lsq_linear(rows, b, (0, 0.3), tol=1e-14).x for b in data])
    models = solver.predict(B)
    # What lsq_linear itself leaves.
    np.testing.assert_allclose(models, exact, atol=1e-6)
    assert models.min() >= 0
    assert models.max() <= 0.3


def test_total_variation_agrees_with_pyproximal():
    pyproximal = pytest.importorskip("pyproximal")
    from pylops import FirstDerivative, MatrixMult
    from pyproximal.optimization.primaldual import PrimalDual

    rng = np.random.default_rng(0)
    A = rng.normal(size=(30, 24))
    x = np.repeat(rng.normal(size=4), 6)
    b = A @ x + 0.1 * rng.normal(size=30)
    strength = 2.0
    prior = pyproximal.TV((24,), sigma=1.0, niter=2000, rtol=1e-12)
    solver = PriorInverseSolver(A, prior, strength=strength, tol=1e-7).fit([b])
    D = FirstDerivative(24, kind="forward", edge=False)
    step = 0.99 / np.linalg.norm(D.todense(), 2)
    other = PrimalDual(
        pyproximal.L2(MatrixMult(A), b),
        pyproximal.L1(sigma=strength),
        D,
        np.zeros(24),
        tau=step,
        mu=step,
        niter=5000,
    )
    np.testing.assert_allclose(solver.predict([b])[0], other, atol=1e-4)
    assert solver.algorithm_ == "admm"


@of_each_shape
def test_a_learned_prior_recovers_what_the_exact_one_does(learned, shape):
    A, X, B = problem(shape, n=60)
    errors = {}
    for name, prior in (("exact", L1()), ("learned", learned)):
        solver = PriorInverseSolver(A, prior, noise_level=0.1, strength=5.0).fit(B)
        errors[name] = np.square(solver.predict(B) - X).mean()
    assert errors["learned"] < 1.01 * errors["exact"]


def test_a_learned_prior_answers_at_the_steps_own_time(learned):
    """Steps of forward-backward are shorter than t: the prox there is another."""
    A, _, B = problem(SHAPES["tall"])
    options = {"strength": 0.5, "tol": 1e-6}
    models = [
        PriorInverseSolver(A, learned, algorithm=name, **options).fit(B).predict(B)
        for name in ("forward-backward", "admm")
    ]
    # The residual that is left, over the least curvature of the misfit.
    np.testing.assert_allclose(*models, atol=1e-4)


def test_strength_has_the_least_error_of_those_around():
    A, X, B = problem(SHAPES["wide"], n=200)
    solver = PriorInverseSolver(A, L1(), random_state=0, tol=1e-6).fit(B, X)

    @ignore_warnings(category=ConvergenceWarning)  # some rows at the smallest
    def error(strength):
        other = clone(solver).set_params(strength=strength).fit(B)
        return np.square(other.predict(B) - X).mean()

    grid = solver.strength_ * np.array([0.1, 0.3, 3.0, 10.0])
    assert error(solver.strength_) < min(error(strength) for strength in grid)
    assert solver.strength_ in solver.strengths_
    best = np.argmin(solver.strength_scores_)
    assert solver.strengths_[best] == solver.strength_


def test_strength_without_models_leaves_the_noise():
    A, _, B = problem(SHAPES["tall"], n=50)
    solver = PriorInverseSolver(A, L1(), noise_level=0.1, tol=1e-6).fit(B)
    left = np.square(solver.predict(B) @ A.T - B).mean()
    # The search ends within 2 % of the strength, and so of less than the misfit.
    assert left == pytest.approx(0.1**2, rel=0.02)


def test_strength_that_cannot_be_found_is_told():
    """No strength leaves as little as this noise."""
    A, _, B = problem(SHAPES["tall"])
    solver = PriorInverseSolver(A, L1(), noise_level=1e-9, tol=1e-4)
    with pytest.warns(ConvergenceWarning, match="strength='auto' found no best"):
        solver.fit(B)


def test_a_prior_that_is_not_fitted_learns_from_the_models():
    rng = np.random.default_rng(0)
    X = rng.laplace(size=(100, 3))
    A = rng.normal(size=(5, 3))
    B = X @ A.T + 0.3 * rng.normal(size=(100, 5))
    prior = HJPriorRegressor(t=0.5, network="ridge", random_state=0)
    solver = PriorInverseSolver(A, prior, random_state=0, tol=1e-3, max_iter=200)
    with warnings.catch_warnings(action="ignore"):  # of few steps and few models
        solver.fit(B, X)
    assert not hasattr(prior, "network_")
    assert solver.prior_.target == "prox"
    with warnings.catch_warnings(action="ignore"):  # of few steps and few models
        score = solver.score(B, X)
    # Errors a quarter smaller than without a prior.
    without = r2_score(X, B @ np.linalg.pinv(A).T)
    assert 1 - score < 0.75 * (1 - without)


def test_what_holds_a_fitted_prior_is_used_as_it_is(learned):
    A, X, B = problem(SHAPES["tall"])
    models = [
        PriorInverseSolver(A, prior, strength=2.0, tol=1e-6).fit(B, X).predict(B)
        for prior in (learned, FrozenEstimator(learned))
    ]
    np.testing.assert_array_equal(*models)


def test_max_plus_priors_reconstruct():
    X, y, G = make_value_samples(L1(), 300, 2, t=1.0, random_state=0)
    prior = PQMPrior(t=1.0).fit(X, y, G)
    A = np.random.default_rng(0).normal(size=(4, 2))
    B = np.array([[0.5, 0.0], [0.0, -1.0]]) @ A.T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a prior of many kinks
        solver = PriorInverseSolver(A, prior, strength=0.1, max_iter=300).fit(B)
        models, info = solver.predict(B, return_info=True)
    exact = PriorInverseSolver(A, L1(), strength=0.1).fit(B).predict(B)
    # Pieces of 300 samples lie some hundredths below the prior.
    np.testing.assert_allclose(models, exact, atol=0.05)
    assert np.isfinite(info.objective).all()


@pytest.mark.parametrize("algorithm", ["gradient", "forward-backward"])
def test_operators_that_are_not_linear(algorithm):
    """The condition of a minimum, with the derivative by finite differences."""

    def operator(x):
        return torch.cat([x + 0.1 * x**3, x.sum(1, keepdim=True)], 1)

    B = np.random.default_rng(0).normal(size=(3, 5))
    solver = PriorInverseSolver(
        operator, Ridge(1.0), strength=0.5, image_shape=(4,), algorithm=algorithm
    )
    solver.fit(B)
    models = solver.predict(B)
    step = 1e-5
    for unit in step * np.eye(4):
        values = [solver.objective(B, models + sign * unit) for sign in (1, -1)]
        slopes = (values[0] - values[1]) / (2 * step)
        np.testing.assert_allclose(slopes, 0, atol=1e-6)


def test_answers_are_minima_of_the_objective():
    A, _, B = problem(SHAPES["wide"])
    solver = PriorInverseSolver(A, L1(), strength=2.0, noise_level=0.3).fit(B)
    models, info = solver.predict(B, return_info=True)
    expected = np.square(models @ A.T - B).sum(1) / (2 * 0.3**2)
    expected += 2.0 * np.abs(models).sum(1)
    np.testing.assert_allclose(info.objective, expected)
    np.testing.assert_allclose(solver.objective(B, models), expected)
    nearby = models + 1e-3 * np.random.default_rng(1).normal(size=(50, *models.shape))
    assert all((solver.objective(B, X) > expected).all() for X in nearby)
    assert (info.residual <= 1e-8).all()
    assert (info.n_iter > 0).all()


def test_nothing_diverges_up_to_the_limit_of_convexity(concave):
    """A^T A >= a and J of curvature -1/t at least: the limit is a t."""
    A = np.diag([1.0, 2.0, 3.0])
    B = np.ones((2, 3))
    for algorithm in EVERY:
        solver = PriorInverseSolver(A, concave, strength=0.99, algorithm=algorithm)
        solver.fit(B)
        assert solver.strength_limit_ == pytest.approx(1.0)
        hessian = np.diag([1.0, 4.0, 9.0]) - 0.99 * 0.5 * np.eye(3)
        exact = np.linalg.solve(hessian, (B @ A).T).T
        np.testing.assert_allclose(solver.predict(B), exact, atol=1e-5)


def test_beyond_the_limit_a_warning_says_so(concave):
    """At four times the limit, twice that of this prior, there is no minimum."""
    B = np.ones((2, 3))
    solver = PriorInverseSolver(np.eye(3), concave, strength=4.0, max_iter=50).fit(B)
    with (
        pytest.warns(ConvergenceWarning, match=r"strength=4 is beyond 1, up to"),
        pytest.warns(ExtrapolationWarning),
    ):
        assert np.isfinite(solver.predict(B)).all()


def test_several_wells_give_a_critical_point():
    wells = MinPlus([[-1.0, 0.0], [1.0, 0.0]], 0.5)
    B = np.array([[0.2, 0.1], [-3.0, 2.0]])
    solver = PriorInverseSolver(np.eye(2), wells, strength=0.5).fit(B)
    models = solver.predict(B)
    np.testing.assert_allclose(models, wells.prox(B, 0.5), atol=1e-6)


def test_rows_do_not_depend_on_each_other():
    A, _, B = problem(SHAPES["wide"])
    solver = PriorInverseSolver(A, L1(), strength=1.0).fit(B)
    alone = np.vstack([solver.predict(b[None]) for b in B])
    np.testing.assert_allclose(solver.predict(B), alone, atol=1e-10)


def test_predict_stores_nothing(learned):
    A, _, B = problem(SHAPES["tall"])
    solver = PriorInverseSolver(A, learned, strength=1.0, tol=1e-4).fit(B)
    before = pickle.dumps(solver)
    solver.predict(B, return_info=True)
    assert pickle.dumps(solver) == before


def test_copies_answer_alike(learned, tmp_path):
    A, _, B = problem(SHAPES["tall"])
    solver = PriorInverseSolver(A, learned, strength=1.0, tol=1e-4).fit(B)
    models = solver.predict(B)
    joblib.dump(solver, tmp_path / "solver.joblib")
    for copy in (
        pickle.loads(pickle.dumps(solver)),
        joblib.load(tmp_path / "solver.joblib"),
        clone(solver).fit(B),
    ):
        np.testing.assert_array_equal(copy.predict(B), models)


def test_clones_share_the_operator_and_a_fitted_prior(learned):
    A = aslinearoperator(problem(SHAPES["tall"])[0])
    solver = clone(PriorInverseSolver(A, learned, strength=2.0))
    assert solver.operator is A
    assert solver.prior.estimator is learned
    assert solver.strength == 2.0
    assert clone(solver).prior is solver.prior
    unfitted = HJPriorRegressor(0.3)
    copy = clone(PriorInverseSolver(A, unfitted)).prior
    assert copy is not unfitted
    assert copy.t == 0.3


def test_a_search_over_strengths_keeps_the_fitted_prior(learned):
    A, X, B = problem(SHAPES["tall"], n=30)
    solver = PriorInverseSolver(A, learned, noise_level=0.1, tol=1e-3)
    search = GridSearchCV(solver, {"strength": [1.0, 1e3]}, cv=2).fit(B, X)
    assert search.best_params_ == {"strength": 1.0}
    assert search.best_estimator_.prior_.estimator is learned


def test_single_precision_comes_back(learned):
    A, _, B = problem(SHAPES["tall"])
    solver = PriorInverseSolver(A, L1(), strength=1.0).fit(B)
    models = solver.predict(B.astype(np.float32))
    assert models.dtype == np.float32
    assert solver.residual(B.astype(np.float32)).dtype == np.float32
    # Rounding of the measurements.
    np.testing.assert_allclose(models, solver.predict(B), atol=1e-5)


def test_residual_is_the_relative_misfit():
    A, _, B = problem(SHAPES["tall"])
    solver = PriorInverseSolver(aslinearoperator(A), L1(), strength=1.0).fit(B)
    misfit = np.linalg.norm(solver.predict(B) @ A.T - B, axis=1)
    np.testing.assert_allclose(
        solver.residual(B), misfit / np.linalg.norm(B, axis=1), rtol=1e-10
    )


def test_grid_search_over_strengths_in_a_pipeline():
    A, X, B = problem(SHAPES["tall"], n=30)
    pipeline = make_pipeline(
        FunctionTransformer(), PriorInverseSolver(A, L1(), tol=1e-4)
    )
    grid = {"priorinversesolver__strength": [1e-3, 0.1, 100.0]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(B, X)
    assert search.best_params_ == {"priorinversesolver__strength": 0.1}


@pytest.mark.parametrize("scale", [1e-60, 1.0, 1e60])
def test_units_of_the_operator_do_not_matter(scale):
    A, X, B = problem(SHAPES["tall"])
    models = PriorInverseSolver(A, L1(), random_state=0).fit(B, X).predict(B)
    solver = PriorInverseSolver(scale * A, L1(), random_state=0).fit(scale * B, X)
    np.testing.assert_allclose(solver.predict(scale * B), models, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_units_beyond_arithmetic_are_refused(scale):
    A, X, B = problem(SHAPES["tall"])
    with pytest.raises(ValueError, match="operator, B and noise_level must be of size"):
        PriorInverseSolver(scale * A, L1()).fit(scale * B, X)


def test_an_operator_that_is_zero_leaves_the_priors_minimum():
    A, _, B = problem(SHAPES["tall"])
    solver = PriorInverseSolver(0 * A, L1(), strength=1.0).fit(B)
    np.testing.assert_array_equal(solver.predict(B), 0)


def test_zero_measurements_give_the_priors_minimum():
    A, _, B = problem(SHAPES["tall"])
    solver = PriorInverseSolver(A, L1(), strength=1.0).fit(B)
    np.testing.assert_array_equal(solver.predict(np.zeros_like(B)), 0)


def test_lines_are_printed_where_asked(capsys):
    A, X, B = problem(SHAPES["tall"])
    solver = PriorInverseSolver(A, L1(), tol=1e-4, verbose=1).fit(B, X)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(solver.strengths_)
    assert all(line.startswith("strength ") for line in lines)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior": "l1"}, "prior must be an estimator with the methods prox and prior"),
        ({"prior": L1}, "prior must be an estimator with the methods prox and prior"),
        ({"prior": HJPriorRegressor()}, "prior must be fitted before, or fit must be"),
        ({"operator": np.ones((3, 8))}, r"operator must be of shape \(20, 8\)"),
        ({"strength": 0.0}, "The 'strength' parameter"),
        ({"noise_level": 1e-200}, "noise_level must be from 1e-150 to 1e"),
        ({"noise_level": 1e200}, "noise_level must be from 1e-150 to 1e"),
        ({"strength": "auto"}, "strength='auto' needs the models X in fit, or noise"),
        ({"noise_level": -1}, "The 'noise_level' parameter"),
        ({"bounds": (1, 0)}, "bounds must be two numbers"),
        ({"algorithm": "newton"}, "The 'algorithm' parameter"),
        ({"algorithm": "gradient"}, "needs a prior with a method prior_gradient"),
        (
            {"algorithm": "forward-backward", "bounds": (0, 1)},
            "algorithm='forward-backward' takes no bounds",
        ),
        (
            {"operator": torch.sin, "algorithm": "admm", "image_shape": (20,)},
            "algorithm='admm' needs a linear operator",
        ),
        ({"image_shape": (4, 3)}, r"operator must be of shape \(20, 12\)"),
        ({"image_shape": (0,)}, "image_shape must be one positive integer"),
        ({"max_iter": 0}, "The 'max_iter' parameter"),
        ({"tol": 0}, "The 'tol' parameter"),
    ],
)
def test_bad_parameters_are_named(changes, message):
    A, _, B = problem(SHAPES["tall"])
    parameters = {"operator": A, "prior": L1(), "strength": 1.0} | changes
    solver = PriorInverseSolver(**parameters)
    with pytest.raises(ValueError, match=message):
        solver.fit(B)
    with pytest.raises(NotFittedError):
        solver.predict(B)


def test_bad_data_are_named(learned):
    A, X, B = problem(SHAPES["tall"])
    solver = PriorInverseSolver(A, L1(), strength=1.0)
    with pytest.raises(ValueError, match="Input B contains NaN"):
        solver.fit(np.full_like(B, np.nan))
    with pytest.raises(ValueError, match="Input X contains infinity"):
        solver.fit(B, np.full_like(X, np.inf))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        solver.fit(B, X[:2])
    with pytest.raises(ValueError, match=r"operator must be of shape \(20, 7\)"):
        solver.fit(B, X[:, :7])
    with pytest.raises(ValueError, match="prior must be one of 7 unknowns"):
        PriorInverseSolver(A[:, :7], learned, strength=1.0).fit(B)
    solver.fit(B)
    with pytest.raises(ValueError, match="X must have 8 columns"):
        solver.objective(B, X[:, :7])
    with pytest.raises(ValueError, match="features"):
        solver.predict(B[:, :3])
