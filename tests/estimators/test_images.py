"""Priors of whole images and of signals, through HJPriorRegressor."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from rectangles import NOISE, SHAPE, squares
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from skhj import HJPriorRegressor

T = NOISE**2
SMALL = {"max_iter": 2, "batch_size": 6}
pytestmark = pytest.mark.filterwarnings("ignore::skhj.exceptions.ExtrapolationWarning")


def regressor(**changes):
    parameters = {"target": "prox", "image_shape": SHAPE, "random_state": 0}
    return HJPriorRegressor(T, **(parameters | SMALL | changes))


def mean_squared(difference):
    return np.mean(difference**2)


@pytest.fixture(scope="module")
def fitted():
    return regressor(max_iter=3).fit(*squares(100))


@pytest.fixture(scope="module")
def fresh():
    return squares(20, seed=1)


def test_images_are_denoised_better_than_by_ridge(fitted, fresh):
    X, clean = fresh
    assert fitted.network_ == "images"
    error = mean_squared(fitted.predict(X) - clean)
    best_linear = min(
        mean_squared(Ridge(alpha).fit(*squares(100)).predict(X) - clean)
        for alpha in (0.1, 1.0, 10.0)
    )
    assert error < 0.5 * T
    assert error < 0.5 * best_linear


def test_far_away_images_are_denoised_as_near_ones(fitted, fresh):
    """Answers are in single precision relative to an image's own level."""
    X, _ = fresh
    far = 2.0**20
    moved = fitted.prox(X + far) - far
    # The rounding of far pixels in double precision, and of near ones in single.
    np.testing.assert_allclose(moved, fitted.prox(X), atol=1e-5)


def test_fenchel_young_holds_at_proximal_points(fitted, fresh):
    """psi(x) + psi*(p) = <x, p>, and so S = J + |x - p|^2 / 2t."""
    X, _ = fresh
    P, S = fitted.prox(X), fitted.evolve(X, T)
    J = fitted.prior(P)
    np.testing.assert_allclose(S, J + ((X - P) ** 2).sum(axis=1) / (2 * T), rtol=1e-9)
    products = (X * P).sum(axis=1)
    np.testing.assert_allclose(
        fitted.potential(X) + fitted.conjugate(P), products, rtol=1e-9
    )


def test_proximal_points_are_stationary(fitted, fresh):
    """x - p = t grad J(p), to the solver's tolerance."""
    X, _ = fresh
    P = fitted.prox(X)
    residual = np.linalg.norm(X - P - T * fitted.prior_gradient(P), axis=1)
    # Twice the tolerance, for single precision.
    assert (residual < 2e-4 * np.linalg.norm(X - X.mean(1)[:, None], axis=1)).all()


def test_proximal_points_minimise(fitted, fresh):
    """No point near or far has less energy: the problem is strongly convex."""
    X, clean = fresh
    rng = np.random.default_rng(0)
    P = fitted.prox(X)

    def energy(Y):
        return fitted.prior(Y) + ((X - Y) ** 2).sum(axis=1) / (2 * T)

    for size in (1e-2, 1e-1, 1.0):
        others = P + size * rng.normal(size=P.shape)
        assert (energy(others) > energy(P)).all()
    assert (energy(clean) > energy(P)).all()
    assert (energy(X) > energy(P)).all()


def test_gradient_of_the_value_function_is_that_of_the_envelope(fitted, fresh):
    X, _ = fresh
    direction = np.random.default_rng(0).normal(size=X.shape)
    step = 1e-3
    ahead, behind = (fitted.evolve(X + s * step * direction, T) for s in (1, -1))
    slope = ((X - fitted.prox(X)) / T * direction).sum(axis=1)
    # The value's rounding is that of the squared residual, over the step.
    np.testing.assert_allclose((ahead - behind) / (2 * step), slope, rtol=2e-2)


def test_gradient_of_the_prior_is_its_derivative(fitted, fresh):
    _, clean = fresh
    Y = clean + 0.05 * np.random.default_rng(1).normal(size=clean.shape)
    direction = np.random.default_rng(0).normal(size=Y.shape)
    step = 1e-7
    ahead, behind = (fitted.prior(Y + s * step * direction) for s in (1, -1))
    slope = (fitted.prior_gradient(Y) * direction).sum(axis=1)
    np.testing.assert_allclose((ahead - behind) / (2 * step), slope, rtol=1e-4)


def test_the_conjugate_is_convex_along_lines(fitted, fresh):
    """|y|^2 / 2 + t J(y) lies below its chords, between random and learned points."""
    X, clean = fresh
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-2, 0.1, 1.0):
        for Y in (clean, X, fitted.prox(X)):
            move = size * rng.normal(size=Y.shape)
            ends = (fitted.conjugate(Y + s * move) for s in (-1, 1))
            chord = sum(ends) / 2
            assert (fitted.conjugate(Y) <= chord + 1e-10 * np.abs(chord)).all()


