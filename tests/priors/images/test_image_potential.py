"""The potential: derivatives, convexity of the energy, invariances."""

import math

import pytest
import torch
from image_models import SHAPES, normal, random_prior
from torch import nn

from skhj.numerics.memory_gradient import row_products
from skhj.priors.images.certificate import largest_concavity, make_convex_
from skhj.priors.images.potential import Denoising
from skhj.priors.images.prior import ImagePrior
from skhj.priors.images.spectrum import joint_spectral_norm

STEP = 1e-6


@pytest.fixture(params=[False, True], ids=["fits", "reflect"])
def reflect(request):
    return request.param


@pytest.fixture(params=[1, 2], ids=["rank1", "rank2"])
def rank(request):
    return request.param


@pytest.fixture(params=SHAPES)
def model(request, reflect, rank):
    """A potential and three images."""
    filter_shape, image_shape = SHAPES[request.param]
    prior = random_prior(filter_shape, rank=rank)
    potential = prior.potential(reflect=reflect).detached()
    return potential, 2 * normal(3, *image_shape, seed=7)


def test_gradient_is_the_value_s(model):
    potential, x = model
    direction = normal(*x.shape, seed=8)
    difference = potential.value(x + STEP * direction) - potential.value(
        x - STEP * direction
    )
    slope = row_products(potential.gradient(x), direction)
    torch.testing.assert_close(difference / (2 * STEP), slope, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(potential.slope(x, direction), slope)


def test_hessian_is_the_gradient_s(model):
    potential, x = model
    direction = normal(*x.shape, seed=8)
    difference = potential.gradient(x + STEP * direction) - potential.gradient(
        x - STEP * direction
    )
    # No response crosses a kink within the step.
    torch.testing.assert_close(
        difference / (2 * STEP), potential.hessian(x)(direction), rtol=1e-5, atol=1e-6
    )


def test_derivatives_by_the_weights_are_the_slope_s(reflect, rank):
    """By differences, of the clips' written derivatives too."""
    prior = random_prior((1, 3, 3), n_profiles=3, rank=rank)
    x, v = 2 * normal(2, 1, 6, 6, seed=7), normal(2, 1, 6, 6, seed=8)
    direction = [normal(*p.shape, seed=9) for p in prior.parameters()]

    def slope():
        return prior.potential(reflect=reflect).slope(x, v).sum()

    gradients = torch.autograd.grad(slope(), list(prior.parameters()))
    expected = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True))
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            for p, d in zip(prior.parameters(), direction, strict=True):
                p += sign * STEP * d
            values.append(slope())
            for p, d in zip(prior.parameters(), direction, strict=True):
                p -= sign * STEP * d
    torch.testing.assert_close(
        (values[0] - values[1]) / (2 * STEP), expected, rtol=1e-5, atol=1e-7
    )


def test_energy_is_midpoint_convex_where_filters_fit(rank):
    for filter_shape, image_shape in SHAPES.values():
        prior = random_prior(filter_shape, rank=rank, share_of_concavity=0.99)
        potential = prior.potential(reflect=False).detached()
        x, y = normal(200, *image_shape, seed=1), normal(200, *image_shape, seed=2)

        def energy(images, potential=potential):
            return potential.value(images) + row_products(images, images) / 2

        for size in (0.1, 1.0, 10.0):
            middle = energy(size * (x + y) / 2)
            chord = (energy(size * x) + energy(size * y)) / 2
            assert (middle <= chord * (1 + 1e-12)).all()


def test_curvature_is_at_least_minus_the_concavity():
    """The Hessian where every response is between knee and reach, as a matrix."""
    for filter_shape, image_shape in SHAPES.values():
        prior = random_prior(filter_shape, share_of_concavity=0.99)
        potential = prior.potential(reflect=False).detached()
        filters, profiles = potential
        n = torch.Size(image_shape).numel()
        basis = torch.eye(n, dtype=torch.float64).view(n, *image_shape)
        responses = filters.forward(basis)
        worst = -filters.transpose(profiles.concavity * responses).flatten(1)
        smallest = torch.linalg.eigvalsh(worst).min()
        assert -prior.max_concavity <= smallest < 0


