"""Gauss and Newton's method on priors, by the value function they generate."""

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.convex.standardisation import standardise
from skhj.priors.envelope.descent import Targets
from skhj.priors.envelope.gauss_newton import GaussNewton
from skhj.priors.envelope.lax_oleinik import MoreauEnvelope
from skhj.priors.envelope.norm_units import NormUnits

T = 0.8


def network(seed=0, smoothing=0.3):
    """A prior with two kinked ridges in 3 dimensions, plus a quadratic."""
    rng = np.random.default_rng(0)
    Y = rng.normal(size=(500, 3))
    J = np.abs(Y[:, 0] - Y[:, 1]) + np.abs(Y[:, 2])
    generator = torch.Generator().manual_seed(seed)
    core = NormUnits(3, 4, smoothing=smoothing, generator=generator)
    prior = SemiconvexNetwork(core, standardise(Y, J, T)).double()
    prior.requires_grad_(False)
    # The units alone leave |y|^2 / 2 + t w hardly convex.
    prior.factor.copy_(3 * torch.eye(3))
    return prior


def targets(envelope, teacher, n, seed):
    """Samples of the value function of another prior in the same units."""
    generator = torch.Generator().manual_seed(seed)
    X = 2 * torch.randn(n, 3, generator=generator, dtype=torch.float64)
    slopes, start = envelope.slopes(X), envelope.points(X)
    values = MoreauEnvelope(teacher, T).minimise(slopes, start, tol=1e-10).value
    return Targets(envelope, slopes, values, start)


def descent(student, teacher, n=400, **rules):
    envelope = MoreauEnvelope(student, T)
    return GaussNewton(**rules).start(
        envelope, targets(envelope, teacher, n, 1), targets(envelope, teacher, 100, 2)
    )


def test_losses_fall_and_the_best_weights_are_kept():
    student = network()
    fit = descent(student, network(seed=1))
    fit.run(20)
    result = fit.result()
    assert result.best_loss < 0.1 * result.validation_curve[0]
    fit.set_best()
    _, errors = fit.validation.solve(fit.solver.tolerance, fit.solver.newton_steps)
    np.testing.assert_allclose((errors**2).mean(), result.best_loss, rtol=1e-6)
    assert result.best_loss == result.validation_curve.min()


def test_true_weights_are_left_alone():
    """The smoothing is that of the teacher until the loss has been seen to be zero."""
    fit = descent(network(), network())
    before = parameters_to_vector(fit.network.parameters())
    fit.run(1)
    after = parameters_to_vector(fit.network.parameters())
    # The minimisers are solved to 1e-4, so residuals are of the order of 1e-8.
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)


def test_gradient_of_the_loss_is_that_of_the_minima():
    """J^T e against central differences of half the sum of the squared errors."""
    fit = descent(network(), network(seed=1), n=50)
    fit.network.core.widths_are_free = True
    weights = parameters_to_vector(fit.network.parameters())
    _, slope = fit._normal_equations(len(weights))
    direction = torch.randn(
        len(weights), generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    direction[-4:] = direction[-4:].abs()  # Widths start at their lower quarter.
    half_squares, step = {}, 1e-4
    for sign in (1, -1):
        fit._set_weights(weights + sign * step * direction)
        minima = fit.samples.envelope.minimise(
            fit.samples.slopes, fit.samples.points, tol=1e-10
        )
        errors = minima.value - fit.samples.values
        half_squares[sign] = float((errors**2).sum()) / 2
    numeric = (half_squares[1] - half_squares[-1]) / (2 * step)
    # Products in single precision, minimisers solved to 1e-4.
    assert float(slope @ direction) == pytest.approx(numeric, rel=1e-3)


def test_smoothing_falls_where_the_prior_has_kinks():
    fit = descent(network(), network(seed=1, smoothing=1e-3))
    fit.run(40)
    assert fit.smoothing < 0.1


def test_more_samples_are_taken_where_the_few_are_overfitted():
    fit = descent(network(), network(seed=1), first_samples=20)
    assert len(fit.samples.values) == 20
    fit.run(10)
    assert len(fit.samples.values) > 20
