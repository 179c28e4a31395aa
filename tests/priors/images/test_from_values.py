"""Image priors learned from values."""

import pytest
import torch
from image_models import normal, random_prior

from skhj.numerics.memory_gradient import MemoryGradient, row_products
from skhj.priors.images.denoise import denoise
from skhj.priors.images.from_values import EnvelopeTraining
from skhj.priors.images.schedule import ImageSchedule


def half_square(x):
    return row_products(x, x) / 2


def samples(prior, n, offset=0.0, seed=1):
    """Images, values t S and proximal points of a prior."""
    potential = prior.potential(reflect=True).detached()
    images = normal(n, 1, 7, 7, seed=seed)
    solver = MemoryGradient(500, 1e-8)
    points = denoise(potential, images, solver=solver).point
    values = half_square(images - points) + potential.value(points) + offset
    return images, values, points


def still(n):
    return ImageSchedule(1, n, learning_rate=0, profile_rate=0)


def generator():
    return torch.Generator().manual_seed(0)


def test_true_prior_has_no_loss_and_its_offset():
    prior = random_prior((1, 3, 3))
    images, values, points = samples(prior, 6, offset=5.0)
    for given in (None, points):
        training = EnvelopeTraining(still(6), n_minimise=100)
        result = training.train(prior, images, values, generator(), given)
        assert result.loss_curve[0] < 1e-12
        assert result.offset == pytest.approx(5.0)


def test_gradient_is_the_loss_s():
    """The envelope theorem, by differences; Adam's step is made of length 0."""
    prior, truth = random_prior((1, 3, 3)), random_prior((1, 3, 3), seed=20)
    images, values, _ = samples(truth, 6)
    EnvelopeTraining(still(6), 100).train(prior, images, values, generator())

    def loss():
        with torch.no_grad():
            error = samples(prior, 6)[1] - values
            return float((error - error.mean()).square().mean() / values.var())

    for parameter in prior.parameters():
        direction, step = normal(*parameter.shape, seed=3), 1e-6
        difference = 0.0
        for sign in (1, -1):
            parameter.data += sign * step * direction
            difference += sign * loss()
            parameter.data -= sign * step * direction
        assert difference / (2 * step) == pytest.approx(
            float((parameter.grad * direction).sum()), rel=1e-4, abs=1e-6
        )


@pytest.mark.parametrize("with_points", [False, True])
def test_learns_a_prior_from_its_values(with_points):
    """On held-out points, up to the constant."""
    truth = random_prior((1, 3, 3), n_profiles=3)
    prior = random_prior((1, 3, 3), n_profiles=3)
    with torch.no_grad():
        prior.filters += 0.1 * normal(*prior.filters.shape, seed=30)
        prior.log_knee += 0.5
    images, values, points = samples(truth, 60)
    held_out = samples(truth, 20, seed=2)[2]

    def error():
        with torch.no_grad():
            found, true = (p.potential(reflect=True) for p in (prior, truth))
            return (found.value(held_out) - true.value(held_out)).var()

    first = error()
    schedule = ImageSchedule(100, 10, 1e-2, 2e-2, slopes=(12.0, 12.0))
    EnvelopeTraining(schedule).train(
        prior, images, values, generator(), points if with_points else None
    )
    assert error() < 0.1 * first