def test_power_method_finds_the_largest_concavity(model):
    potential, x = model
    filters, profiles = potential
    n = x[0].numel()
    basis = torch.eye(n, dtype=torch.float64).view(n, *x.shape[1:])
    concavities = profiles.of_filters(profiles.concavity)
    image = filters.transpose(concavities * filters.forward(basis)).flatten(1)
    largest = torch.linalg.eigvalsh(image).max()
    generator = torch.Generator().manual_seed(0)
    found = largest_concavity(potential, x.shape[1:], generator, n_iter=500)
    assert found <= largest * (1 + 1e-12)
    assert found == pytest.approx(float(largest), rel=1e-3)


def test_reflected_images_are_made_convex():
    """By the bound of the concavities alone: the slopes at the origin stay."""
    prior = random_prior((1, 3, 5), share_of_concavity=0.99)
    shape = (1, 9, 8)
    slopes = prior.max_slope * torch.sigmoid(prior.slope_logit)
    left = make_convex_(prior, shape, torch.Generator().manual_seed(0), largest=0.3)
    assert left == 0.3
    potential = prior.potential(reflect=True).detached()
    generator = torch.Generator().manual_seed(1)
    found = largest_concavity(potential, shape, generator, n_iter=500)
    assert found == pytest.approx(0.3, rel=1e-3)
    knee, _, concavity, _ = potential.profiles
    ratio = (knee / prior.log_knee.exp()[:, None, None]) ** 2 * (1 - concavity)
    torch.testing.assert_close(ratio[:, 0, 0], slopes)


def test_profiles_level_off_and_never_fall():
    profiles = random_prior((1, 3, 3)).potential(reflect=True).detached().profiles
    knee, reach, concavity, _ = profiles
    assert ((concavity > 0) & (concavity < 1)).all()
    assert (knee < reach).all()
    assert (concavity * reach <= knee).all()
    far = 2 * reach * torch.ones(1, 5, 1, 1).double()
    torch.testing.assert_close(
        profiles.derivative(far)[0], (knee - concavity * reach), rtol=1e-12, atol=1e-12
    )


def test_curvatures_of_a_norm_lie_between_the_profile_s():
    """Hessians by responses at random ones: bounds are those of rank one."""
    prior = random_prior((1, 3, 3), rank=3, share_of_concavity=0.99)
    profiles = prior.potential(reflect=True).detached().profiles
    knee, reach, concavity, _ = profiles
    u = normal(500, 15, 1, 1, seed=4) * profiles.of_filters(reach)
    basis = torch.eye(3).double().repeat(5, 1).view(15, 3)
    hessian = profiles.hessian(u)
    columns = [hessian(basis[:, k].view(1, 15, 1, 1).expand_as(u)) for k in range(3)]
    matrices = torch.stack(columns, -1).reshape(500, 5, 3, 3)
    torch.testing.assert_close(matrices, matrices.mT)
    eigenvalues = torch.linalg.eigvalsh(matrices)
    rounding = 1e-12
    assert (eigenvalues >= -concavity.view(5, 1) - rounding).all()
    assert (eigenvalues <= 1 - concavity.view(5, 1) + rounding).all()
    assert (eigenvalues[..., 0] < 0).any()


def test_ranks_do_not_matter_to_one_filter_beside_zeros():
    one = random_prior((1, 3, 3)).potential(reflect=True).detached()
    filters, profiles = one
    weights = torch.stack([filters.weights, 0 * filters.weights], 1).flatten(0, 1)
    two = one._replace(
        filters=filters._replace(weights=weights), profiles=profiles._replace(rank=2)
    )
    x, v = 2 * normal(2, 1, 6, 7), normal(2, 1, 6, 7, seed=1)
    torch.testing.assert_close(two.value(x), one.value(x))
    torch.testing.assert_close(two.gradient(x), one.gradient(x))
    torch.testing.assert_close(two.hessian(x)(v), one.hessian(x)(v))


def test_rotations_of_a_group_do_not_matter():
    potential = random_prior((1, 3, 3), rank=2).potential(reflect=True).detached()
    filters = potential.filters
    rotation = torch.linalg.qr(normal(2, 2)).Q
    turned = torch.einsum(
        "ab,gbcij->gacij", rotation, filters.weights.unflatten(0, (-1, 2))
    )
    other = potential._replace(filters=filters._replace(weights=turned.flatten(0, 1)))
    x = 2 * normal(2, 1, 6, 7)
    torch.testing.assert_close(other.value(x), potential.value(x))
    torch.testing.assert_close(other.gradient(x), potential.gradient(x))


