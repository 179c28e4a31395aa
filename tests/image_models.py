"""Small image potentials with random filters."""

import torch

from skhj.priors.images.prior import ImagePrior

SHAPES = {
    "grey": ((1, 3, 5), (1, 9, 8)),
    "colour": ((3, 3, 3), (3, 7, 6)),
    "signal": ((1, 1, 5), (1, 1, 20)),
}


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def random_prior(filter_shape, n_profiles=5, seed=0, rank=1, **options):
    """A prior of random filters, and of profiles that differ."""
    filters = normal(rank * n_profiles, *filter_shape, seed=seed)
    prior = ImagePrior(filters, 0.2, rank=rank, **options)
    with torch.no_grad():
        for number, parameter in enumerate(prior.profile_parameters):
            parameter += 0.3 * normal(n_profiles, seed=seed + 1 + number)
    return prior
