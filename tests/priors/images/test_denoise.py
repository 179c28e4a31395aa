"""Proximal points of image potentials."""

import pytest
import torch
from image_models import SHAPES, normal, random_prior

from skhj.numerics.memory_gradient import MemoryGradient, row_products
from skhj.priors.images.denoise import denoise
from skhj.priors.images.filters import FilterBank
from skhj.priors.images.potential import ImagePotential
from skhj.priors.images.profiles import ClipProfiles

EXACT = MemoryGradient(max_iter=2000, tolerance=1e-9)


@pytest.fixture(params=SHAPES)
def model(request):
    """A potential and three noisy images."""
    filter_shape, image_shape = SHAPES[request.param]
    potential = random_prior(filter_shape).potential(reflect=True).detached()
    return potential, normal(3, *image_shape, seed=7)


def test_proximal_points_are_stationary_and_minimal(model):
    potential, noisy = model
    minimum = denoise(potential, noisy, solver=EXACT)
    assert (minimum.residual <= 1e-9).all()
    x = minimum.point
    torch.testing.assert_close(x, noisy - potential.gradient(x), rtol=0, atol=1e-7)

    def energy(y):
        return row_products(y - noisy, y - noisy) / 2 + potential.value(y)

    for size in (1e-3, 0.1, 1.0):
        assert (energy(x + size * normal(*x.shape, seed=8)) >= energy(x)).all()


def test_minimiser_knows_profiles_of_norms():
    """Majorants hold, so steps do not raise the energy, and its end is stationary."""
    potential = random_prior((1, 3, 3), rank=2).potential(reflect=True).detached()
    noisy = normal(3, 1, 9, 8, seed=7)
    last = torch.full((3,), torch.inf).double()
    for n_steps in (1, 2, 4, 8, 16):
        y = denoise(potential, noisy, solver=MemoryGradient(n_steps, 0.0)).point
        energy = row_products(y - noisy, y - noisy) / 2 + potential.value(y)
        assert (energy < last).all()
        last = energy
    x = denoise(potential, noisy, solver=EXACT).point
    torch.testing.assert_close(x, noisy - potential.gradient(x), rtol=0, atol=1e-7)


def test_shorter_times_denoise_less(model):
    potential, noisy = model
    distance = torch.zeros(len(noisy)).double()
    for part in (0.01, 0.3, 1.0):
        x = denoise(potential.scaled(part), noisy, solver=EXACT).point
        torch.testing.assert_close(
            x, noisy - part * potential.gradient(x), rtol=0, atol=1e-7
        )
        assert ((x - noisy).flatten(1).norm(dim=1) > distance).all()
        distance = (x - noisy).flatten(1).norm(dim=1)


def test_quadratic_profiles_make_a_linear_filter():
    """Wiener's, as a matrix."""
    wide = torch.full((4, 1, 1), 1e6).double()
    bank = FilterBank(normal(4, 1, 3, 3), reflect=True)
    potential = ImagePotential(bank, ClipProfiles(wide, wide, 0 * wide))
    noisy = normal(2, 1, 6, 5, seed=1)
    basis = torch.eye(30).double().view(30, 1, 6, 5)
    V = bank.forward(basis).flatten(1).T
    expected = torch.linalg.solve(torch.eye(30).double() + V.T @ V, noisy.flatten(1).T)
    x = denoise(potential, noisy, solver=EXACT).point
    torch.testing.assert_close(x.flatten(1), expected.T, rtol=0, atol=1e-8)


def test_prox_keeps_constants_and_means():
    potential = random_prior((1, 3, 3)).potential(reflect=True).detached()
    flat = torch.full((1, 1, 6, 6), 5.0).double()
    torch.testing.assert_close(denoise(potential, flat).point, flat)
    noisy = normal(2, 1, 6, 6)
    shifted = denoise(potential, noisy + 9.0, solver=EXACT).point
    torch.testing.assert_close(
        shifted, denoise(potential, noisy, solver=EXACT).point + 9, rtol=0, atol=1e-7
    )
    torch.testing.assert_close(
        shifted.mean((1, 2, 3)), noisy.mean((1, 2, 3)) + 9, rtol=0, atol=1e-7
    )


def test_warm_starts_end_at_the_same_point_sooner():
    potential = random_prior((1, 3, 3)).potential(reflect=True).detached()
    noisy = normal(2, 1, 8, 8)
    cold = denoise(potential, noisy)
    near = denoise(potential, noisy, start=cold.point + 1e-3 * normal(2, 1, 8, 8))
    assert (near.n_iter < cold.n_iter).all()
    torch.testing.assert_close(near.point, cold.point, rtol=0, atol=1e-2)


def test_single_precision_reaches_the_default_tolerance():
    potential = random_prior((1, 3, 3)).float().potential(reflect=True).detached()
    minimum = denoise(potential, normal(2, 1, 12, 12).float())
    assert minimum.point.dtype == torch.float32
    assert (minimum.residual <= 1e-4).all()
