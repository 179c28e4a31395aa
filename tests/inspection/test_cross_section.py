"""Displays."""

import numpy as np
import pytest

from skhj import HJPriorRegressor, PQMPrior
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


@pytest.mark.parametrize(
    ("response", "bounds"), [("prior", "prior_bounds"), ("value", "value_bounds")]
)
def test_bounds_are_a_band_where_they_are_finite(response, bounds):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    X, y, G = make_value_samples(PROBLEM, 50, 2, random_state=0)
    est = PQMPrior(alpha=0.0, smoothness=3.0).fit(X, y, gradient=G)
    display = CrossSectionDisplay.from_estimator(
        est, X, features=[0, 1], response=response, reference=PROBLEM.prior
    ).plot()
    points = np.tile(X.mean(axis=0), (101, 1))
    points[:, 0] = display.grid[0]
    np.testing.assert_array_equal(display.bounds[:, 0], getattr(est, bounds)(points))
    assert len(display.bands_) == 2
    heights = display.bands_[0].get_paths()[0].vertices[:, 1]
    for bound in display.bounds[:, 0]:
        assert np.isin(bound, heights).all()
    plt.close(display.figure_)


def test_infinite_bounds_draw_no_band():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    X, y, G = make_value_samples(PROBLEM, 50, 2, random_state=0)
    est = PQMPrior(smoothness=np.inf).fit(X, y, gradient=G)
    display = CrossSectionDisplay.from_estimator(est, X).plot()
    assert np.isinf(display.bounds[1]).all()
    assert not display.bands_
    plt.close(display.figure_)
