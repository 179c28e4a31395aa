"""Gauss-Newton steps: they converge quadratically where the model is right."""

import numpy as np
import pytest

from skhj.priors.splines.direction_search import DirectionSearch
from skhj.priors.splines.direction_step import DirectionStep
from skhj.priors.splines.ridge_sum import RidgeSum, ScaledSamples
from skhj.priors.splines.spline import Spline

D, N = 3, 800
LOWER = np.zeros(4)


def unit_rows(A):
    return A / np.linalg.norm(A, axis=1, keepdims=True)


def smooth_ridges(n_directions):
    """Profiles of little change in curvature, so that what follows is smooth."""
    rng = np.random.default_rng(0)
    directions = unit_rows(rng.normal(size=(n_directions, D)))
    splines = []
    for j in range(n_directions):
        knots = np.linspace(-2, 2, 9) + 0.01 * j
        curvature = 1 + 0.3 * np.tanh(np.linspace(-2, 2, 10) + j)
        splines.append(Spline(knots, np.r_[0.0, 0.3, curvature]))
    return RidgeSum(directions, tuple(splines))


def samples_of(ridges, kind):
    V = np.random.default_rng(1).normal(size=(N, D))
    values, gradients = ridges(V)
    return ScaledSamples(
        V,
        None if kind == "gradients" else values,
        None if kind == "values" else gradients,
        1.0,
        0.5,
    )


def turned(ridges, size):
    noise = np.random.default_rng(2).normal(size=ridges.directions.shape)
    return ridges._replace(directions=unit_rows(ridges.directions + size * noise))


@pytest.mark.parametrize("kind", ["values", "gradients", "both"])
def test_a_step_squares_the_error_of_the_directions(kind):
    truth = smooth_ridges(D)
    samples = samples_of(truth, kind)
    errors = []
    for size in (1e-2, 1e-3):
        step = DirectionStep(tol=1e-8, max_iter=1000).move(
            samples, turned(truth, size), lower=LOWER[:D], damping=1e-9
        )
        errors.append(np.sqrt(step.loss(samples)))
        assert errors[-1] < 0.1 * np.sqrt(turned(truth, size).loss(samples))
    assert 80 < errors[0] / errors[1] < 120


@pytest.mark.parametrize("kind", ["values", "gradients", "both"])
def test_steps_find_directions_beyond_a_basis(kind):
    truth = smooth_ridges(D + 1)
    samples = samples_of(truth, kind)
    start = turned(truth, 0.05)
    ridges = DirectionSearch().improve(samples, samples, start, lower=LOWER)
    assert ridges.loss(samples) < 1e-5 * start.loss(samples)


def test_directions_keep_their_length_and_profiles_their_bounds():
    truth = smooth_ridges(D)
    samples, lower = samples_of(truth, "values"), np.full(D, 1.0)
    bounded = tuple(
        Spline(s.knots, np.r_[s.coefficients[:2], np.maximum(s.curvature, 1.0)])
        for s in truth.splines
    )
    step = DirectionStep().move(
        samples,
        turned(truth._replace(splines=bounded), 0.1),
        lower=lower,
        damping=1e-6,
    )
    np.testing.assert_allclose(np.linalg.norm(step.directions, axis=1), 1.0)
    assert all(spline.curvature.min() >= 1.0 for spline in step.splines)


def test_heavy_damping_holds_the_directions():
    truth = smooth_ridges(D)
    start = turned(truth, 0.1)
    step = DirectionStep().move(
        samples_of(truth, "values"), start, lower=LOWER[:D], damping=1e9
    )
    np.testing.assert_allclose(step.directions, start.directions, atol=1e-6)