def test_forward_differences_make_total_variation():
    """Isotropic, with differences beyond the edges zero."""
    differences = torch.zeros(2, 1, 3, 3).double()
    differences[:, 0, 1, 1] = -1
    differences[0, 0, 1, 2] = differences[1, 0, 2, 1] = 1
    prior = ImagePrior(
        differences, 1.0, rank=2, max_slope=1e9, share_of_concavity=1e-9, tail=1 - 1e-9
    )
    potential = prior.potential(reflect=True).detached()
    x = normal(2, 1, 6, 7)
    horizontal = nn.functional.pad(x.diff(dim=3), (0, 1))
    vertical = nn.functional.pad(x.diff(dim=2), (0, 0, 0, 1))
    tv = (horizontal**2 + vertical**2).sqrt().sum((1, 2, 3))
    # The filters' joint norm is the root of 8, bounded to 1 %.
    torch.testing.assert_close(potential.value(x) * 8**0.5, tv, rtol=0.01, atol=0)


def test_weights_make_a_quadratic_above_the_profile():
    profiles = random_prior((1, 3, 3)).potential(reflect=True).detached().profiles
    at = torch.linspace(-3, 3, 61).double().view(61, 1, 1, 1) * profiles.reach
    slopes, weights = torch.empty_like(at), torch.empty_like(at)
    profiles.slopes_and_weights(at, slopes, weights)
    torch.testing.assert_close(slopes, profiles.derivative(at))
    assert torch.isfinite(weights).all()
    other = torch.linspace(-4, 4, 37).double().view(37, 1, 1, 1, 1) * profiles.reach
    bound = profiles.value(at) + weights * (other**2 - at**2) / 2
    assert (profiles.value(other) <= bound + 1e-12).all()


def test_scaled_potential_is_a_multiple():
    potential = random_prior((1, 3, 3)).potential(reflect=True).detached()
    x = normal(2, 1, 6, 6)
    torch.testing.assert_close(potential.scaled(0.3).value(x), 0.3 * potential.value(x))


def test_constants_change_nothing():
    potential = random_prior((3, 3, 3)).potential(reflect=True).detached()
    x = normal(2, 3, 6, 6)
    torch.testing.assert_close(potential.value(x + 7.0), potential.value(x))


def test_rotated_filters_see_rotated_images():
    potential = random_prior((1, 3, 3)).potential(reflect=True).detached()
    filters = potential.filters
    rotated = potential._replace(
        filters=filters._replace(weights=filters.weights.rot90(dims=(2, 3)))
    )
    x = normal(2, 1, 6, 8)
    torch.testing.assert_close(rotated.value(x.rot90(dims=(2, 3))), potential.value(x))


def test_larger_images_sum_over_more_places():
    """One prior for any shape: an image beside its mirror image counts twice."""
    prior = random_prior((1, 3, 3))
    symmetric = prior.filters.detach() + prior.filters.detach().flip(3)
    with torch.no_grad():
        prior.filters.copy_(symmetric)
    potential = prior.potential(reflect=True).detached()
    x = normal(2, 1, 6, 7)
    torch.testing.assert_close(
        potential.value(torch.cat([x, x.flip(3)], 3)), 2 * potential.value(x)
    )


def test_energy_of_denoising_has_the_gradient_it_says():
    potential = random_prior((1, 3, 3)).potential(reflect=True).detached()
    noisy, x = normal(2, 1, 6, 6), normal(2, 1, 6, 6, seed=1)
    energy = Denoising(potential, noisy)
    gradient, _ = energy.gradient_and_weights(x, energy.features(x))
    torch.testing.assert_close(gradient, x - noisy + potential.gradient(x))


@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("refinement", [3, 5, 8])
def test_spectral_norm_on_a_coarse_grid_bounds_the_norm(refinement, n_channels):
    """By Bernstein's inequality: a grid alone misses the top."""
    filters = normal(4, n_channels, 5, 3)
    fine = joint_spectral_norm(filters, refinement=200)
    least = fine * math.cos(math.pi / 200) ** 2
    assert joint_spectral_norm(filters, refinement=refinement) >= least
