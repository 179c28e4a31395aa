"""Sums of norms of affine maps, as a torch module."""

import math

import pytest
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from skhj.priors.envelope.norm_units import NormsArchitecture, NormUnits

ranks = pytest.mark.parametrize("rank", [1, 2, 3])


def points(n, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(n, d, generator=generator, dtype=torch.float64)


def units(rank, **changes):
    module = NormUnits(3, 5, rank, **changes).double()
    with torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        module.log_width += torch.rand(5, generator=generator, dtype=torch.float64)
    return module


@ranks
def test_derivatives_equal_automatic_ones(rank):
    module, x = units(rank), points(20)
    value, gradient = module.value_and_gradient(x)
    curvature = module.hessian(x)
    for k, row in enumerate(x):
        row = row.clone().requires_grad_()  # noqa: PLW2901
        exact = module(row[None])[0]
        (slope,) = torch.autograd.grad(exact, row)
        hessian = torch.autograd.functional.hessian(lambda p: module(p[None])[0], row)
        torch.testing.assert_close(value[k], exact, rtol=1e-12, atol=0)
        torch.testing.assert_close(gradient[k], slope, rtol=1e-12, atol=1e-13)
        # Two terms of size 1 / norm are subtracted.
        torch.testing.assert_close(curvature[k], hessian, rtol=1e-9, atol=1e-12)


@ranks
def test_parameter_jacobian_equals_the_automatic_one(rank):
    module, x = units(rank), points(20)
    jacobian = module.parameter_jacobian(x)
    for k, row in enumerate(x):
        exact = torch.autograd.grad(module(row[None])[0], list(module.parameters()))
        torch.testing.assert_close(
            jacobian[k], parameters_to_vector(exact), rtol=1e-11, atol=1e-13
        )
    module.widths_are_free = False
    assert (module.parameter_jacobian(x)[:, -5:] == 0).all()


@ranks
def test_convex_at_any_weights(rank):
    module, x, z = units(rank), points(200), points(200, seed=1)
    with torch.no_grad():
        weights = parameters_to_vector(module.parameters())
        for scale in (1.0, -1.0, 10.0):
            vector_to_parameters(scale * weights, module.parameters())
            middle, ends = module((x + z) / 2), (module(x) + module(z)) / 2
            # Rounding of sums of a few terms in double precision.
            assert (middle <= ends + 1e-13 * (1 + ends)).all()


@ranks
@torch.no_grad()
def test_majorant_touches_and_stays_above(rank):
    module, x = units(rank, smoothing=1e-3), points(50)
    value, gradient = module.value_and_gradient(x)
    M = module.majorant(x)
    for size in (1e-3, 1.0, 10.0):
        step = size * points(50, seed=1)
        bound = value + (gradient * step).sum(1)
        bound += (step * (M @ step[:, :, None])[:, :, 0]).sum(1) / 2
        assert (module(x + step) <= bound + 1e-12 * (1 + bound.abs())).all()


@torch.no_grad()
def test_without_smoothing_it_is_the_norm():
    module, x = NormUnits(3, 1, 3, smoothing=0.0).double(), points(20)
    module.weight.copy_(torch.eye(3))
    module.bias.zero_()
    torch.testing.assert_close(module(x), x.norm(dim=1))


@torch.no_grad()
def test_units_of_no_weight_have_finite_derivatives():
    module, x = units(2), points(5)
    module.weight.zero_()
    module.bias.zero_()
    for result in (
        *module.value_and_gradient(x),
        module.hessian(x),
        module.parameter_jacobian(x),
    ):
        assert torch.isfinite(result).all()


@torch.no_grad()
def test_widths_stay_in_their_range():
    module = units(1)
    module.log_width[0], module.log_width[1] = -50.0, 50.0
    module.project_()
    widths = module.log_width.exp()
    assert math.isclose(widths.min(), 0.3)
    assert math.isclose(widths.max(), 300.0)


def test_same_seed_same_weights_and_the_global_generator_untouched():
    state = torch.get_rng_state()
    architecture = NormsArchitecture(n_units=4, rank=2)
    first, second, third = (architecture.core(3, seed) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first.weight, second.weight)
    assert not torch.equal(first.weight, third.weight)
