"""Weights of samples are how often rows count, whatever the kind of model."""

import numpy as np
import pytest
import sklearn
from linear_pairs import linear_pairs
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skhj import EmbeddedInverseSolver, HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.estimators.counted_rows import count_rows, whole_counts
from skhj.problems import L1, NegativeL1

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:.*samples are too few",
    "ignore:.*is too large for the samples",
)

KINDS = ["ridge", "min-plus", "polyhedral", "sorted", "icnn", "envelope", "auto"]


def noisy_samples(n=150, seed=0):
    X, y, _ = make_value_samples(NegativeL1(), n, 2, t=0.5, random_state=seed)
    return X, y + 0.05 * np.random.RandomState(seed).normal(size=n)


def prior(network="ridge", **parameters):
    return HJPriorRegressor(
        0.5, network=network, max_iter=4, random_state=0, **parameters
    )


def solver(**parameters):
    return EmbeddedInverseSolver(max_iter=2, random_state=0, **parameters)


def repeated(weights, *arrays):
    order = np.random.RandomState(1).permutation(weights.sum())
    return tuple(np.repeat(array, weights, axis=0)[order] for array in arrays)


@pytest.fixture(scope="module")
def weights():
    return np.random.RandomState(2).randint(0, 4, size=150)


@pytest.mark.parametrize("network", KINDS)
def test_whole_weights_are_repeated_rows_for_every_kind(network, weights):
    X, y = noisy_samples()
    est = prior(network).fit(X, y, sample_weight=weights)
    again = prior(network).fit(*repeated(weights, X, y))
    np.testing.assert_array_equal(est.predict(X), again.predict(X))
    np.testing.assert_array_equal(est.prior(X), again.prior(X))
    errors = [[one["validation_error"] for one in e.candidates_] for e in (est, again)]
    assert errors[0] == errors[1]


def test_whole_weights_are_repeated_rows_of_values_with_gradients(weights):
    X, y, gradient = make_value_samples(L1(), 150, 2, t=0.5, random_state=0)
    est = prior().fit(X, y, gradient, sample_weight=weights)
    again = prior().fit(*repeated(weights, X, y, gradient))
    np.testing.assert_array_equal(est.prox(X), again.prox(X))


def test_whole_weights_are_repeated_images():
    rng = np.random.RandomState(0)
    P = np.repeat(rng.normal(size=(40, 6)), 6, axis=1)
    X, weights = P + 0.3 * rng.normal(size=P.shape), rng.randint(0, 3, size=40)
    est = HJPriorRegressor(
        0.1, target="prox", image_shape=(6, 6), max_iter=1, random_state=0
    )
    answers = est.fit(X, P, sample_weight=weights).predict(X)
    again = est.fit(*repeated(weights, X, P)).predict(X)
    np.testing.assert_array_equal(answers, again)


@pytest.mark.parametrize("t", [0.5, "auto"])
def test_a_weight_of_zero_is_a_row_left_out(t):
    X, y, _ = make_value_samples(L1(), 150, 2, t=0.5, random_state=0)
    wrong = np.where(np.arange(150) < 50, 7.0, 1.0) * y
    est = prior().set_params(t=t)
    weights = (np.arange(150) >= 50).astype(float)
    answers = est.fit(X, wrong, sample_weight=weights).predict(X)
    np.testing.assert_array_equal(answers, est.fit(X[50:], y[50:]).predict(X))


@pytest.mark.parametrize("factor", [2, 0.1, 1e-300, 1e300])
def test_weights_times_a_factor_leave_all_as_it_is(factor, weights):
    X, y = noisy_samples()
    answers = prior().fit(X, y, sample_weight=weights).predict(X)
    again = prior().fit(X, y, sample_weight=factor * weights).predict(X)
    np.testing.assert_array_equal(again, answers)


def test_equal_weights_are_none():
    X, y = noisy_samples()
    answers = prior("icnn").fit(X, y).predict(X)
    again = prior("icnn").fit(X, y, sample_weight=np.full(150, 0.3)).predict(X)
    np.testing.assert_array_equal(again, answers)


def test_rows_that_are_all_there_twice_are_as_if_once():
    X, y = noisy_samples()
    twice = np.tile(X, (2, 1)), np.tile(y, 2)
    answers = prior("icnn").fit(X, y).predict(X)
    np.testing.assert_array_equal(prior("icnn").fit(*twice).predict(X), answers)


def test_of_values_that_contradict_the_weighted_mean_is_fitted():
    """Weights 1 - 1/e and 1/e, which are no ratio of whole numbers."""
    X, y, _ = make_value_samples(NegativeL1(), 300, 1, t=0.5, random_state=0)
    share = 1 - np.exp(-1)
    both = np.tile(X, (2, 1)), np.concatenate([y + 1, y - 1])
    weights = np.repeat([share, 1 - share], 300)
    est = prior().fit(*both, sample_weight=weights)
    # What is held out, a tenth, is not fitted: shares there are off by chance.
    assert np.mean(est.predict(X) - y) == pytest.approx(2 * share - 1, abs=0.05)


def test_an_outlier_is_every_row_that_is_equal_to_it():
    X, y = noisy_samples()
    y[3] = 1e4
    X, y = np.vstack([X, X[3:4]]), np.append(y, y[3])
    with pytest.warns(UserWarning, match=r"in 2 of 151 rows \(3, 150\)"):
        est = prior().fit(X, y)
    np.testing.assert_array_equal(est.outliers_, [3, 150])


