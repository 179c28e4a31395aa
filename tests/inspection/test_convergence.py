"""Display of the iterates' errors."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skhj.inspection import ConvergenceDisplay


class Halving(BaseEstimator):
    """Iterates whose error halves in each of three layers: X + 2^-j."""

    def __init__(self, network="halving"):
        self.network = network

    def fit(self, X, y=None):
        self.n_features_in_ = 2
        return self

    def trajectory(self, X):
        return np.asarray(X) + 0.5 ** np.arange(4)[:, None, None]


X = np.random.default_rng(0).standard_normal((5, 2))


def test_errors_are_the_mean_squares_of_each_iterate():
    display = ConvergenceDisplay.from_estimator(Halving().fit(X), X, X)
    np.testing.assert_allclose(display.errors, 0.25 ** np.arange(4))
    assert display.label == "halving"
    single = ConvergenceDisplay.from_estimator(Halving().fit(X), X[:, :1], X[:, 0])
    np.testing.assert_allclose(single.errors, display.errors)


def test_several_estimators_share_axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    first = ConvergenceDisplay.from_estimator(Halving().fit(X), X, X).plot()
    second = ConvergenceDisplay.from_estimator(
        Halving("other").fit(X), X, X + 1, label="shifted", ax=first.ax_, color="black"
    )
    assert second.ax_ is first.ax_
    assert second.figure_ is first.figure_
    assert [line.get_label() for line in first.ax_.lines] == ["halving", "shifted"]
    np.testing.assert_array_equal(second.line_.get_ydata(), second.errors)
    assert first.ax_.get_yscale() == "log"
    plt.close(first.figure_)


def test_models_of_the_wrong_shape_are_named():
    with pytest.raises(ValueError, match=r"y must be of shape \(5, 2\), .* got \(5,\)"):
        ConvergenceDisplay.from_estimator(Halving().fit(X), X, X[:, 0])
