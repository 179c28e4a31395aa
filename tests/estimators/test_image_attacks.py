"""Image priors asked for what they cannot do, and at a time for each row."""

import numpy as np
import pytest
from rectangles import NOISE, SHAPE, squares

from skhj import HJPriorRegressor

T = NOISE**2
pytestmark = pytest.mark.filterwarnings("ignore::skhj.exceptions.ExtrapolationWarning")


def regressor(**changes):
    options = {"target": "prox", "image_shape": SHAPE, "random_state": 0}
    return HJPriorRegressor(T, **(options | {"max_iter": 1, "batch_size": 6} | changes))


@pytest.fixture(scope="module")
def fitted():
    return regressor().fit(*squares(40))


def test_a_time_for_each_row_is_that_of_the_row_alone(fitted):
    X, _ = squares(4, seed=1)
    times = np.array([T, T / 2, T / 10, T / 2])
    together = fitted.prox(X, time=times)
    alone = [fitted.prox(X[[i]], time=times[i])[0] for i in range(4)]
    # Twice the solver's tolerance.
    size = np.linalg.norm(X - X.mean(axis=1)[:, None], axis=1).max()
    np.testing.assert_allclose(together, alone, atol=2e-4 * size)
    values = [fitted.evolve(X[[i]], times[i])[0] for i in range(4)]
    np.testing.assert_allclose(fitted.evolve(X, times), values, rtol=1e-4)


def test_images_that_are_not_finite_are_refused(fitted):
    X, clean = squares(10)
    for bad in (np.nan, np.inf):
        spoiled = X.copy()
        spoiled[3, 5] = bad
        with pytest.raises(ValueError, match="Input X contains"):
            fitted.prox(spoiled)
        with pytest.raises(ValueError, match="Input X contains"):
            regressor().fit(spoiled, clean)


def test_integer_images_are_images(fitted):
    X, _ = squares(5, seed=1)
    integers = np.round(10 * X).astype(np.int16)
    np.testing.assert_allclose(
        fitted.prox(integers), fitted.prox(integers.astype(float)), rtol=1e-12
    )


def test_one_image_is_too_few():
    X, clean = squares(1)
    with pytest.raises(ValueError, match="minimum of 2 is required|n_samples"):
        regressor().fit(X, clean)


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (4, 4)])
def test_images_smaller_than_the_filters_are_denoised(fitted, shape):
    """They are continued as often as it takes."""
    few = fitted.for_images(shape)
    X = np.random.RandomState(0).normal(size=(2, shape[0] * shape[1]))
    P = few.prox(X)
    residual = np.linalg.norm(X - P - T * few.prior_gradient(P), axis=1)
    # Twice the solver's tolerance, for single precision.
    assert (residual < 2e-4 * np.linalg.norm(X - X.mean(1)[:, None], axis=1)).all()


def test_signals_are_no_images(fitted):
    with pytest.raises(ValueError, match="image_shape must be"):
        fitted.for_images((1, 5))


def test_images_far_outside_the_range_have_finite_answers(fitted):
    X, _ = squares(3, seed=1)
    for scale in (1e-30, 1e6):
        assert np.isfinite(fitted.prox(scale * X)).all()
        assert np.isfinite(fitted.prior(scale * X)).all()
