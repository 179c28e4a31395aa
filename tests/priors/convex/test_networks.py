"""Convexity, derivatives and reproducibility of the torch modules."""

import numpy as np
import pytest
import torch
from torch import nn

from skhj.priors.convex.architecture import ICNNArchitecture, UserArchitecture
from skhj.priors.convex.derivatives import hessian, value_and_gradient
from skhj.priors.convex.icnn import ICNN
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.convex.standardisation import standardise

ARCHITECTURES = {
    "default": {},
    "paper": {
        "hidden_layer_sizes": (32, 32, 32),
        "wide_units": 0,
        "learn_beta": False,
        "input_gain": 1.0,
        "positive_gain": 1.0,
    },
    "shallow": {"hidden_layer_sizes": ()},
    "deep": {"hidden_layer_sizes": (5, 7, 6, 4), "wide_units": 3},
    "sharp": {"softplus_beta": 100.0},
}
architectures = pytest.mark.parametrize(
    "architecture", ARCHITECTURES.values(), ids=ARCHITECTURES
)


class LogSumExp(nn.Module):
    """A convex module with nothing but ``forward``, as a user would write it."""

    def __init__(self, n_features):
        super().__init__()
        self.linear = nn.Linear(n_features, 8)

    def forward(self, x):
        return torch.logsumexp(self.linear(x), dim=1)


