"""Parameters and arrays at the edges of arithmetic: an answer, or an error by name."""

import numpy as np
import pytest

from skhj import (
    EmbeddedInverseSolver,
    HJPriorRegressor,
    PQMPrior,
    PriorInverseSolver,
    check_reachable,
)
from skhj.estimators.arrays import relative_misfit
from skhj.inspection import CrossSectionDisplay
from skhj.problems import L1

HUGE = 1e160  # its square is not a number
# Of fits as short as these.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skhj.exceptions.ExtrapolationWarning"),
]


@pytest.fixture(scope="module")
def samples():
    X = np.random.RandomState(0).normal(size=(60, 2))
    return X, L1().value(X, 1.0)


@pytest.fixture(scope="module")
def priors(samples):
    X = samples[0]
    ridge = HJPriorRegressor(network="ridge", max_iter=2, random_state=0)
    return [ridge.fit(*samples), PQMPrior().fit(*samples, X - L1().prox(X, 1.0))]


@pytest.mark.parametrize("t", ["a", None, [1.0]])
def test_a_time_that_is_no_number_is_refused(t, samples):
    with pytest.raises(TypeError, match="t must be an instance of"):
        check_reachable(*samples, t=t)
    with pytest.raises(TypeError, match="noise_std must be an instance of"):
        check_reachable(*samples, noise_std=t)


@pytest.mark.parametrize("prior", [HJPriorRegressor, PQMPrior])
def test_times_whose_squares_are_no_numbers_are_refused(prior, samples):
    with pytest.raises(ValueError, match="The 't' parameter"):
        prior(HUGE).fit(*samples)


@pytest.mark.parametrize(
    "method", ["predict", "prox", "prior", "potential", "conjugate", "transform"]
)
def test_points_whose_squares_are_no_numbers_are_refused(method, priors, samples):
    X = samples[0].copy()
    X[0] = HUGE
    with pytest.raises(ValueError, match="X must be at most 1e\\+153 in size"):
        getattr(priors[0], method)(X)


def test_noise_whose_square_is_no_number_is_refused(samples):
    with pytest.raises(ValueError, match="The 'noise_level' parameter"):
        EmbeddedInverseSolver(noise_level=1e300).fit(samples[0], samples[0])


def test_batches_larger_than_any_int_are_all_samples(samples):
    X, S = samples
    few = {"max_iter": 1, "random_state": 0}
    answers = [
        EmbeddedInverseSolver(np.eye(2), batch_size=size, **few).fit(X, X).predict(X)
        for size in (10**30, np.int64(60))
    ]
    np.testing.assert_array_equal(*answers)
    answers = [
        HJPriorRegressor(network="icnn", batch_size=size, **few).fit(X, S).predict(X)
        for size in (10**30, 60)
    ]
    np.testing.assert_array_equal(*answers)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("features", [0.5]),
        ("features", ["a"]),
        ("features", [2]),
        ("n_points", -1),
        ("n_points", 1),
        ("n_points", 2.5),
        ("origin", [np.nan, 0.0]),
    ],
)
def test_displays_name_the_option_that_is_wrong(option, value, priors, samples):
    for prior in priors:
        with pytest.raises(ValueError, match=f"{option} must be"):
            CrossSectionDisplay.from_estimator(prior, samples[0], **{option: value})


@pytest.mark.parametrize("name", ["X", "y", "gradient"])
def test_samples_whose_squares_are_no_numbers_are_refused(name, samples):
    X, y = samples
    data = {"X": X, "y": y, "gradient": X - L1().prox(X, 1.0)}
    data[name] = HUGE * data[name]
    for fit in (HJPriorRegressor(max_iter=2).fit, PQMPrior().fit, check_reachable):
        with pytest.raises(ValueError, match=f"{name} must be at most 1e\\+153"):
            fit(**data)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_ratios_beyond_the_largest_number_leave_no_time():
    X = 1e-100 * np.arange(4.0)[:, None]
    result = check_reachable(X, 1e140 * np.arange(4.0) ** 2, np.zeros((4, 1)))
    assert (result.reachable, result.largest_t) == (False, 0.0)


def test_operators_beyond_arithmetic_are_refused(samples):
    X = samples[0]
    with pytest.raises(ValueError, match="operator must map models to measurements"):
        EmbeddedInverseSolver(HUGE * np.eye(2), max_iter=1).fit(X, X)


def test_misfits_beyond_the_largest_square_are_numbers():
    data, measurements = (
        np.array([[3e200, 0.0], [0.0, 2.0]]),
        np.array([[0, 4e200], [0, 0]]),
    )
    np.testing.assert_allclose(relative_misfit(data, measurements), [1.25, 2.0])


@pytest.mark.parametrize("metric", ["none", object(), [[1.0], [1.0, 2.0]]])
def test_a_metric_that_is_no_numbers_is_refused(metric, samples):
    with pytest.raises(ValueError, match="metric must be real numbers"):
        check_reachable(*samples, metric=metric)


def test_a_time_that_is_an_integer_beyond_machine_integers_is_a_time():
    X = np.random.RandomState(0).normal(size=(20, 2))
    y = np.ones(20)
    assert np.isfinite(PQMPrior(t=10**30).fit(X, y).predict(X)).all()


def test_values_that_jump_where_points_meet_have_no_upper_bound():
    X, y = np.zeros((9, 2)), np.random.RandomState(0).normal(size=9) * 1e12
    prior = PQMPrior(alpha="local")
    with pytest.warns(UserWarning, match="no prior generates these samples"):
        prior.fit(X, y)
    lower, upper = prior.prior_bounds(X)
    assert np.isfinite(lower).all()
    assert np.isposinf(upper).all()


def test_images_beyond_single_precision_are_refused():
    X = np.random.RandomState(0).normal(size=(12, 13)) * 1e-176
    prior = HJPriorRegressor(target="prox", image_shape=(13,), max_iter=2)
    with pytest.raises(ValueError, match="X must be images of pixels from 1e-15 to"):
        prior.fit(X, X)


@pytest.mark.filterwarnings("ignore:network .* failed and is left out")
@pytest.mark.parametrize("network", ["polyhedral", "sorted", "ridge"])
def test_fits_whose_errors_have_no_squares_answer_with_numbers(network):
    rng = np.random.RandomState(0)
    X, y = 1e100 * rng.normal(size=(30, 3)), 1e152 * rng.normal(size=30)
    est = HJPriorRegressor(network=network, max_iter=2).fit(X, y)
    assert np.isfinite(est.predict(X)).all()


def test_steps_beyond_the_largest_number_shrink_to_the_prior_alone():
    A, B = 1e-130 * np.eye(3), 1e140 * np.ones((2, 3))
    solver = PriorInverseSolver(
        A, L1(), strength=1e100, noise_level=1.0, algorithm="forward-backward"
    )
    # A x is nothing beside the prior: its minimiser is left.
    np.testing.assert_array_equal(solver.fit(B).predict(B), 0)


def test_models_of_sizes_that_leave_a_mixture_no_density_are_drawn_without():
    rng = np.random.RandomState(0)
    A = rng.normal(size=(20, 3))
    X = rng.standard_cauchy(size=(30, 3)) ** 7
    est = EmbeddedInverseSolver(A, loss="energy", max_iter=1, random_state=0)
    assert np.isfinite(est.fit(X @ A.T, X).sample(X[:2] @ A.T, 2)).all()
