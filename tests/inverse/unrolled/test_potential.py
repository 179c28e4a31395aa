"""Potentials on an embedding and their hand-written gradients."""

import math

import pytest
import torch

from skhj.inverse.unrolled.l1_potential import L1Potential
from skhj.inverse.unrolled.potential import (
    ConvPotential,
    DensePotential,
    Potential,
    log_cosh,
    transposed_convolution,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def dense(depth, timed=False):
    options = {"sharpness": (0.5, 5.0), "timed": timed, "generator": seeded()}
    return DensePotential(5, 7, depth, **options).double()


def conv(depth, timed=False):
    return ConvPotential(2, 3, depth, timed=timed, generator=seeded()).double()


def draw(potential):
    shape = (4, 2, 6, 5) if isinstance(potential, ConvPotential) else (4, 5)
    return torch.randn(shape, generator=seeded(1), dtype=torch.float64)


potentials = pytest.mark.parametrize("make", [dense, conv])
depths = pytest.mark.parametrize("depth", [1, 2, 3])


@potentials
@depths
@pytest.mark.parametrize("timed", [False, True])
def test_gradient_is_that_of_autograd(make, depth, timed):
    potential = make(depth, timed)
    if timed:
        torch.nn.init.normal_(potential.time_slope, generator=seeded(2))
    z = draw(potential).requires_grad_()
    (expected,) = torch.autograd.grad(potential(z, 0.5).sum(), z)
    torch.testing.assert_close(potential.gradient(z, 0.5), expected)


@potentials
def test_gradient_can_be_differentiated_by_every_parameter(make):
    potential = make(2)
    potential.gradient(draw(potential)).square().sum().backward()
    for name, parameter in potential.named_parameters():
        if name != "time_slope":
            assert parameter.grad.abs().sum() > 0


def test_value_is_the_formula():
    potential = dense(2)
    (K1, K2), (b1, b2) = potential.weights, potential.biases
    gamma, z = potential.sharpness, draw(potential)
    inner = torch.log(torch.cosh(gamma * (z @ K1.T + b1))) / gamma
    expected = torch.log(torch.cosh(inner @ K2.T + b2)) @ potential.output_weight
    torch.testing.assert_close(potential(z), expected)


def test_time_moves_the_first_bias():
    potential = dense(1, timed=True)
    torch.nn.init.normal_(potential.time_slope, generator=seeded(2))
    z, plain = draw(potential), dense(1)
    with torch.no_grad():
        plain.biases[0] += 0.3 * potential.time_slope
    torch.testing.assert_close(potential(z, 0.3), plain(z))


def test_one_layer_of_the_identity_is_the_l1_norm_when_it_is_sharp():
    """|z| - log(2) / gamma <= s_gamma(z) <= |z|."""
    identity, gamma = torch.eye(5, dtype=torch.float64), torch.full((5,), 1e4).double()
    zero, one = torch.zeros(5).double(), torch.ones(5).double()
    potential = Potential.__new__(DensePotential)
    Potential.__init__(potential, [identity], [zero], one, gamma)
    z = draw(potential)
    l1 = z.abs().sum(1)
    value = potential(z)
    assert (value <= l1).all()
    assert (value >= l1 - 5 * math.log(2) / 1e4).all()
    torch.testing.assert_close(potential.gradient(z), z.sign())


def test_log_cosh_does_not_overflow():
    a = torch.tensor([-1e4, -1.0, 0.0, 1e4], dtype=torch.float64)
    expected = [1e4 - math.log(2), math.log(math.cosh(1.0)), 0.0, 1e4 - math.log(2)]
    torch.testing.assert_close(log_cosh(a), torch.tensor(expected).double())


def test_transposed_convolution_is_the_adjoint():
    x = torch.randn(3, 2, 6, 5, generator=seeded(), dtype=torch.float64)
    a = torch.randn(3, 4, 6, 5, generator=seeded(1), dtype=torch.float64)
    weight = torch.randn(4, 2, 3, 3, generator=seeded(2), dtype=torch.float64)
    there = (torch.nn.functional.conv2d(x, weight, padding=1) * a).sum()
    torch.testing.assert_close(there, (x * transposed_convolution(a, weight)).sum())


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3, 2)])
def test_l1_norm_is_that_of_one_sharp_layer(shape):
    potential = L1Potential(5, weight=0.3, sharpness=40.0).double()
    z = torch.randn(shape, generator=seeded(), dtype=torch.float64).requires_grad_()
    value = potential(z)
    (expected,) = torch.autograd.grad(value.sum(), z)
    torch.testing.assert_close(potential.gradient(z), expected)
    norm = 0.3 * z.abs().flatten(1).sum(1)
    gap = 0.3 * math.log(2) / 40 * z[0].numel()
    # The weight is kept as a logarithm in single precision.
    assert ((norm - value) <= gap * (1 + 1e-6)).all()
    assert (norm >= value).all()
    eye = [torch.eye(5, dtype=torch.float64)], [torch.zeros(5, dtype=torch.float64)]
    if len(shape) == 2:
        layer = DensePotential(5, 5, 1, generator=seeded()).double()
        weights = torch.full((5,), 0.3, dtype=torch.float64)
        Potential.__init__(layer, *eye, weights, torch.full_like(weights, 40.0))
        torch.testing.assert_close(layer(z), value, rtol=1e-6, atol=0)