@pytest.mark.parametrize(
    "parameters", [{}, {"loss": "energy"}, {"early_stopping": False}]
)
@pytest.mark.parametrize("known", [True, False])
def test_whole_weights_are_repeated_pairs(parameters, known, weights):
    B, X, A = linear_pairs(n=150)
    est = solver(operator=A if known else None, **parameters)
    answers = est.fit(B, X, sample_weight=weights).predict(B)
    again = est.fit(*repeated(weights, B, X)).predict(B)
    np.testing.assert_array_equal(answers, again)


def test_pairs_of_weight_zero_are_left_out_and_factors_leave_all_as_it_is():
    B, X, A = linear_pairs(n=150)
    kept = np.arange(150) >= 50
    est = solver(operator=A)
    answers = est.fit(B[kept], X[kept]).predict(B)
    for factor in (1, 0.3):
        again = est.fit(B, X + 9 * ~kept[:, None], sample_weight=factor * kept)
        np.testing.assert_array_equal(again.predict(B), answers)


def test_missing_measurements_have_weights(weights):
    B, X, A = linear_pairs(n=150)
    B[np.random.RandomState(0).uniform(size=B.shape) < 0.2] = np.nan
    est = solver(operator=A, missing="allow")
    answers = est.fit(B, X, sample_weight=weights).predict(B)
    again = est.fit(*repeated(weights, B, X)).predict(B)
    np.testing.assert_array_equal(answers, again)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(9), r"for each of 10 rows, got an array of shape \(9,\)"),
        (np.ones((10, 1)), r"got an array of shape \(10, 1\)"),
        (np.arange(10) - 1.0, "none negative, got -1"),
        (np.zeros(10), "two of them above zero at least, got 0"),
        (np.eye(10)[0], "two of them above zero at least, got 1"),
        (np.full(10, np.nan), "sample_weight contains NaN"),
        (np.full(10, np.inf), "sample_weight contains infinity"),
        (["a"] * 10, "could not convert"),
    ],
)
@pytest.mark.parametrize("make", [prior, solver])
def test_weights_that_are_none_are_refused(make, weights, message):
    X = np.random.RandomState(0).normal(size=(10, 2))
    with pytest.raises(ValueError, match=message):
        make().fit(X, X[:, 0], sample_weight=weights)


def test_weights_are_not_changed():
    X, y = noisy_samples(30)
    weights = np.arange(30.0)
    prior().fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(weights, np.arange(30.0))


def test_weights_are_routed_through_pipelines_to_fit_and_score(weights):
    X, y = noisy_samples()
    with sklearn.config_context(enable_metadata_routing=True):
        est = prior().set_fit_request(sample_weight=True)
        est.set_score_request(sample_weight=True)
        pipeline = make_pipeline(FunctionTransformer(), est)
        pipeline.fit(X, y, sample_weight=weights)
        direct = prior().fit(X, y, sample_weight=weights)
        np.testing.assert_array_equal(pipeline.predict(X), direct.predict(X))
        scores = cross_validate(
            est, X, y, cv=2, params={"sample_weight": weights}, error_score="raise"
        )
    assert np.isfinite(scores["test_score"]).all()
    expected = direct.score(*repeated(weights, X, y))
    assert direct.score(X, y, sample_weight=weights) == pytest.approx(expected)


def test_the_order_of_rows_that_have_weights_is_of_no_account(weights):
    X, y = noisy_samples()
    order = np.random.RandomState(0).permutation(150)
    est = prior("icnn").fit(X, y, sample_weight=weights)
    again = prior("icnn").fit(X[order], y[order], sample_weight=weights[order])
    np.testing.assert_array_equal(est.predict(X), again.predict(X))


def test_copies_of_one_row_are_two():
    counted = count_rows([1.0, 0.0, 2.0, 3.0], np.ones((4, 2)))
    assert counted.counts is None
    np.testing.assert_array_equal(counted.rows, [0, 2])


def test_zeros_of_both_signs_are_equal():
    counted = count_rows(None, np.array([[0.0], [-0.0], [1.0]]))
    np.testing.assert_array_equal(np.sort(counted.counts), [1, 2])
    assert counted.groups[0] == counted.groups[1] != counted.groups[2]


def test_rows_that_share_numbers_stay_as_they_are_given():
    X, y = np.random.RandomState(0).randint(3, size=(2, 200, 9)).astype(float)
    assert len(np.unique(np.concatenate([X, y], axis=1), axis=0)) == 200
    counted = count_rows(None, X, y)
    assert counted.rows == slice(None)
    again = count_rows(None, *(np.concatenate([a, a[:1]]) for a in (X, y)))
    assert again.counts.sum() == 201
    assert len(again.counts) == 200


def test_counts_are_in_the_ratios_of_small_whole_numbers():
    whole = np.array([4, 6, 2, 10])
    for factor in (1, 0.1, np.pi):
        np.testing.assert_array_equal(whole_counts(factor * whole), whole // 2)


def test_counts_of_other_weights_are_off_by_less_than_one():
    weights = np.random.RandomState(0).exponential(size=200)
    counts = whole_counts(weights)
    assert counts.sum() == 8 * 200
    assert np.abs(counts - weights * (8 * 200 / weights.sum())).max() < 1


def test_of_weights_that_are_next_to_nothing_two_rows_stay():
    assert np.count_nonzero(whole_counts(np.array([1.0, 1e-9, 1e-12]))) == 2
