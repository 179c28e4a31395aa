"""Operators of other libraries: shared by copies, asked for where none is saved."""

import pickle
import types

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from skhj import EmbeddedInverseSolver, PriorInverseSolver
from skhj.problems import L1

MATRIX = np.random.default_rng(0).normal(size=(4, 6))


class Physics:
    """Neither pickles nor can be copied, as astra's OpTomo, which holds a module."""

    shape = MATRIX.shape

    def __init__(self):
        self.module = types

    def matvec(self, x):
        return MATRIX @ x

    def rmatvec(self, r):
        return MATRIX.T @ r


def pairs(n=60):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 6))
    return X @ MATRIX.T + 0.1 * rng.normal(size=(n, 4)), X


def embedded(operator):
    return EmbeddedInverseSolver(operator, max_iter=1, n_layers=2, random_state=0)


def by_prior(operator):
    return PriorInverseSolver(operator, L1(), strength=0.1)


of_each = pytest.mark.parametrize("make", [embedded, by_prior])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@of_each
def test_clones_and_folds_share_the_operator(make):
    operator = Physics()
    est = make(operator)
    assert clone(est).operator is operator
    assert clone(est).get_params().keys() == est.get_params().keys()
    assert np.isfinite(cross_val_score(est, *pairs(), cv=2)).all()
    copy = clone(est.fit(*pairs()))
    assert copy.operator is operator
    assert not hasattr(copy, "n_features_in_")


@of_each
def test_a_saved_estimator_asks_for_an_operator_that_does_not_pickle(make, tmp_path):
    B, X = pairs()
    est = make(Physics()).fit(B, X)
    expected = est.predict(B)
    joblib.dump(est, tmp_path / "est.joblib")
    np.testing.assert_array_equal(est.predict(B), expected)
    loaded = joblib.load(tmp_path / "est.joblib")
    assert "LeftOut('Physics')" in repr(loaded)
    message = r"operator, a Physics, does not pickle .* set_params\(operator=...\)"
    for method in (loaded.predict, loaded.residual):
        with pytest.raises(ValueError, match=message):
            method(B)
    again = pickle.loads(pickle.dumps(loaded)).set_params(operator=Physics())
    np.testing.assert_array_equal(again.predict(B), expected)
    with pytest.raises(ValueError, match=r"operator must be of shape \(4, 6\)"):
        loaded.set_params(operator=MATRIX[:3])


@of_each
def test_an_operator_that_pickles_is_saved(make):
    B, X = pairs()
    est = make(MATRIX).fit(B, X)
    copy = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(copy.operator, MATRIX)
    np.testing.assert_array_equal(copy.predict(B), est.predict(B))


@of_each
def test_missing_attributes_are_told_as_ever(make):
    with pytest.raises(AttributeError, match="has no attribute 'colour'"):
        make(MATRIX).colour  # noqa: B018


@pytest.mark.parametrize("factor", [0.0, 1e-9, -1.0])
def test_useless_operators_warn_or_are_refused(factor):
    B, X = pairs(200)
    est = embedded(factor * MATRIX)
    message = "operator does not explain the measurements"
    with pytest.warns(UserWarning, match=message):
        est.fit(B, X)
    with pytest.raises(ValueError, match=message + ".*precondition=False must have"):
        est.set_params(precondition=False).fit(B, X)
