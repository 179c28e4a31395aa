"""PQMPrior: exact at samples, bounds elsewhere, and a good citizen of scikit-learn."""

import pickle

import joblib
import numpy as np
import pytest
import skops.io
from log_cosh import LogCosh
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skhj import HJPriorRegressor, PQMPrior, check_reachable
from skhj import hamilton_jacobi as hj
from skhj.datasets import make_value_samples
from skhj.problems import L1, ConcaveQuadratic, MinPlus, NegativeL1

times = pytest.mark.parametrize("t", [0.5, 1.0, 1.7])
ALPHAS = ["auto", "local", 0.2, 0]
PROBLEM = LogCosh(3)
OUTPUTS = (
    "predict",
    "prox",
    "transform",
    "prior",
    "prior_gradient",
    "potential",
    "conjugate",
)


def fitted(n=400, t=1.0, **parameters):
    X, S, gradient, _ = PROBLEM.samples(n, t=t)
    return PQMPrior(t, **parameters).fit(X, S, gradient=gradient)


@times
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_exact_at_samples(alpha, t, shift):
    X, S, gradient, P = PROBLEM.samples(400, t=t)
    X, P, S = X + shift, P + shift, S + shift
    estimator = PQMPrior(t, alpha=alpha).fit(X, S, gradient=gradient)
    # Samples themselves are rounded to eps * shift.
    atol = 1e-10 + 20 * np.finfo(float).eps * shift
    J = hj.prior_at_prox(X, P, S, t)
    np.testing.assert_allclose(estimator.predict(X), S, rtol=0, atol=atol)
    np.testing.assert_allclose(estimator.prox(X), P, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(estimator.prior(P), J, rtol=0, atol=atol)
    if alpha in (0, 0.2):  # else some pieces touch at other samples than their own
        np.testing.assert_allclose(estimator.prior_gradient(P), gradient, atol=1e-8)
    assert estimator.reachable_


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("seed", [5, 10, 57])
def test_local_alpha_is_exact_where_pieces_of_other_samples_touch(seed, d):
    wells = MinPlus([[1.0] * d, [-1.0] * d])
    X, S, gradient = make_value_samples(wells, 1000, d, random_state=seed)
    estimator = PQMPrior(alpha="local").fit(X, S, gradient=gradient)
    np.testing.assert_allclose(estimator.prox(X), X - gradient, rtol=0, atol=1e-10)
    np.testing.assert_allclose(estimator.predict(X), S, rtol=0, atol=1e-12)


def test_points_in_thousands_and_values_in_millionths():
    X, S, gradient, P = PROBLEM.samples(400)
    a, c = 1e3, 1e-6  # S(a x, t) c is the value function at time a^2 t / c
    estimator = PQMPrior(a**2 / c).fit(a * X, c * S, gradient=c / a * gradient)
    same = PQMPrior().fit(X, S, gradient=gradient)
    Q = PROBLEM.samples(100, seed=1)[0]
    np.testing.assert_allclose(estimator.alpha_, same.alpha_, rtol=1e-9)
    np.testing.assert_allclose(
        estimator.predict(a * Q), c * same.predict(Q), atol=1e-15
    )
    np.testing.assert_allclose(estimator.prox(a * Q), a * same.prox(Q), atol=1e-7)
    np.testing.assert_allclose(estimator.prior(a * P), c * same.prior(P), atol=1e-15)


@times
def test_bounds_hold_where_the_constants_are_known(t):
    estimator = fitted(
        1000, t, alpha=PROBLEM.alpha, smoothness=PROBLEM.smoothness, tol=1e-12
    )
    Q, S, _, P = PROBLEM.samples(1000, t=t, seed=1)
    J = PROBLEM.prior(P, t)
    for (lower, upper), exact in [
        (estimator.prior_bounds(P), J),
        (estimator.value_bounds(Q), S),
    ]:
        assert (lower <= exact + 1e-11).all()
        assert (exact <= upper + 1e-11).all()
        assert np.mean(upper - lower) < 0.5 * np.ptp(exact)


def test_the_bracket_closes_with_samples():
    P = PROBLEM.samples(500, seed=1)[3]
    widths = []
    for n in (100, 3000):
        lower, upper = fitted(n, alpha=0.3, smoothness=3.0).prior_bounds(P)
        widths.append(np.mean(upper - lower))
    assert widths[1] < widths[0] / 4  # 30^(2/3) is 9.7


def test_estimated_bounds_hold_on_most_queries():
    estimator = fitted(2000)
    Q, S, _, P = PROBLEM.samples(2000, seed=1)
    for (lower, upper), exact in [
        (estimator.prior_bounds(P), PROBLEM.prior(P, 1.0)),
        (estimator.value_bounds(Q), S),
    ]:
        inside = (lower <= exact + 1e-9) & (exact <= upper + 1e-9)
        assert inside.mean() > 0.98


def test_without_gradients_pam_bounds_from_below_alone():
    X, S, *_ = PROBLEM.samples(300)
    estimator = PQMPrior(alpha=0).fit(X, S)
    P = PROBLEM.samples(100, seed=1)[3]
    lower, upper = estimator.prior_bounds(P)
    assert (lower <= PROBLEM.prior(P, 1.0)).all()
    assert np.isinf(upper).all()
    assert np.isinf(estimator.value_bounds(X)[1]).all()
    assert (estimator.alpha_, estimator.n_pieces_) == (0.0, 300)


@pytest.mark.parametrize("alpha", ["auto", "local"])
def test_evolution_meets_its_ends_and_decreases_with_time(alpha):
    estimator = fitted(alpha=alpha)
    Q = PROBLEM.samples(100, seed=1)[0]
    values = [estimator.evolve(Q, time) for time in (0, 1e-6, 0.3, 0.7, 1.0)]
    assert (values[0] == estimator.prior(Q)).all()
    assert (values[-1] == estimator.predict(Q)).all()
    # S_t = -|grad S|^2 / 2, and slopes are below 30.
    np.testing.assert_allclose(values[1], values[0], rtol=0, atol=1e-6 * 30**2 / 2)
    for earlier, later in zip(values[:-1], values[1:], strict=True):
        assert (later <= earlier + 1e-9).all()


def test_evolution_follows_the_characteristics():
    """S(y_k + s g_k, s) = J_k + s |g_k|^2 / 2 at every sample and time s <= t."""
    X, S, gradient, P = PROBLEM.samples(400)
    estimator = PQMPrior().fit(X, S, gradient=gradient)
    J = PROBLEM.prior(P, 1.0)
    for s in (0.2, 0.8):
        expected = J + s * hj.half_squared_norm(gradient)
        np.testing.assert_allclose(
            estimator.evolve(P + s * gradient, s), expected, atol=1e-10
        )


def test_outputs_meet_the_identities():
    estimator = fitted(t=1.3)
    Q = PROBLEM.samples(50, seed=1)[0]
    P, S = estimator.prox(Q), estimator.predict(Q)
    np.testing.assert_allclose(
        estimator.potential(Q), hj.potential_from_value(Q, S, 1.3), atol=1e-12
    )
    np.testing.assert_allclose(
        estimator.conjugate(P),
        hj.conjugate_at_prox(Q, P, estimator.potential(Q)),
        atol=1e-8,
    )
    assert (estimator.transform(Q) == P).all()


def test_constants_of_the_paper_problems():
    for problem, alpha in [(L1(), 1.0), (ConcaveQuadratic(0.5), 0.5)]:
        X, S, gradient = make_value_samples(problem, 1000, 3, random_state=0)
        estimator = PQMPrior().fit(X, S, gradient=gradient)
        np.testing.assert_allclose(estimator.alpha_, alpha, rtol=0, atol=1e-12)
        assert (estimator.alpha_local_ >= alpha - 1e-12).all()
    with pytest.warns(UserWarning, match="alpha=0.9 is larger than the samples allow"):
        PQMPrior(alpha=0.9).fit(X, S, gradient=gradient)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_local_fits_stand_in_for_gradients(d):
    problem = LogCosh(d)
    X, S, *_ = problem.samples(2000, box=2.0)
    P = problem.samples(500, box=1.5, seed=1)[3]
    J = problem.prior(P, 1.0)
    error = np.abs(PQMPrior(alpha="local").fit(X, S).prior(P) - J).mean()
    pam = np.abs(PQMPrior(alpha=0).fit(X, S).prior(P) - J).mean()
    assert error < pam


class ExactEstimator(BaseEstimator):
    """A stand-in for a trained estimator that knows the concave quadratic."""

    def fit(self, X, y):
        self.n_fits_ = getattr(self, "n_fits_", 0) + 1
        return self

    def predict(self, X):
        return ConcaveQuadratic(0.5).value(X, 1.0)

    def prox(self, X):
        return ConcaveQuadratic(0.5).prox(X, 1.0)


def test_an_estimator_gives_gradients_and_replaces_noisy_values():
    X, S, gradient = make_value_samples(
        ConcaveQuadratic(0.5), 300, 6, noise=0.1, random_state=0
    )
    inner = ExactEstimator()
    estimator = PQMPrior(gradient_estimator=inner).fit(X, S)
    assert not hasattr(inner, "n_fits_")  # a clone is fitted
    np.testing.assert_allclose(estimator.alpha_, 0.5, atol=1e-9)
    np.testing.assert_allclose(
        estimator.predict(X), ConcaveQuadratic(0.5).value(X, 1.0), atol=1e-9
    )


def test_above_three_features_gradients_come_from_a_fitted_regressor():
    X, S, gradient = make_value_samples(ConcaveQuadratic(), 300, 5, random_state=0)
    estimator = PQMPrior(random_state=0, on_inconsistent="raise").fit(X, S)
    fit = HJPriorRegressor(random_state=0).fit(X, S)
    same = PQMPrior().fit(X, fit.predict(X), gradient=X - fit.prox(X))
    # The fitted potential is convex: a prior generates its values and gradients.
    assert estimator.reachable_
    for output in OUTPUTS:
        np.testing.assert_allclose(
            getattr(estimator, output)(X[:50]), getattr(same, output)(X[:50]), atol=1e-9
        )
    error = np.linalg.norm(estimator.prox(X) - (X - gradient), axis=1).mean()
    assert error < 0.3 * np.linalg.norm(gradient, axis=1).mean()


def noisy_samples():
    X, S, gradient, _ = LogCosh(2).samples(300)
    return X, S + 0.05 * np.random.default_rng(0).standard_normal(300), gradient


def test_inconsistent_samples_warn_with_their_worst_violation():
    X, y, gradient = noisy_samples()
    worst = check_reachable(X, y, gradient).worst_violation
    with pytest.warns(UserWarning, match=f"is {worst:.3g} too large"):
        estimator = PQMPrior().fit(X, y, gradient=gradient)
    assert not estimator.reachable_
    assert estimator.alpha_ == 0
    with pytest.raises(ValueError, match="no prior generates these samples at t=1.0"):
        PQMPrior(on_inconsistent="raise").fit(X, y, gradient=gradient)


def test_inconsistent_samples_are_projected():
    X, y, gradient = noisy_samples()
    estimator = PQMPrior(on_inconsistent="project").fit(X, y, gradient=gradient)
    assert not estimator.reachable_
    P = estimator.prox(X)
    S = estimator.predict(X)
    assert check_reachable(X, S, X - P, noise_std=1e-9).reachable
    assert (y + 1e-9 >= S).all()


def test_known_noise_is_allowed_for():
    X, y, gradient = noisy_samples()
    estimator = PQMPrior(noise_std=0.05).fit(X, y, gradient=gradient)
    assert estimator.reachable_
    assert estimator.alpha_ > 0.2


def test_few_pieces_are_chosen_well():
    P = PROBLEM.samples(500, seed=1)[3]
    J = PROBLEM.prior(P, 1.0)
    greedy = fitted(2000, n_pieces=100)
    assert greedy.n_pieces_ == len(greedy.values_) == 100
    assert len(greedy.alpha_local_) == 2000
    random = fitted(100, alpha=greedy.alpha_)
    assert (J - greedy.prior(P)).max() < (J - random.prior(P)).max()
    assert fitted(50, n_pieces=100).n_pieces_ == 50


@pytest.mark.parametrize("alpha", ALPHAS)
def test_state_round_trips_exactly(alpha, tmp_path):
    estimator = fitted(alpha=alpha)
    Q = PROBLEM.samples(50, seed=1)[0]
    joblib.dump(estimator, tmp_path / "prior.joblib")
    blob = skops.io.dumps(estimator)
    untrusted = skops.io.get_untrusted_types(data=blob)
    assert all(name.startswith("skhj.") for name in untrusted)
    for copy in (
        pickle.loads(pickle.dumps(estimator)),
        joblib.load(tmp_path / "prior.joblib"),
        skops.io.loads(blob, trusted=untrusted),
    ):
        for output in OUTPUTS:
            assert (getattr(copy, output)(Q) == getattr(estimator, output)(Q)).all()


@pytest.mark.parametrize("alpha", ALPHAS)
def test_float32_in_gives_float32_out_near_float64(alpha):
    X, S, gradient, _ = PROBLEM.samples(400)
    estimator = PQMPrior(alpha=alpha).fit(X, S, gradient=gradient)
    arrays = [array.astype(np.float32) for array in (X, S, gradient)]
    single = PQMPrior(alpha=alpha).fit(arrays[0], arrays[1], gradient=arrays[2])
    Q = PROBLEM.samples(50, seed=1)[0].astype(np.float32)
    for output in OUTPUTS:
        answer = getattr(single, output)(Q)
        assert answer.dtype == np.float32
        assert np.isfinite(answer).all()
    inner = 0.5 * X[:50]
    # Rounding 6e-8 of samples of size 10, and of alpha through close pairs.
    np.testing.assert_allclose(
        single.prior(inner.astype(np.float32)), estimator.prior(inner), atol=2e-3
    )
    for bound in (*single.prior_bounds(Q), *single.value_bounds(Q)):
        assert bound.dtype == np.float32


@pytest.mark.parametrize("alpha", ["auto", "local", 0])
def test_outputs_are_finite_at_every_finite_point(alpha):
    estimator = fitted(alpha=alpha)
    for size in (1e3, 1e8, 1e30, 1e160, 1e308):
        Q = np.array([[size, -size, 0.0], [0.0, size, 1.0]])
        for output in OUTPUTS[:5]:
            assert np.isfinite(getattr(estimator, output)(Q)).all()
    single = np.array([[3e38, -3e38, 0.0]], dtype=np.float32)
    for output in OUTPUTS:
        assert np.isfinite(getattr(estimator, output)(single)).all()
    assert not np.isnan(estimator.prior_bounds(single)).any()


@pytest.mark.parametrize(
    "make", [np.asfortranarray, lambda A: A[::-1][::-1], lambda A: A.tolist()]
)
def test_layout_of_the_arrays_is_irrelevant(make):
    X, S, gradient, _ = PROBLEM.samples(100)
    reference = PQMPrior().fit(X, S, gradient=gradient)
    for array in (X, S, gradient):
        array.flags.writeable = False
    other = PQMPrior().fit(make(X), make(S), gradient=make(gradient))
    Q = PROBLEM.samples(20, seed=1)[0]
    np.testing.assert_allclose(other.predict(make(Q)), reference.predict(Q), atol=1e-12)


@pytest.mark.filterwarnings("ignore:no prior generates", "ignore:alpha=0.5 is larger")
@pytest.mark.parametrize(
    ("X", "y"),
    [
        ([[0.0], [1.0]], [0.0, 0.4]),
        ([[0.0, 1.0], [0.0, 1.0]], [1.0, 1.0]),
        ([[0.0, 1.0], [0.0, 1.0]], [1.0, 2.0]),
        (np.random.default_rng(0).uniform(size=(30, 2)), np.ones(30)),
        (np.random.default_rng(0).uniform(size=(30, 2)), np.zeros(30)),
        (np.repeat(np.random.default_rng(0).uniform(size=(9, 2)), 4, 0), np.ones(36)),
        (np.arange(20).reshape(10, 2), np.arange(10)),
        (np.column_stack([np.arange(30.0), np.zeros(30)]), np.arange(30.0) / 10),
    ],
)
@pytest.mark.parametrize("alpha", ["auto", "local", 0, 0.5])
def test_degenerate_samples_give_finite_answers(X, y, alpha):
    estimator = PQMPrior(alpha=alpha).fit(X, y)
    for output in OUTPUTS:
        assert np.isfinite(getattr(estimator, output)(X)).all()
    for lower, upper in (estimator.prior_bounds(X), estimator.value_bounds(X)):
        assert np.isfinite(lower).all()
        assert not np.isnan(upper).any()


@pytest.mark.parametrize("alpha", ["auto", "local", 0, 0.5])
def test_a_prior_on_a_single_point(alpha):
    """J is 0 at the origin and infinite elsewhere: S = |x|^2 / (2 t), prox = 0."""
    X = np.random.default_rng(0).standard_normal((100, 2))
    estimator = PQMPrior(2.0, alpha=alpha).fit(
        X, hj.half_squared_norm(X) / 2, gradient=X / 2
    )
    np.testing.assert_allclose(estimator.prox(X), 0, atol=1e-9)
    np.testing.assert_allclose(
        estimator.predict(X), hj.half_squared_norm(X) / 2, atol=1e-10
    )
    assert estimator.prior([[0.0, 0.0]]) == pytest.approx(0, abs=1e-10)
    assert (estimator.prior([[1.0, 0.0]]) > 0.1).all()
    assert np.isinf(estimator.prior_bounds(X)[1]).all()


def test_pipeline_and_grid_search():
    X, S, *_ = LogCosh(2).samples(200)
    pipeline = make_pipeline(
        FunctionTransformer(), PQMPrior(gradient_estimator="local")
    )
    search = GridSearchCV(pipeline, {"pqmprior__alpha": [0.05, 0.1]}, cv=3)
    search.fit(X, S)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    denoised = pipeline.fit(X, S).transform(X)
    assert denoised.shape == X.shape
    assert clone(pipeline)[-1].get_params() == pipeline[-1].get_params()


def test_a_failed_refit_leaves_nothing_behind():
    estimator = fitted()
    with pytest.raises(
        ValueError, match=r"gradient must have the shape of X, \(2, 3\)"
    ):
        estimator.fit(np.zeros((2, 3)), [0.0, 1.0], gradient=np.zeros((2, 2)))
    with pytest.raises(NotFittedError):
        estimator.predict(np.zeros((1, 3)))


def test_setting_t_after_the_fit_changes_no_answer():
    estimator = fitted()
    Q = PROBLEM.samples(20, seed=1)[0]
    before = estimator.predict(Q)
    estimator.set_params(t=0.3)
    assert (estimator.predict(Q) == before).all()
    assert (estimator.evolve(Q, 1.0) == before).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("t", 0),
        ("t", -1.0),
        ("t", np.inf),
        ("alpha", 1.0),
        ("alpha", -0.1),
        ("alpha", "best"),
        ("smoothness", -1.0),
        ("gradient_estimator", "exact"),
        ("on_inconsistent", "ignore"),
        ("noise_std", -1.0),
        ("n_pieces", 0),
        ("tol", 0),
        ("max_rounds", 0),
    ],
)
def test_bad_parameters_are_named(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of PQMPrior must be"):
        PQMPrior(**{name: value}).fit([[0.0], [1.0]], [0.0, 0.1])


def test_bad_times_and_arrays_are_named():
    estimator = fitted(t=0.5)
    for time in (-0.1, 0.6, np.nan):
        with pytest.raises(ValueError, match=r"time must be between 0 and t=0.5, got"):
            estimator.evolve(np.zeros((1, 3)), time)
    X, y = [[0.0], [1.0]], [0.0, 0.1]
    with pytest.raises(ValueError, match="t must be a positive finite number, got 0"):
        check_reachable(X, y, t=0)
    with pytest.raises(ValueError, match="noise_std must be a non-negative"):
        check_reachable(X, y, noise_std=-1)
    with pytest.raises(ValueError, match=r"y must have the shape \(2,\), got \(1,\)"):
        check_reachable(X, [0.0])
    with pytest.raises(ValueError, match="gradient must have the shape of X"):
        check_reachable(X, y, [[0.0]])
    with pytest.raises(ValueError, match="Input gradient contains NaN"):
        PQMPrior().fit(X, y, gradient=[[0.0], [np.nan]])


def test_reachability_of_the_paper_problems():
    wells = MinPlus([[1.0, 0], [-1.0, 0]])
    for problem in (L1(), NegativeL1(), ConcaveQuadratic(0.5), wells):
        X, y, gradient = make_value_samples(problem, 400, 2, random_state=0)
        assert check_reachable(X, y, gradient).verdict == "reachable"
        assert check_reachable(X, y).verdict == "no evidence against"


def test_an_infinite_smoothness_certifies_the_value_where_the_prior_has_kinks():
    """The least that samples allow does not: psi* of l1 has kinks."""
    X, y, G = make_value_samples(L1(), 500, 3, t=0.5, random_state=0)
    Q = np.random.default_rng(0).normal(size=(500, 3))
    S = L1().value(Q, 0.5)
    certified = PQMPrior(0.5, alpha=0.0, smoothness=np.inf).fit(X, y, gradient=G)
    lower, upper = certified.value_bounds(Q)
    assert (lower <= S + 1e-9).all()
    assert (upper >= S - 1e-9).all()
    assert np.isinf(certified.prior_bounds(Q)[1]).all()
    assert certified.estimated_constants_ == ()
    estimated = PQMPrior(0.5).fit(X, y, gradient=G)
    assert estimated.estimated_constants_ == ("alpha", "smoothness")
    assert (estimated.value_bounds(Q)[1] < S - 1e-9).any()


@pytest.mark.parametrize("smoothness", [0.0, -1.0, 1e-3, 0.5])
def test_a_smoothness_that_crosses_the_bounds_is_refused(smoothness):
    X, y, G = make_value_samples(L1(), 200, 2, t=0.5, random_state=0)
    with pytest.raises(ValueError, match="'?smoothness'? (parameter|must be at least)"):
        PQMPrior(0.5, smoothness=smoothness).fit(X, y, gradient=G)


def test_bounds_of_projected_noisy_samples_do_not_cross():
    X, y, G = make_value_samples(L1(), 150, 2, t=0.5, noise=0.05, random_state=0)
    est = PQMPrior(0.5, on_inconsistent="project", noise_std=0.01)
    est.fit(X, y, gradient=G)
    assert not est.reachable_
    for points, bounds in ((X, est.value_bounds), (est.prox(X), est.prior_bounds)):
        lower, upper = bounds(points)
        assert (lower <= upper + 1e-9 * np.abs(y).max()).all()
