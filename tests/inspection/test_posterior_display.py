"""Display of draws."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skhj.inspection import PosteriorDisplay

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


class Normal(BaseEstimator):
    """Draws around the measurements, which are the models."""

    def __init__(self, image_shape=None):
        self.image_shape = image_shape

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def sample(self, X, n_samples):
        rng = np.random.default_rng(0)
        return X + rng.standard_normal((n_samples, *X.shape))


def data(N):
    return np.random.default_rng(1).standard_normal((5, N))


@pytest.mark.parametrize("N", [1, 3])
def test_curves_are_the_draws_of_the_row_then_the_truth(N):
    import matplotlib.pyplot as plt

    X = data(N)
    y = X[:, 0] if N == 1 else X
    est = Normal().fit(X)
    _, ax = plt.subplots()
    display = PosteriorDisplay.from_estimator(est, X, y, row=2, n_samples=7, ax=ax)
    assert display.ax_ is ax
    drawn = [line.get_ydata() for line in ax.lines]
    np.testing.assert_array_equal(drawn[:-1], est.sample(X[2:3], 7)[:, 0])
    np.testing.assert_array_equal(drawn[-1], X[2])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["draws", "true"]
    plt.close(ax.figure)


def test_two_unknowns_are_points():
    X = data(2)
    est = Normal().fit(X)
    display = PosteriorDisplay.from_estimator(est, X, X, n_samples=7).plot()
    draws, true = display.lines_
    np.testing.assert_array_equal(draws.get_xydata(), est.sample(X[:1], 7)[:, 0])
    np.testing.assert_array_equal(true.get_xydata(), X[:1])
    without = PosteriorDisplay.from_estimator(est, X, n_samples=7).plot()
    assert len(without.lines_) == 1
    matplotlib.pyplot.close("all")


def test_images_are_mean_deviation_and_draws():
    X = data(6)
    est = Normal((2, 3)).fit(X)
    display = PosteriorDisplay.from_estimator(est, X, X, n_samples=7).plot(n_shown=2)
    draws = est.sample(X[:1], 7).reshape(7, 2, 3)
    expected = {
        "true": X[0].reshape(2, 3),
        "mean": draws.mean(axis=0),
        "deviation": draws.std(axis=0),
        "draw 1": draws[0],
        "draw 2": draws[1],
    }
    assert [panel.get_title() for panel in display.axes_[0]] == list(expected)
    for name, image in expected.items():
        np.testing.assert_array_equal(display.images_[name].get_array(), image)
    limits = {display.images_[name].get_clim() for name in ("true", "mean", "draw 1")}
    assert len(limits) == 1
    matplotlib.pyplot.close(display.figure_)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"row": 5}, "row must be an int from 0 to 4, got 5"),
        ({"y": data(4)}, r"y must be of shape \(5, 3\), .* got \(5, 4\)"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    X = data(3)
    with pytest.raises(ValueError, match=message):
        PosteriorDisplay.from_estimator(Normal().fit(X), X, **changes)


def test_estimators_that_do_not_draw_are_named():
    from skhj import PQMPrior

    X = data(2)
    est = PQMPrior().fit(X, (X**2).sum(axis=1) / 4, gradient=X / 2)
    with pytest.raises(ValueError, match="must have a method sample, got PQMPrior"):
        PosteriorDisplay.from_estimator(est, X)
