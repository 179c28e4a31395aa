"""Display of losses."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skhj import EmbeddedInverseSolver, PQMPrior
from skhj.datasets import make_value_samples
from skhj.inspection import LossCurveDisplay
from skhj.problems import ConcaveQuadratic

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


class Fitted(BaseEstimator):
    """Losses as they are given."""

    def __init__(self, **curves):
        vars(self).update(curves, fitted_=True)

    def fit(self, X, y):
        """Nothing to do."""


def test_curves_are_those_of_the_fit():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 3))
    est = EmbeddedInverseSolver(np.eye(3), max_iter=3, random_state=0, network="eunet")
    with pytest.warns(match="linear estimate"):
        est.fit(X + 0.1 * rng.standard_normal(X.shape), X)
    display = LossCurveDisplay.from_estimator(est).plot()
    assert [line.get_label() for line in display.lines_] == ["training", "hold-out"]
    for line, losses in zip(
        display.lines_, (est.loss_curve_, est.validation_curve_), strict=True
    ):
        np.testing.assert_array_equal(line.get_ydata(), losses)
        np.testing.assert_array_equal(line.get_xdata(), np.arange(est.n_iter_) + 1)
    assert display.ax_.get_yscale() == "log"
    matplotlib.pyplot.close(display.figure_)


def test_empty_curves_are_left_out_and_signs_choose_the_scale():
    import matplotlib.pyplot as plt

    _, ax = plt.subplots()
    est = Fitted(loss_curve_=np.array([1.0, -1.0]), prior_loss_curve_=np.empty(0))
    display = LossCurveDisplay.from_estimator(est, label="mine", ax=ax, color="black")
    assert display.ax_ is ax
    assert ax.get_yscale() == "linear"
    (line,) = ax.lines
    assert line.get_label() == "mine, training"
    assert line.get_color() == "black"
    plt.close(ax.figure)


def test_estimators_without_losses_are_named():
    X, y, G = make_value_samples(ConcaveQuadratic(), 20, 2, random_state=0)
    with pytest.raises(ValueError, match="must have losses in one of .* got PQMPrior"):
        LossCurveDisplay.from_estimator(PQMPrior().fit(X, y, gradient=G))
