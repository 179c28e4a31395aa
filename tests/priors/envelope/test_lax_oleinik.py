"""The value function that a prior generates."""

import numpy as np
import pytest
import torch
from sum_of_norms import SumOfNorms

from skhj.priors.convex.icnn import ICNN
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.convex.standardisation import standardise
from skhj.priors.envelope.lax_oleinik import MoreauEnvelope, lax_oleinik
from skhj.priors.envelope.norm_units import NormUnits

T = 0.4


@pytest.fixture(params=["norms", "icnn"])
def network(request):
    """A prior in odd units."""
    rng = np.random.default_rng(0)
    Y = 10 + rng.normal(size=(400, 3)) * [5.0, 0.5, 1.0]
    J = 100 - Y @ [1.0, 2.0, 3.0] + 0.3 * np.abs(Y - 10).sum(1)
    core = NormUnits(3, 6, 2) if request.param == "norms" else ICNN(3, (4,))
    network = SemiconvexNetwork(core, standardise(Y, J, T)).double()
    return network.requires_grad_(False)


def points(n, seed=0):
    rng = np.random.default_rng(seed)
    return torch.tensor(10 + 6 * rng.normal(size=(n, 3)))


def test_value_is_the_minimum_of_prior_and_quadratic(network):
    X = points(30)
    S, P, solved = lax_oleinik(network, X, X, T)
    assert solved.all()
    J, gradient = network.value_and_gradient_at(P)
    torch.testing.assert_close(S, J + ((X - P) ** 2).sum(1) / (2 * T))
    # Stationary to the solver's tolerance, 1e-7 in units that are of order one.
    torch.testing.assert_close(X - P, T * gradient, rtol=0, atol=1e-5)
    for size in (1e-2, 1.0):
        Y = P + size * points(30, seed=1) / 10
        J, _ = network.value_and_gradient_at(Y)
        assert (J + ((X - Y) ** 2).sum(1) / (2 * T) >= S - 1e-9).all()


def test_minima_are_values_in_the_prior_s_units(network):
    X = points(30)
    S, P, _ = lax_oleinik(network, X, X, T)
    envelope = MoreauEnvelope(network, T)
    minima = envelope.minimise(envelope.slopes(X), envelope.points(X))
    torch.testing.assert_close(minima.value, envelope.values(X, S))
    torch.testing.assert_close(minima.point, envelope.points(P), rtol=0, atol=1e-6)


def test_derivative_by_a_weight_is_the_partial_one(network):
    """The envelope theorem: the minimiser counts as a constant."""
    X, step = points(10), 1e-5
    envelope = MoreauEnvelope(network, T)

    def minima():
        return envelope.minimise(
            envelope.slopes(X), envelope.points(X), tol=1e-10, max_iter=200
        )

    for weight in network.core.parameters():
        entry = weight.view(-1)[:1]
        point, value = minima().point, {}
        partial = {}
        for sign in (1, -1):
            entry += sign * step
            value[sign] = minima().value
            partial[sign] = envelope.value_and_gradient(point)[0]
            entry -= sign * step
        # Central differences of values near 100: rounding 1e2 * eps / step.
        torch.testing.assert_close(
            (value[1] - value[-1]) / (2 * step),
            (partial[1] - partial[-1]) / (2 * step),
            rtol=1e-5,
            atol=1e-7,
        )


def test_sharp_kinks_are_reached_from_afar():
    """A prior of 12 kinks in 3 dimensions, given its exact weights."""
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(12, 3))
    prior = SumOfNorms(directions)
    core = NormUnits(3, 12, smoothing=1e-4).double()
    Y = rng.normal(size=(100, 3))
    units = standardise(Y, prior.prior(Y), T)
    network = SemiconvexNetwork(core, units).double().requires_grad_(False)
    # w is the prior alone: no whitening, no quadratic.
    network.unit_whitening.copy_(torch.eye(3))
    for name in ("center", "intercept", "slope", "curvature"):
        getattr(network, f"unit_{name}").zero_()
    network.unit_length.fill_(1.0)
    network.unit_scale.fill_(1.0)
    core.weight.copy_(torch.tensor(directions)[:, None, :])
    core.bias.zero_()
    X = 8 * rng.normal(size=(200, 3))
    S, _, solved = lax_oleinik(network, torch.tensor(X), torch.zeros(200, 3), T)
    assert solved.all()
    # Each of 12 norms is smoothed by at most 1e-4 of its length, about 2.
    np.testing.assert_allclose(S, prior.value(X, T), rtol=0, atol=12 * 5e-4)


def test_start_does_not_change_the_answer(network):
    X = points(30)
    first, second = (
        lax_oleinik(network, X, start, T) for start in (X, X.flip(0) + 5.0)
    )
    torch.testing.assert_close(first[0], second[0], rtol=0, atol=1e-9)
