"""Single samples that are far off: left out and told, and none where there are none."""

import warnings

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.priors.outliers import OutlierTest
from skhj.problems import L1, NegativeL1


def fitted(X, y, gradient=None, **parameters):
    est = HJPriorRegressor(0.5, network="ridge", random_state=0, **parameters)
    return est.fit(X, y, gradient)


@pytest.fixture(scope="module")
def data():
    return make_value_samples(L1(), 300, 2, t=0.5, random_state=0)


@pytest.mark.parametrize("wrong", ["value", "gradient"])
def test_the_fit_is_that_without_the_outlier(data, wrong):
    X, y, gradient = (array.copy() for array in data)
    if wrong == "value":
        y[17] = 1e4
    else:
        gradient[17] = 1e4
    with pytest.warns(
        UserWarning, match=r"in 1 of 300 rows \(17\), which are left out"
    ):
        est = fitted(X, y, gradient)
    np.testing.assert_array_equal(est.outliers_, [17])
    others = (np.delete(array, 17, axis=0) for array in data)
    np.testing.assert_array_equal(est.predict(X), fitted(*others).predict(X))


def test_a_proximal_point_that_is_far_off_is_left_out(data):
    X, _, gradient = data
    P = X - 0.5 * gradient
    P[3] = -1e4
    with pytest.warns(UserWarning, match="are left out"):
        assert list(fitted(X, P, target="prox").outliers_) == [3]


def test_nothing_is_left_out_of_a_value_function(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(fitted(*data).outliers_) == 0


@pytest.mark.parametrize("d", [1, 5, 20])
@pytest.mark.parametrize("n", [2, 3, 10, 100, 2000])
def test_no_false_alarm(n, d):
    """Of kinks and gaps, of points with heavy tails, of quartics, noisy or not."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        for X in (2 * rng.normal(size=(n, d)), rng.standard_t(2, size=(n, d))):
            functions = [
                (problem.value(X, 0.5), (X - problem.prox(X, 0.5)) / 0.5)
                for problem in (L1(), NegativeL1())
            ]
            if abs(X).max() < 10:
                functions.append((-(X**4).sum(axis=1), -4 * X**3))
            for y, gradient in functions:
                noise = rng.normal(size=n)
                assert not OutlierTest().find(X, y, gradient).any()
                assert not OutlierTest().find(X, y + 0.2 * y.std() * noise).any()


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e100])
def test_units_do_not_matter(data, scale):
    X, y, _ = (array.copy() for array in data)
    y[[4, 40]] = [1e4, -1e6]
    assert list(np.flatnonzero(OutlierTest().find(X, scale * y))) == [4, 40]
    found = OutlierTest().find(1e-3 * X + 7.0, y)
    assert list(np.flatnonzero(found)) == [4, 40]