def test_earlier_times_are_those_of_the_same_prior(fitted, fresh):
    X, _ = fresh
    s = T / 4
    P = fitted.prox(X, time=s)
    S = fitted.prior(P) + ((X - P) ** 2).sum(axis=1) / (2 * s)
    np.testing.assert_allclose(fitted.evolve(X, s), S, rtol=1e-9)
    np.testing.assert_array_equal(fitted.prox(X, time=T), fitted.prox(X))
    # A shorter time moves less, and to a larger prior.
    Q = fitted.prox(X)
    moved = [np.linalg.norm(X - points, axis=1) for points in (P, Q)]
    assert (moved[0] < moved[1]).all()
    assert (fitted.prior(P) > fitted.prior(Q)).all()


@pytest.mark.parametrize("time", [0, -1.0, 2 * T, np.nan, "1"])
def test_times_out_of_range_are_refused(fitted, fresh, time):
    with pytest.raises(ValueError, match=r"time must be above 0 and at most t=0\.01"):
        fitted.prox(fresh[0], time=time)


def test_other_shapes_have_the_same_prior(fitted):
    """Far from the edges a large image is denoised as a window of it."""
    (large,), _ = squares(1, (40, 44), seed=2)
    image = fitted.for_images((40, 44)).prox(large[None]).reshape(40, 44)
    cut = large.reshape(40, 44)[4:36, 4:40]
    window = fitted.for_images(cut.shape).prox(cut.reshape(1, -1)).reshape(cut.shape)
    inner = window[12:-12, 12:-12] - image[16:-16, 16:-16]
    outer = window - image[4:36, 4:40]
    # What edges change dies out with the distance, in these twelve pixels by ten.
    assert np.abs(inner).max() < 0.1 * np.abs(outer).max()


def test_the_prior_of_an_image_and_its_mirror_image_is_the_sum(fitted, fresh):
    """Images are continued evenly: side by side, each sees the other so."""
    images = fresh[1].reshape(-1, *SHAPE)
    mirrored = images[:, ::-1]
    pairs = np.concatenate([images, mirrored], axis=1)
    J, J_mirrored, J_pairs, of_nothing = (
        fitted.for_images(rows.shape[1:]).prior(rows.reshape(len(rows), -1))
        for rows in (images, mirrored, pairs, np.zeros((1, *SHAPE)))
    )
    np.testing.assert_allclose(J_pairs + of_nothing, J + J_mirrored, rtol=1e-9)


def test_for_images_leaves_the_estimator_as_it_was(fitted, fresh):
    X, _ = fresh
    before = fitted.prox(X)
    other = fitted.for_images((30, 20))
    assert other.n_features_in_ == 600
    assert other.image_shape == (30, 20)
    assert fitted.n_features_in_ == X.shape[1]
    np.testing.assert_array_equal(fitted.prox(X), before)
    np.testing.assert_array_equal(other.for_images(SHAPE).prox(X), before)


def test_for_images_refuses_other_kinds_of_shapes(fitted):
    with pytest.raises(ValueError, match="image_shape must have 1 channels"):
        fitted.for_images((3, 12, 10))
    with pytest.raises(ValueError, match="image_shape must be of signals where"):
        fitted.for_images((50,))
    vectors = HJPriorRegressor(T, target="prox", network="ridge")
    vectors.fit(*squares(20, (2, 2)))
    with pytest.raises(ValueError, match="image"):
        vectors.for_images((12, 10))


def test_answers_move_and_scale_with_the_images(fresh):
    """Units: a X + b with a^2 t has a prox + b, and the same values of the prior."""
    X, _ = fresh
    images, clean = squares(100)
    a, b = 4.0, 2.0
    fitted = regressor(max_iter=1).fit(images, clean)
    moved = clone(fitted).set_params(t=a**2 * T).fit(a * images + b, a * clean + b)
    answer = (moved.prox(a * X + b) - b) / a
    # Training in single precision amplifies the rounding of the moved images.
    np.testing.assert_allclose(answer, fitted.prox(X), atol=0.1 * NOISE)
    P = fitted.prox(X)
    J = moved.prior(a * P + b)
    np.testing.assert_allclose(J, fitted.prior(P), rtol=0.05)


def test_constant_images_do_not_move(fitted):
    constant = np.full((1, SHAPE[0] * SHAPE[1]), 0.3)
    np.testing.assert_allclose(fitted.prox(constant), constant, atol=1e-6)
    np.testing.assert_allclose(fitted.prior_gradient(constant), 0, atol=1e-9)


def test_images_turned_by_a_quarter_have_as_good_a_prior():
    errors = []
    for turned, shape in ((0, SHAPE), (1, SHAPE[::-1])):
        est = regressor(image_shape=shape).fit(*squares(50, turned=turned))
        X, clean = squares(30, seed=3, turned=turned)
        errors.append(mean_squared(est.prox(X) - clean))
    # 0.1 dB: at first cosines reach their joint norm at many frequencies, and rounding
    # chooses among them; after 40 and 80 steps 0.06 and less than 0.05 dB are left.
    assert abs(10 * np.log10(errors[0] / errors[1])) < 0.1


