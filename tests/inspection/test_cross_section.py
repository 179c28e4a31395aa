"""Displays."""

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.inspection import CrossSectionDisplay
from skhj.problems import ConcaveQuadratic

PROBLEM = ConcaveQuadratic(0.5)


@pytest.fixture(scope="module")
def model():
    X, y, _ = make_value_samples(PROBLEM, 200, 3, random_state=0)
    return HJPriorRegressor(max_iter=1, random_state=0).fit(X, y), X


@pytest.mark.parametrize(
    ("response", "reference"),
    [
        ("prior", PROBLEM.prior),
        ("value", lambda X: PROBLEM.value(X, 1.0)),
        ("prox", lambda X: PROBLEM.prox(X, 1.0)),
    ],
)
def test_cross_sections_evaluate_model_and_reference_at_the_same_points(
    model, response, reference
):
    est, X = model
    display = CrossSectionDisplay.from_estimator(
        est,
        X,
        features=[0, 2],
        origin=[1.0, 2.0, 3.0],
        reference=reference,
        response=response,
    )
    assert display.grid.shape == display.response.shape == (2, 101)
    np.testing.assert_allclose(display.grid[:, 0], X.min(axis=0)[[0, 2]])
    # The model of a quadratic is exact to the accuracy of its least squares.
    np.testing.assert_allclose(display.response, display.reference, rtol=0, atol=1e-6)


def test_plot_draws_a_learned_and_a_dashed_line_a_feature(model):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    est, X = model
    _, ax = plt.subplots()
    display = CrossSectionDisplay.from_estimator(
        est, X, features=[0, 1], reference=PROBLEM.prior, ax=ax
    )
    assert len(display.lines_) == 4
    assert display.ax_ is ax
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), display.response[0])
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": [3]}, r"features must be ints between 0 and 2, got \[3\]"),
        ({"origin": [0.0]}, r"origin must be of shape \(3,\), got \(1,\)"),
        ({"response": "psi"}, "response must be one of"),
    ],
)
def test_bad_arguments_are_named(model, changes, message):
    with pytest.raises(ValueError, match=message):
        CrossSectionDisplay.from_estimator(*model, **changes)
