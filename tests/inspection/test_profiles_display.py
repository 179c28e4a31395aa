"""Display of directions, filters and columns, and of the functions along them."""

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicHermiteSpline

from skhj import EmbeddedInverseSolver, HJPriorRegressor, PQMPrior
from skhj.datasets import make_value_samples
from skhj.inspection import ProfilesDisplay
from skhj.inverse.unrolled.embedding import ConvEmbedding
from skhj.numerics.profiles import Profiles
from skhj.priors.images.model import ImageModel
from skhj.priors.images.prior import ImagePrior, cosine_filters
from skhj.problems import L1

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


def along(arguments, values, z):
    """A C^1 function of one variable between the points at which it is known."""
    return CubicHermiteSpline(arguments, values, np.gradient(values, arguments))(z)


@pytest.fixture(scope="module")
def rotated():
    """An l1 norm along axes that are not the features'."""
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    X, y, G = make_value_samples(L1(), 1500, 3, t=0.5, random_state=0)
    X = X @ turn.T + [1.0, 2.0, 3.0]
    est = HJPriorRegressor(t=0.5, network="ridge", random_state=0)
    return est.fit(X, y, gradient=G @ turn.T), X, turn


def test_splines_add_up_to_the_value_function(rotated):
    est, X, turn = rotated
    profiles = est.profiles_
    found = np.abs(profiles.directions @ turn)
    np.testing.assert_allclose(np.sort(found)[:, -1], 1, rtol=0, atol=1e-6)
    total = sum(along(z, f, X @ a) for a, z, f in zip(*profiles[:3], strict=True))
    # Between 201 points of a spline whose curvature jumps: width^2 / 8 times the jump.
    width = np.diff(profiles.arguments, axis=1).max()
    left = est.predict(X) - total
    assert np.ptp(left) <= 3 * width**2 / (4 * est.t)
    assert np.ptp(est.predict(X)) > 100 * np.ptp(left)


def test_splines_add_up_with_a_metric():
    rng = np.random.default_rng(0)
    root = np.array([[1.0, 0.5], [0.0, 2.0]])
    X, y, G = make_value_samples(L1(), 800, 2, t=0.5, random_state=0)
    options = {"network": "ridge", "metric": root @ root.T, "random_state": 0}
    est = HJPriorRegressor(t=0.5, **options)
    est.fit(X @ root.T, y, gradient=G @ np.linalg.inv(root))
    points = 0.5 * X[rng.choice(len(X), 50)] @ root.T
    total = sum(
        along(z, f, points @ a) for a, z, f in zip(*est.profiles_[:3], strict=True)
    )
    width = np.diff(est.profiles_.arguments, axis=1).max()
    assert np.ptp(est.predict(points) - total) <= 2 * width**2 / (4 * est.t)


def test_splines_are_drawn_below_their_directions(rotated):
    est, *_ = rotated
    display = ProfilesDisplay.from_estimator(est, n_shown=2).plot()
    assert display.axes_.shape == (2, 2)
    for line, arguments, values in zip(
        display.lines_, est.profiles_.arguments, est.profiles_.values, strict=False
    ):
        np.testing.assert_array_equal(line.get_xdata(), arguments)
        np.testing.assert_array_equal(line.get_ydata(), values)
    (stems,) = display.axes_[0, 0].collections
    heights = [segment[:, 1].sum() for segment in stems.get_segments()]
    np.testing.assert_allclose(heights, est.profiles_.directions[0])
    assert display.axes_[1, 0].get_ylabel() == "value function S"
    matplotlib.pyplot.close(display.figure_)