def signals(n, size=32, seed=0):
    rng = np.random.default_rng(seed)
    jumps = rng.random((n, size)) < 0.1
    clean = np.cumsum(np.where(jumps, rng.normal(size=(n, size)), 0), axis=1)
    return clean + 0.2 * rng.normal(size=clean.shape), clean


def test_signals_are_denoised_better_than_by_ridge():
    est = HJPriorRegressor(
        0.04, target="prox", image_shape=(32,), max_iter=8, random_state=0
    )
    est.fit(*signals(300))
    X, clean = signals(100, seed=1)
    linear = Ridge(1.0).fit(*signals(300)).predict(X)
    assert mean_squared(est.prox(X) - clean) < 0.8 * mean_squared(linear - clean)
    long, clean = signals(10, size=200, seed=2)
    error = mean_squared(est.for_images((200,)).prox(long) - clean)
    assert error < 0.5 * mean_squared(long - clean)


def test_channels_are_denoised_together():
    """Grey images seen three times: the mean of the channels has less noise."""
    rng = np.random.default_rng(0)

    def thrice(n, seed):
        _, clean = squares(n, seed=seed)
        clean = np.tile(clean, 3)
        return clean + NOISE * rng.normal(size=clean.shape), clean

    est = regressor(image_shape=(3, *SHAPE), max_iter=1).fit(*thrice(100, 0))
    X, clean = thrice(20, 1)
    error = mean_squared(est.prox(X) - clean)
    assert error < 0.5 * T
    with pytest.raises(ValueError, match="image_shape must have 3 channels"):
        est.for_images(SHAPE)


def test_stored_estimators_answer_the_same(fitted, fresh, tmp_path):
    X, _ = fresh
    joblib.dump(fitted, tmp_path / "prior.joblib")
    copies = [
        pickle.loads(pickle.dumps(fitted)),
        joblib.load(tmp_path / "prior.joblib"),
    ]
    skops = pytest.importorskip("skops.io")
    stored = skops.dumps(fitted)
    trusted = skops.get_untrusted_types(data=stored)
    assert all(name.startswith("skhj.") for name in trusted)
    copies.append(skops.loads(stored, trusted=trusted))
    for copy in copies:
        np.testing.assert_array_equal(copy.prox(X), fitted.prox(X))
        np.testing.assert_array_equal(copy.prior(X), fitted.prior(X))
        larger = [est.for_images((20, 30)) for est in (copy, fitted)]
        image = np.random.default_rng(0).normal(size=(1, 600))
        first, second = (est.prox(image) for est in larger)
        np.testing.assert_array_equal(first, second)


def test_same_random_state_same_prior(fresh):
    X, _ = fresh
    pairs = squares(40)
    first, second = (regressor(max_iter=1).fit(*pairs) for _ in range(2))
    np.testing.assert_array_equal(first.prox(X), second.prox(X))
    other = clone(first).set_params(random_state=1).fit(*pairs)
    assert (other.prox(X) != first.prox(X)).any()


def test_a_grid_search_prefers_the_longer_training():
    grid = GridSearchCV(
        regressor(), {"max_iter": [1, 2]}, cv=ShuffleSplit(1, random_state=0)
    )
    assert grid.fit(*squares(30)).best_params_ == {"max_iter": 2}


def test_answers_have_the_dtype_of_the_images(fitted, fresh):
    X = fresh[0].astype(np.float32)
    for answer in (fitted.prox(X), fitted.prior(X), fitted.prox(X, time=T / 2)):
        assert answer.dtype == np.float32


def test_minima_are_reached_without_a_warning(fitted, fresh):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        fitted.prox(fresh[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_shape": (12, 9)}, "image_shape must be that of a row of X, 120"),
        ({"image_shape": (2, 60)}, "image_shape must be of at least 6 pixels"),
        ({"image_shape": (12.0, 10)}, "image_shape"),
        ({"image_shape": (1, 1, 12, 10)}, "image_shape"),
        ({"image_shape": (-12, -10)}, "image_shape"),
        ({"image_shape": None, "network": "images"}, "image_shape must be given with"),
        ({"network": "icnn"}, "network must be 'auto' or 'images' with image_shape"),
        ({"network": "ridge"}, "network must be 'auto' or 'images' with image_shape"),
        ({"prox_loss": "matching"}, "prox_loss must be 'squared' with image_shape"),
    ],
)
def test_contradictions_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        regressor(**changes).fit(*squares(4))


@pytest.mark.parametrize("image_shape", [(), [], np.array([5, 5])])
def test_shapes_of_any_sequence_are_checked(image_shape):
    with pytest.raises(ValueError, match="image_shape must be"):
        regressor(image_shape=image_shape).fit(*squares(4))


def test_images_too_large_for_single_precision_are_refused():
    noisy, clean = squares(4)
    with pytest.raises(ValueError, match="X must be images whose squared norms"):
        regressor().fit(1e30 * noisy, 1e30 * clean)


def test_images_of_another_size_are_refused(fitted):
    X, _ = squares(3, (12, 9))
    with pytest.raises(ValueError, match="108 features, but .* 120 features"):
        fitted.prox(X)
    with pytest.raises(ValueError, match="y must have the shape of X"):
        regressor().fit(squares(3)[0], X)