def points(n, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(n, d, generator=generator, dtype=torch.float64)


def automatic_derivatives(function, x):
    """Gradient and Hessian row by row, by torch's own differentiation."""
    rows = [p.clone().requires_grad_() for p in x]

    def at(p):
        return function(p[None])[0]

    gradients = [torch.autograd.grad(at(p), p)[0] for p in rows]
    hessians = [torch.autograd.functional.hessian(at, p) for p in rows]
    return torch.stack(gradients), torch.stack(hessians)


def assert_midpoint_convex(function, x, z):
    middle, ends = function((x + z) / 2), (function(x) + function(z)) / 2
    # Rounding of sums of some hundred terms in double precision.
    margin = 1e-12 * (1 + ends.abs())
    assert (middle <= ends + margin).all()


@architectures
def test_icnn_is_convex_at_the_start_and_after_any_projected_step(architecture):
    network = ICNN(3, **architecture).double()
    x, z = points(500), points(500, seed=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.3)
    for _ in range(4):
        with torch.no_grad():
            assert_midpoint_convex(network, x, z)
        optimizer.zero_grad()
        # A concave target pushes the constrained weights below zero.
        (network(x) + (x * x).sum(1)).square().mean().backward()
        optimizer.step()
        network.project_()
    assert all((weight >= 0).all() for weight in network.hidden_weights)
    assert (network.output_weight >= 0).all()


def test_projection_is_what_keeps_convexity():
    """Without it, a negative weight breaks the property the test above asserts."""
    network = ICNN(3).double()
    with torch.no_grad():
        network.output_weight.fill_(-1.0)
        with pytest.raises(AssertionError):
            assert_midpoint_convex(network, points(500), points(500, seed=1))
        network.project_()
        assert_midpoint_convex(network, points(500), points(500, seed=1))


@architectures
def test_hand_written_derivatives_equal_automatic_ones(architecture):
    network, x = ICNN(3, **architecture).double(), points(20)
    value, gradient = value_and_gradient(network, x)
    exact, curvature = automatic_derivatives(network, x)
    torch.testing.assert_close(value, network(x).detach(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradient, exact, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(hessian(network, x), curvature, rtol=1e-10, atol=1e-10)


def test_derivatives_of_a_module_without_rules_of_its_own():
    module, x = LogSumExp(3).double(), points(20)
    _, gradient = value_and_gradient(module, x)
    weights = torch.softmax(module.linear(x), dim=1)
    W = module.linear.weight
    torch.testing.assert_close(gradient, (weights @ W).detach())
    covariance = torch.diag_embed(weights) - weights[:, :, None] * weights[:, None]
    torch.testing.assert_close(hessian(module, x), (W.T @ covariance @ W).detach())


@pytest.mark.parametrize("module", [ICNN(3).double(), LogSumExp(3).double()])
def test_gradient_does_not_touch_the_callers_tensor(module):
    x = points(5)
    before = x.clone()
    value_and_gradient(module, x)
    hessian(module, x)
    assert torch.equal(x, before)
    assert not x.requires_grad
    assert x.grad is None


@pytest.mark.parametrize("module", [ICNN(3).double(), LogSumExp(3).double()])
def test_gradient_can_be_differentiated_by_the_parameters(module):
    _, gradient = value_and_gradient(module, points(5), create_graph=True)
    gradient.square().sum().backward()
    assert any(
        p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters()
    )


@pytest.mark.parametrize(
    "architecture", [ICNNArchitecture(), UserArchitecture(LogSumExp)]
)
def test_same_seed_same_weights_and_the_global_generator_untouched(architecture):
    state = torch.get_rng_state()
    first, second, third = (architecture.core(3, seed) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), state)
    x = points(4).float()
    assert torch.equal(first(x), second(x))
    assert not torch.equal(first(x), third(x))


def test_module_of_the_wrong_output_shape_is_refused():
    class Identity(nn.Module):
        def __init__(self, n_features):
            super().__init__()

        def forward(self, x):
            return x

    with pytest.raises(ValueError, match=r"network must map .* but Identity maps"):
        UserArchitecture(Identity).core(3, seed=0)


def test_icnn_needs_a_layer():
    with pytest.raises(ValueError, match="hidden_layer_sizes or wide_units"):
        ICNN(3, (), wide_units=0)


@pytest.fixture
def semiconvex():
    """A network in odd units: offsets, slopes, unequal spreads, a small time."""
    rng = np.random.default_rng(0)
    X = 40 + rng.normal(size=(400, 3)) * [5.0, 0.1, 1.0]
    w = 1e3 - X @ [1.0, 2.0, 3.0] + 0.3 * np.abs(X - 40).sum(1)
    t = 0.2
    network = SemiconvexNetwork(ICNN(3), standardise(X, w, t)).double()
    with torch.no_grad():
        network.factor.copy_(torch.as_tensor(rng.normal(size=(3, 3))))
    return network, torch.tensor(X), t


def test_semiconvex_network_gives_a_convex_potential(semiconvex):
    network, X, t = semiconvex
    # Centred, so that |x|^2 / 2 does not drown what is tested in rounding.
    V = X - X.mean(0)
    Z = V.flip(0)

    def potential(v):
        value, _ = network.value_and_gradient_at(v + X.mean(0))
        return (v * v).sum(1) / 2 + t * value

    assert_midpoint_convex(potential, V, Z)


def test_semiconvex_derivatives_in_the_callers_units(semiconvex):
    network, X, _ = semiconvex
    _, gradient = network.value_and_gradient_at(X)
    H = network.hessian_at(X)
    step = 1e-5
    for j in range(3):
        e = step * torch.eye(3, dtype=X.dtype)[j]
        (up, up_slope), (down, down_slope) = (
            network.value_and_gradient_at(X + sign * e) for sign in (1, -1)
        )
        # Central differences of values near 1e3: rounding 1e3 * eps / step ~ 2e-8,
        # truncation step^2 times a third derivative below 1e4.
        slope, curvature = (
            (up - down) / (2 * step),
            (up_slope - down_slope) / (2 * step),
        )
        torch.testing.assert_close(slope, gradient[:, j], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(curvature, H[:, :, j], rtol=1e-4, atol=1e-4)


def test_semiconvex_forward_is_the_value_in_standardised_units(semiconvex):
    network, X, _ = semiconvex
    u = points(10)
    value, gradient = network.value_and_gradient(u)
    torch.testing.assert_close(network(u), value)
    torch.testing.assert_close(gradient, automatic_derivatives(network, u)[0])


def test_semiconvex_network_survives_its_arrays(semiconvex):
    network, X, _ = semiconvex
    copy = SemiconvexNetwork.from_arrays(ICNN(3), network.to_arrays())
    for mine, theirs in zip(
        network.value_and_gradient_at(X), copy.value_and_gradient_at(X), strict=True
    ):
        assert torch.equal(mine, theirs)
