"""Backfitting: it is least squares under bounds, of values, gradients or both."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from skhj.numerics.bounded_qp import PrincipalPivoting
from skhj.priors.splines.backfit import Backfit, BackfitState
from skhj.priors.splines.knots import Knots
from skhj.priors.splines.ridge_sum import ScaledSamples
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
    return ScaledSamples(V, values, gradients, 2.0, 0.7)


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
    ridges = Knots(most_pieces=5).start(directions(), samples)
    lower = np.full(D, -0.1)
    solver = Backfit(max_sweeps=500, tol=1e-13)
    fit = solver.fit(samples, ridges, lower=lower)
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
    np.testing.assert_allclose(fit.loss(samples), 2 * joint.cost, rtol=1e-6)


def test_sweeps_never_raise_the_loss(samples):
    ridges = Knots().start(directions(), samples)
    state = BackfitState(samples, ridges, lower=np.zeros(D), penalty=0.0)
    losses = [state.loss]
    for _ in range(10):
        state.sweep(PrincipalPivoting())
        losses.append(state.loss)
    assert (np.diff(losses) <= 1e-12 * losses[0]).all()


def test_loss_is_that_of_the_function(samples):
    ridges = Knots().start(directions(), samples)
    state = BackfitState(samples, ridges, lower=np.zeros(D), penalty=1e-3)
    for _ in range(3):
        state.sweep(PrincipalPivoting())
    np.testing.assert_allclose(state.ridges().loss(samples), state.loss, rtol=1e-10)


def test_curvatures_respect_their_bound(samples):
    ridges = Knots().start(directions(), samples)
    lower = np.array([-0.3, 0.0, -5.0])
    ridges = Backfit(max_sweeps=5).fit(samples, ridges, lower=lower)
    for bound, spline in zip(lower, ridges.splines, strict=True):
        assert spline.curvature.min() >= bound - 1e-12


def test_gradient_is_that_of_the_value():
    V = np.random.default_rng(2).normal(size=(50, D))
    samples = ScaledSamples(V, (V**4).sum(1), None, 1.0, 0.0)
    ridges = Knots().start(directions(), samples)
    ridges = Backfit(max_sweeps=5).fit(samples, ridges, lower=np.zeros(D))
    _, gradient = ridges(V)
    for j in range(D):
        e = 1e-6 * np.eye(D)[j]
        slope = (ridges(V + e)[0] - ridges(V - e)[0]) / 2e-6
        # Steps of 1e-6 times a curvature of some tens where they cross a knot.
        np.testing.assert_allclose(slope, gradient[:, j], atol=1e-3)
