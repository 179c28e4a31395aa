"""Warnings point at the line of the caller's own code."""

import inspect
import warnings

import numpy as np
import pytest
from interrupted import WATCHED, run
from sklearn.base import BaseEstimator
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skhj import PQMPrior
from skhj.exceptions import ExtrapolationWarning, held_back, warn
from skhj.numerics.smallest_maximum import SmallestMaximum
from skhj.problems import MinPlus

RNG = np.random.default_rng(0)
X, y = RNG.standard_normal((40, 2)), RNG.standard_normal(40)


def inconsistent():
    """An estimator that warns of its samples."""
    return PQMPrior(gradient_estimator="local")


class Wrapper(BaseEstimator):
    """A user's own estimator."""

    def fit(self, X, y):
        self.inner_ = inconsistent().fit(X, y)
        return self

    def score(self, X, y):
        return 0.0


CALLS = {
    "fit": lambda: inconsistent().fit(X, y),
    "pipeline": lambda: make_pipeline(FunctionTransformer(), inconsistent()).fit(X, y),
    "joblib": lambda: cross_val_score(inconsistent(), X, y, cv=2),
    "directly": lambda: warn("no prior generates"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_line_is_the_users(call):
    with pytest.warns(UserWarning, match="no prior generates") as record:
        call()
    (line,) = {warning.lineno for warning in record}
    assert {warning.filename for warning in record} == {__file__}
    assert line == inspect.getsourcelines(call)[1]


def test_the_line_is_that_of_the_users_estimator_where_there_is_one():
    with pytest.warns(UserWarning, match="no prior generates") as record:
        cross_val_score(Wrapper(), X, y, cv=2)
    first = inspect.getsourcelines(Wrapper.fit)[1]
    assert {warning.lineno for warning in record} == {first + 1}


def test_a_line_warns_once_and_another_again():
    def twice():
        for _ in range(2):
            warn("far away", ExtrapolationWarning)

    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("default")
        twice()
        warn("far away", ExtrapolationWarning)
    assert [warning.category for warning in record] == 2 * [ExtrapolationWarning]


def test_unsolved_values_and_minimisations_are_told():
    rough = PQMPrior(alpha=0.01, max_rounds=1)
    rough.fit(X, (X**2).sum(1) / 8, gradient=X / 4)
    with pytest.warns(RuntimeWarning, match="did not reach tol=1e-10 in 1 rounds"):
        rough.predict(3 * X[:5] + 1)
    wells = MinPlus(RNG.standard_normal((6, 2)))
    wells._solver = SmallestMaximum(max_iter=1)
    with pytest.warns(RuntimeWarning, match="did not reach tol=1e-13 in 1 iterations"):
        wells.backward_prior(X, 1.0)


def test_an_interrupt_at_any_line_leaves_no_warning_held_back():
    def hold():
        with held_back():
            warn("held")

    watched = (*WATCHED, __file__)
    for stop_at in range(1, run(hold, watched=watched)[-1] + 1):
        with pytest.raises(KeyboardInterrupt):
            run(hold, stop_at, watched)
        with pytest.warns(UserWarning, match="told"):
            warn("told")