@pytest.mark.parametrize("rank", [1, 2])
def test_functions_of_responses_add_up_to_the_prior(rank):
    filters = cosine_filters(4, (1, 3, 3)).double()
    model = ImageModel(ImagePrior(filters, 0.3, rank=rank), 0.1, (1, 8, 8))
    image = np.random.default_rng(0).standard_normal((1, 8, 8))
    profiles = model.profiles(20001)
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (1, 3, 3))
    responses = np.einsum("...cij,kcij->k...", windows[0], profiles.directions)
    sizes = np.linalg.norm(responses.reshape(4 // rank, rank, -1), axis=1)
    # Beyond where they are known, profiles are straight.
    total = 0.0
    for size, z, f in zip(sizes, profiles.arguments, profiles.values, strict=True):
        slope = (f[-1] - f[-2]) / (z[-1] - z[-2])
        inside = np.minimum(size, z[-1])
        total += (np.interp(inside, z, f) + slope * (size - inside)).sum()
    expected = model.prior(image.reshape(1, -1)).value
    # Linear interpolation between 20001 points.
    np.testing.assert_allclose(total, expected, rtol=1e-5)


def test_columns_span_what_the_embedding_does():
    """For a tight frame E E^T = 1, columns' products add up to those of the units."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 3)) * [1, 2, 3]
    est = EmbeddedInverseSolver(np.eye(3), max_iter=1, embedding_dim=7, random_state=0)
    with pytest.warns(match="linear estimate"):
        est.fit(X + 0.1 * rng.standard_normal(X.shape), X)
    columns, *functions = est.profiles_
    assert columns.shape == (7, 3)
    assert functions == [None, None, 1]
    lengths = np.linalg.norm(columns, axis=1)
    assert (np.diff(lengths) <= 0).all()
    inverse = est._loaded_inverse
    kernel = inverse.network.kernels()[-1]
    z = torch.eye(7, dtype=torch.float64)
    u = inverse.network.embedding.expand(kernel, z)
    models = inverse.network.physics.to_model(u, torch.zeros_like(u))
    in_units = inverse.setting.units.differences(models.numpy())
    np.testing.assert_allclose(columns.T @ columns, in_units.T @ in_units)
    display = ProfilesDisplay.from_estimator(est, n_shown=4).plot()
    assert display.axes_.shape == (1, 4)
    assert not display.lines_
    matplotlib.pyplot.close(display.figure_)


@pytest.mark.parametrize("block", [(1, 1), (2, 2)])
def test_column_of_a_channel_is_the_response_to_its_middle(block):
    embedding = ConvEmbedding((1, 7, 8), block)
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(embedding.kernel_shape(5), generator=generator)
    columns = embedding.columns(kernel)
    assert columns.shape == (5, 56)
    places = embedding.restrict(kernel, torch.zeros(1, 56)).shape[2:]
    u = torch.randn(1, 56, generator=generator)
    middle = (0, slice(None), places[0] // 2, places[1] // 2)
    torch.testing.assert_close(
        (columns @ u.T)[:, 0], embedding.restrict(kernel, u)[middle]
    )


def test_filters_are_images_over_their_functions():
    rng = np.random.default_rng(0)

    class Sum(HJPriorRegressor):
        """Filters as they are given."""

        _fitted = True
        profiles_ = Profiles.sorted(
            rng.standard_normal((6, 2, 3, 3)), np.zeros((3, 5)), np.eye(3, 5), 2
        )

        def __sklearn_is_fitted__(self):
            return True

    display = ProfilesDisplay.from_estimator(Sum(image_shape=(2, 9, 9))).plot()
    assert display.axes_.shape == (2, 6)
    for image, filters in zip(display.images_, display.directions, strict=True):
        np.testing.assert_array_equal(image.get_array(), filters.reshape(6, 3))
        assert image.norm.vmin == -image.norm.vmax
    # A function of the norm of two responses is below both filters.
    first, second = (line.get_ydata() for line in display.lines_[:2])
    np.testing.assert_array_equal(first, second)
    matplotlib.pyplot.close(display.figure_)


def test_what_has_no_profiles_is_named():
    X, y, G = make_value_samples(L1(), 30, 2, random_state=0)
    est = PQMPrior().fit(X, y, gradient=G)
    with pytest.raises(ValueError, match="got PQMPrior with network None"):
        ProfilesDisplay.from_estimator(est)


def test_number_shown_is_checked(rotated):
    with pytest.raises(ValueError, match="n_shown must be a positive int, got 0"):
        ProfilesDisplay.from_estimator(rotated[0], n_shown=0)
