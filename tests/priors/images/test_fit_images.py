"""Image priors from samples."""

from dataclasses import replace

import pytest
import torch
from image_models import SHAPES, normal

from skhj.priors.images.bilevel import BilevelTraining
from skhj.priors.images.certificate import largest_concavity
from skhj.priors.images.denoise import denoise
from skhj.priors.images.fit import ImageFit
from skhj.priors.images.from_values import EnvelopeTraining
from skhj.priors.images.schedule import ImageSchedule

SHORT = ImageSchedule(n_steps=4, batch_size=4)
FIT = ImageFit(5, 5, pairs=BilevelTraining(SHORT), values=EnvelopeTraining(SHORT))


def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("kind", SHAPES)
def test_fits_images_of_any_kind_and_denoises_those_of_another_shape(kind):
    _, shape = SHAPES[kind]
    clean = normal(8, *shape)
    noisy = clean + 0.3 * normal(8, *shape, seed=1)
    prior, result = FIT.from_pairs(noisy, clean, generator())
    assert len(result.loss_curve) == 4
    larger = (shape[0], 2 * shape[1] if shape[1] > 1 else 1, 2 * shape[2])
    potential = prior.potential(reflect=True).detached()
    assert largest_concavity(potential, larger, generator()) <= 0.99
    assert denoise(potential, normal(2, *larger, seed=2)).residual.max() <= 1e-4


def test_fits_in_other_units():
    """Images in [0, 255]: the prior is that of images in [0, 1], scaled."""
    clean = normal(8, 1, 9, 9)
    noisy = clean + 0.3 * normal(8, 1, 9, 9, seed=1)
    ours, _ = FIT.from_pairs(noisy, clean, generator())
    theirs, _ = FIT.from_pairs(255 * noisy, 255 * clean, generator())
    torch.testing.assert_close(theirs.filters, ours.filters)
    x = normal(2, 1, 9, 9, seed=2)
    torch.testing.assert_close(
        theirs.potential(reflect=True).gradient(255 * x),
        255 * ours.potential(reflect=True).gradient(x),
    )


def test_rotated_images_make_a_rotated_prior():
    """The first filters are closed under rotation but for their order and signs."""
    clean = normal(8, 1, 9, 9)
    noisy = clean + 0.3 * normal(8, 1, 9, 9, seed=1)
    fit = replace(FIT, n_filters=24)
    ours, _ = fit.from_pairs(noisy, clean, generator())
    theirs, _ = fit.from_pairs(
        noisy.rot90(dims=(2, 3)), clean.rot90(dims=(2, 3)), generator()
    )
    x = normal(2, 1, 9, 9, seed=2)
    torch.testing.assert_close(
        theirs.potential(reflect=True).value(x.rot90(dims=(2, 3))),
        ours.potential(reflect=True).value(x),
        # Which of many equal frequencies has the largest spectrum is rounding.
        rtol=0.02,
        atol=0,
    )


def test_fits_values_with_and_without_points():
    images = normal(8, 1, 9, 9)
    points = images - images.mean()
    values = (images**2).sum((1, 2, 3))
    for given in (None, points):
        prior, result = FIT.from_values(images, values, generator(), given)
        assert len(result.loss_curve) == 4
        assert torch.isfinite(prior.filters).all()
