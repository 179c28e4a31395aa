"""Bounds of the concavity where images are continued about their edges."""

import pytest
import torch
from image_models import SHAPES, normal, random_prior

from skhj.priors.images.certificate import concavity_bound
from skhj.priors.images.prior import cosine_filters
from skhj.priors.images.spectrum import joint_spectral_norm


def largest_eigenvalue(potential, image_shape):
    """Of the sum of kappa_k V_k^T V_k, by the matrix."""
    filters, profiles = potential
    n = torch.Size(image_shape).numel()
    basis = torch.eye(n, dtype=torch.float64).view(n, *image_shape)
    concavities = profiles.of_filters(profiles.concavity)
    image = filters.transpose(concavities * filters.forward(basis)).flatten(1)
    return float(torch.linalg.eigvalsh(image).max())


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("name", SHAPES)
def test_bound_holds_for_images_of_every_shape(name, rank):
    filter_shape, _ = SHAPES[name]
    channels, height, width = filter_shape
    for seed in range(3):
        prior = random_prior(filter_shape, seed=seed, rank=rank)
        potential = prior.potential(reflect=True).detached()
        bound = concavity_bound(potential)
        for rows, columns in ((1, 1), (2, 3), (5, 4), (9, 8)):
            # Once about each edge: a continuation is no longer than the image.
            shape = (
                channels,
                1 if height == 1 else max(rows, height // 2),
                max(columns, width // 2),
            )
            assert largest_eigenvalue(potential, shape) <= bound * (1 + 1e-12)


@pytest.mark.parametrize("name", SHAPES)
def test_bound_of_filters_of_one_parity_is_their_joint_spectral_norm(name):
    """Such as cosines, which training starts from: edges then add nothing."""
    filter_shape, image_shape = SHAPES[name]
    filters = cosine_filters(4, filter_shape).double()
    potential = random_prior(filter_shape, 4).potential(reflect=True).detached()
    bank = potential.filters._replace(weights=filters)
    potential = potential._replace(filters=bank)
    bound = concavity_bound(potential)
    concavities = potential.profiles.concavity[:, 0, 0]
    norm = joint_spectral_norm(filters, concavities)
    # Cosines are of one parity up to single precision.
    assert bound == pytest.approx(float(norm), rel=1e-5)
    assert largest_eigenvalue(potential, image_shape) <= bound


def test_bound_is_at_least_the_joint_spectral_norm():
    """Which bounds the concavity far from the edges."""
    prior = random_prior((1, 3, 3), 1)
    potential = prior.potential(reflect=True).detached()
    weights = normal(1, 1, 3, 3, seed=3)
    potential = potential._replace(filters=potential.filters._replace(weights=weights))
    concavity = potential.profiles.concavity[:, 0, 0]
    bound = concavity_bound(potential)
    assert float(joint_spectral_norm(weights, concavity)) <= bound
    assert largest_eigenvalue(potential, (1, 9, 9)) <= bound
