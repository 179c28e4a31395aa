"""Banks of filters: adjointness, plain correlation, spectral norms."""

import pytest
import torch
from image_models import SHAPES, normal, random_prior

from skhj.priors.images.filters import FilterBank
from skhj.priors.images.prior import cosine_filters
from skhj.priors.images.spectrum import joint_spectral_norm


@pytest.mark.parametrize("reflect", [False, True])
@pytest.mark.parametrize("kind", SHAPES)
def test_transpose_is_the_adjoint(kind, reflect):
    filter_shape, image_shape = SHAPES[kind]
    bank = FilterBank(normal(4, *filter_shape), reflect)
    x = normal(2, *image_shape, seed=1)
    responses = bank.forward(x)
    u = normal(*responses.shape, seed=2)
    torch.testing.assert_close((responses * u).sum(), (x * bank.transpose(u)).sum())
    assert bank.transpose(u).shape == x.shape


@pytest.mark.parametrize("kind", SHAPES)
def test_forward_is_torch_s_correlation_where_filters_fit(kind):
    filter_shape, image_shape = SHAPES[kind]
    bank = FilterBank(normal(4, *filter_shape), reflect=False)
    x = normal(2, *image_shape, seed=1)
    expected = torch.nn.functional.conv2d(x, bank.weights)
    torch.testing.assert_close(bank.forward(x), expected)


def test_large_images_are_worked_through_in_blocks():
    bank = FilterBank(normal(2, 1, 3, 3), reflect=False)
    x = normal(1, 1, 300, 500, seed=1)
    responses = bank.forward(x)
    expected = torch.nn.functional.conv2d(x, bank.weights)
    torch.testing.assert_close(responses, expected)
    torch.testing.assert_close(
        bank.transpose(expected),
        torch.nn.functional.conv_transpose2d(expected, bank.weights),
    )
    halves = bank.transpose(expected, lambda part, rows: part / 2)
    torch.testing.assert_close(2 * halves, bank.transpose(expected))


def test_reflection_is_that_of_an_image_beside_its_mirror_image():
    bank = FilterBank(normal(3, 1, 3, 3), reflect=True)
    x = normal(1, 1, 6, 7, seed=1)
    doubled = torch.cat([x, x.flip(3)], 3)
    doubled = torch.cat([doubled, doubled.flip(2)], 2)
    torch.testing.assert_close(
        bank.forward(doubled)[..., :6, :7], bank.forward(x), rtol=0, atol=1e-14
    )


def test_constant_images_have_no_response():
    prior = random_prior((1, 3, 3))
    x = torch.full((1, 1, 6, 6), 3.0, dtype=torch.float64)
    bank = prior.potential(reflect=True).filters
    torch.testing.assert_close(
        bank.forward(x), torch.zeros(1, 5, 6, 6, dtype=torch.float64)
    )


@pytest.mark.parametrize("kind", SHAPES)
def test_joint_spectral_norm_bounds_circular_correlation(kind):
    """The singular values of a circulant operator are its symbols on a grid."""
    filter_shape, _ = SHAPES[kind]
    filters = normal(6, *filter_shape)
    bound = joint_spectral_norm(filters)
    sizes = [1 if size == 1 else 61 for size in filter_shape[1:]]
    symbols = torch.fft.fft2(filters, s=sizes).flatten(2).permute(2, 0, 1)
    largest = torch.linalg.matrix_norm(symbols, ord=2).max() ** 2
    # 61 points see the maximum of a polynomial of degree 4 to 2 % in either direction.
    assert largest <= bound <= 1.05 * largest


@pytest.mark.parametrize("kind", SHAPES)
def test_joint_spectral_norm_bounds_the_correlation_where_filters_fit(kind):
    filter_shape, image_shape = SHAPES[kind]
    filters = normal(6, *filter_shape)
    bank = FilterBank(filters, reflect=False)
    n = torch.Size(image_shape).numel()
    basis = torch.eye(n, dtype=torch.float64).view(n, *image_shape)
    matrix = bank.forward(basis).flatten(1)
    assert torch.linalg.matrix_norm(matrix, ord=2) ** 2 <= joint_spectral_norm(filters)


def test_scales_multiply_the_filters_parts():
    filters, scales = normal(3, 2, 3, 3), torch.tensor([0.5, 2.0, 3.0]).double()
    scaled = scales.sqrt()[:, None, None, None] * filters
    torch.testing.assert_close(
        joint_spectral_norm(filters, scales), joint_spectral_norm(scaled)
    )


def test_all_cosines_make_a_tight_frame():
    """All products of cosines: the identity minus the mean over a window."""
    filters = cosine_filters(8, (1, 3, 3)).double()
    gram = filters.flatten(1) @ filters.flatten(1).T
    torch.testing.assert_close(gram, torch.eye(8).double(), rtol=0, atol=1e-6)
    assert filters.sum((1, 2, 3)).abs().max() < 1e-6
    # Near the highest frequencies the mean of a window is zero.
    torch.testing.assert_close(
        joint_spectral_norm(filters), torch.tensor(9.0).double(), rtol=0.02, atol=0
    )
