"""Reconstruction of images by a prior that was learned from noisy ones."""

import warnings

import numpy as np
import pytest
from rectangles import NOISE, SHAPE, squares
from sklearn.exceptions import ConvergenceWarning

from skhj import HJPriorRegressor, PriorInverseSolver
from skhj.operators import GaussianBlur, Inpainting

LARGER = (16, 18)
N = SHAPE[0] * SHAPE[1]
pytestmark = pytest.mark.filterwarnings("ignore::skhj.exceptions.ExtrapolationWarning")


@pytest.fixture(scope="module")
def prior():
    est = HJPriorRegressor(
        NOISE**2, target="prox", image_shape=SHAPE, max_iter=3, batch_size=6
    )
    return est.set_params(random_state=0).fit(*squares(100))


@pytest.fixture(scope="module")
def blurred():
    """An operator with a bounded inverse, images, and their measurements."""
    operator = GaussianBlur(SHAPE, 0.5)
    _, clean = squares(3, seed=1)
    noise = 0.02 * np.random.default_rng(0).normal(size=clean.shape)
    return operator, clean, operator.data(clean) + noise


def solver(operator, prior, **changes):
    return PriorInverseSolver(operator, prior, **({"noise_level": 0.02} | changes))


def test_denoising_is_the_prox(prior):
    X, _ = squares(4, seed=2)
    denoiser = solver(np.eye(N), prior, strength=1.0, noise_level=NOISE, tol=1e-7)
    # The tolerance of prox, 1e-4 of the noise that is taken away.
    np.testing.assert_allclose(denoiser.fit(X).predict(X), prior.prox(X), atol=1e-3)


def test_minimisers_agree_where_the_objective_is_convex(prior, blurred):
    operator, _, B = blurred
    limit = solver(operator, prior, strength=1.0).fit(B).strength_limit_
    answers = {
        algorithm: solver(
            operator, prior, strength=0.5 * limit, algorithm=algorithm, tol=1e-6
        )
        .fit(B)
        .predict(B)
        for algorithm in ("gradient", "admm", "forward-backward")
    }
    np.testing.assert_allclose(answers["admm"], answers["gradient"], atol=1e-4)
    np.testing.assert_allclose(
        answers["forward-backward"], answers["gradient"], atol=1e-4
    )


@pytest.mark.parametrize("strength", [0.1, 100.0])
def test_the_objective_never_increases(prior, blurred, strength):
    """Beyond the limit of convexity, too."""
    operator, _, B = blurred
    objectives = []
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        for n_steps in (1, 2, 3, 5, 8, 13, 21):
            stopped = solver(
                operator, prior, strength=strength, max_iter=n_steps, tol=1e-9
            )
            models = stopped.fit(B).predict(B)
            objectives.append(stopped.objective(B, models))
    differences = np.diff(objectives, axis=0)
    assert (differences <= 1e-9 * np.abs(objectives[0])).all()
    assert (differences[0] < 0).all()


def test_answers_are_stationary(prior, blurred):
    operator, _, B = blurred
    fitted = solver(operator, prior, strength=1.0, tol=1e-7).fit(B)
    models, info = fitted.predict(B, return_info=True)
    gradient = operator.rmatmat((operator.data(models) - B).T).T / 0.02**2
    gradient += prior.prior_gradient(models)
    scale = np.linalg.norm(operator.rmatmat(B.T).T, axis=1) / 0.02**2
    residual = np.linalg.norm(gradient, axis=1) / scale
    assert (residual < 2e-7).all()
    assert (info.residual <= 1e-7).all()


def test_missing_pixels_of_larger_images_are_painted_in(prior):
    """The prior was learned on windows; the strength is chosen."""
    rng = np.random.default_rng(0)
    operator = Inpainting(rng.random(LARGER) < 0.7)
    _, clean = squares(8, shape=LARGER, seed=3)
    B = operator.data(clean)
    B += 0.02 * rng.normal(size=B.shape)
    painter = solver(operator, prior, image_shape=LARGER).fit(B[:4], clean[:4])
    missing = ~operator.mask.ravel()
    error = np.square(painter.predict(B[4:]) - clean[4:])[:, missing].mean()
    assert error < 0.25 * np.square(clean[4:][:, missing]).mean()
    assert painter.algorithm_ == "gradient"
    assert painter.prior_.n_features_in_ == operator.shape[1]


def test_bounds_hold_and_nothing_within_them_is_better(prior, blurred):
    operator, clean, B = blurred
    bounds = (-0.2, 0.3)
    fitted = solver(operator, prior, strength=0.5, bounds=bounds, tol=1e-6).fit(B)
    models = fitted.predict(B)
    assert models.min() >= bounds[0]
    assert models.max() <= bounds[1]
    least = fitted.objective(B, models)
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-2, 1e-1):
        nearby = (models + size * rng.normal(size=models.shape)).clip(*bounds)
        assert (fitted.objective(B, nearby) > least).all()
    assert (fitted.objective(B, clean.clip(*bounds)) > least).all()


def test_images_do_not_depend_on_each_other(prior, blurred):
    operator, _, B = blurred
    fitted = solver(operator, prior, strength=1.0).fit(B)
    alone = np.vstack([fitted.predict(b[None]) for b in B])
    # Sums in single precision are ordered otherwise.
    np.testing.assert_allclose(fitted.predict(B), alone, atol=1e-4)
