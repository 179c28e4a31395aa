"""Backfitting: it is least squares under bounds, of values, gradients or both."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from skhj.priors.splines.backfit import Backfit, Samples
from skhj.priors.splines.knots import fit_profiles, start_profiles
from skhj.priors.splines.spline import SplineDesign

D, N = 3, 300


@pytest.fixture(params=["values", "gradients", "both"])
def samples(request):
    rng = np.random.default_rng(0)
    V = rng.normal(size=(N, D))
    values, gradients = rng.normal(size=N) + (V**2).sum(1), 2 * V
    gradients = gradients + rng.normal(size=(N, D))
    if request.param == "values":
        gradients = None
    if request.param == "gradients":
        values = None
    return Samples(V, values, gradients, 2.0, 0.7)


def directions():
    A = np.random.default_rng(1).normal(size=(D, D))
    return A / np.linalg.norm(A, axis=1, keepdims=True)


def dense_design(samples, ridges):
    """Weighted residual's derivative by all coefficients, one matrix."""
    columns = []
    for a, spline in zip(ridges.directions, ridges.splines, strict=True):
        design = SplineDesign(spline.knots, samples.V @ a)
        identity = np.eye(len(spline.coefficients))
        rows = []
        if samples.values is not None:
            values = np.stack([design.values(e) for e in identity], axis=1)
            rows.append(np.sqrt(samples.value_weight / N) * values)
        if samples.gradients is not None:
            slopes = np.stack([design.slopes(e) for e in identity], axis=1)
            rows.extend(
                np.sqrt(samples.gradient_weight / N) * slopes * a_i for a_i in a
            )
        columns.append(np.concatenate(rows))
    return np.concatenate(columns, axis=1)


def weighted_targets(samples):
    parts = []
    if samples.values is not None:
        parts.append(np.sqrt(samples.value_weight / N) * samples.values)
    if samples.gradients is not None:
        parts.append(
            (np.sqrt(samples.gradient_weight / N) * samples.gradients).T.ravel()
        )
    return np.concatenate(parts)


def test_converged_sweeps_are_the_joint_least_squares(samples):
    ridges = start_profiles(directions(), samples, most_pieces=5)
    lower = np.full(D, -0.1)
    solver = Backfit(samples, ridges, lower=lower, penalty=0.0).run(500, 1e-13)
    bounds = np.concatenate(
        [
            np.r_[-np.inf, -np.inf, np.full(len(spline.knots) + 1, -0.1)]
            for spline in ridges.splines
        ]
    )
    design = dense_design(samples, ridges)
    # One intercept is enough; where there are no values, none has any effect.
    heights = np.cumsum([0] + [len(s.coefficients) for s in ridges.splines[:-1]])
    needless = heights if samples.values is None else heights[1:]
    joint = lsq_linear(
        np.delete(design, needless, axis=1),
        weighted_targets(samples),
        (np.delete(bounds, needless), np.inf),
        method="bvls",
    )
    # Sweeps along oblique directions converge slowly.
    np.testing.assert_allclose(solver.loss, 2 * joint.cost, rtol=1e-6)


def test_sweeps_never_raise_the_loss(samples):
    ridges = start_profiles(directions(), samples)
    solver = Backfit(samples, ridges, lower=np.zeros(D), penalty=0.0)
    losses = [solver.loss]
    for _ in range(10):
        solver.sweep()
        losses.append(solver.loss)
    assert (np.diff(losses) <= 1e-12 * losses[0]).all()


def test_loss_is_that_of_the_function(samples):
    ridges = start_profiles(directions(), samples)
    solver = Backfit(samples, ridges, lower=np.zeros(D), penalty=1e-3).run(3, 0.0)
    np.testing.assert_allclose(solver.ridges().loss(samples), solver.loss, rtol=1e-10)


def test_curvatures_respect_their_bound(samples):
    ridges = start_profiles(directions(), samples)
    lower = np.array([-0.3, 0.0, -5.0])
    ridges = Backfit(samples, ridges, lower=lower, penalty=0.0).run(5, 0.0).ridges()
    for bound, spline in zip(lower, ridges.splines, strict=True):
        assert spline.curvature.min() >= bound - 1e-12


def test_gradient_is_that_of_the_value():
    V = np.random.default_rng(2).normal(size=(50, D))
    samples = Samples(V, (V**4).sum(1), None, 1.0, 0.0)
    ridges = start_profiles(directions(), samples)
    ridges = (
        Backfit(samples, ridges, lower=np.zeros(D), penalty=0.0).run(5, 0.0).ridges()
    )
    _, gradient = ridges(V)
    for j in range(D):
        e = 1e-6 * np.eye(D)[j]
        slope = (ridges(V + e)[0] - ridges(V - e)[0]) / 2e-6
        # Steps of 1e-6 times a curvature of some tens where they cross a knot.
        np.testing.assert_allclose(slope, gradient[:, j], atol=1e-3)


def kinked(V):
    return np.maximum(np.abs(V) - 0.3, 0).sum(1)


def test_refinement_finds_kinks_between_knots():
    rng = np.random.default_rng(3)
    V = rng.uniform(-2, 2, size=(4000, D))
    samples = Samples(V, kinked(V), None, 1.0, 0.0)
    start = start_profiles(np.eye(D), samples)
    arguments = samples.take(slice(400, None)), samples.take(slice(400)), start
    coarse = fit_profiles(*arguments, lower=np.zeros(D), max_rounds=0)
    fine = fit_profiles(*arguments, lower=np.zeros(D))
    # Halving the width of a kink's piece divides its squared error by 8.
    assert fine.held_out_loss < 1e-3 * coarse.held_out_loss


def test_hold_out_asks_for_no_penalty_without_noise_and_for_a_heavy_one_of_a_line():
    rng = np.random.default_rng(4)
    V = rng.uniform(-2, 2, size=(600, D))
    for values, few, many in (
        (kinked(V), 0.0, 0.0),
        (V.sum(1) + 0.3 * rng.normal(size=600), 1e-3, 1.0),
    ):
        samples = Samples(V, values, None, 1.0, 0.0)
        fit = fit_profiles(
            samples.take(slice(60, None)),
            samples.take(slice(60)),
            start_profiles(np.eye(D), samples),
            lower=np.full(D, -1.0),
        )
        assert few <= fit.penalty <= many
