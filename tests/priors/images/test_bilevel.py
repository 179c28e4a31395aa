"""Image priors learned from pairs."""

import numpy as np
import pytest
import torch
from image_models import normal, random_prior

from skhj.numerics.memory_gradient import MemoryGradient
from skhj.priors.images.bilevel import BilevelTraining
from skhj.priors.images.denoise import denoise
from skhj.priors.images.prior import ImagePrior, cosine_filters
from skhj.priors.images.schedule import ImageSchedule


def generator():
    return torch.Generator().manual_seed(0)


def steps_of_signals(n, size=32, noise=0.3, seed=0):
    """Piecewise constant signals, noisy and clean, as images of one row."""
    rng = np.random.default_rng(seed)
    jumps = rng.random((n, size)) < 0.1
    levels = rng.normal(size=(n, size))
    starts = np.maximum.accumulate(np.where(jumps, np.arange(size), 0), axis=1)
    clean = np.take_along_axis(levels, starts, axis=1)[:, None, None]
    noisy = clean + noise * rng.normal(size=clean.shape)
    return torch.tensor(noisy).float(), torch.tensor(clean).float()


@pytest.mark.parametrize("reflect", [False, True])
def test_gradient_is_the_loss_s(reflect):
    """The implicit function theorem, by differences; Adam's step has length 0."""
    prior = random_prior((1, 3, 3), n_profiles=3, max_slope=5.0)
    noisy, clean = normal(2, 1, 7, 7), normal(2, 1, 7, 7, seed=1)
    still = ImageSchedule(1, 2, learning_rate=0, profile_rate=0, slopes=(5.0, 5.0))
    training = BilevelTraining(still, 50, 30, reflect=reflect, margin=1)
    training.train(prior, noisy, clean, generator())
    exact = MemoryGradient(500, tolerance=1e-11)

    def loss():
        with torch.no_grad():
            potential = prior.potential(reflect=reflect)
            error = (denoise(potential, noisy, solver=exact).point - clean)[
                ..., 1:-1, :
            ]
            return float((error[..., 1:-1] ** 2).mean() / (2 * noisy.var()))

    for parameter in prior.parameters():
        direction, step = normal(*parameter.shape, seed=3), 1e-6
        values = []
        for sign in (1, -1):
            parameter.data += sign * step * direction
            values.append(loss())
            parameter.data -= sign * step * direction
        # Minimisers to 1e-11 leave 1e-5 of a relative error in differences over 2e-6.
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(
            float((parameter.grad * direction).sum()), rel=1e-4, abs=1e-6
        )


def test_learns_to_denoise_steps():
    noisy, clean = steps_of_signals(600)
    prior = ImagePrior(cosine_filters(6, (1, 1, 7)), 0.3)
    schedule = ImageSchedule(n_steps=150, batch_size=16, learning_rate=1e-2)
    training = BilevelTraining(schedule, reflect=True, margin=0)
    result = training.train(prior, noisy[:500], clean[:500], generator())
    assert len(result.loss_curve) == 150
    assert result.residual < 0.05
    x = denoise(prior.potential(reflect=True).detached(), noisy[500:]).point
    # The noise has 0.09; the best linear filter of such signals leaves 0.05.
    assert ((x - clean[500:]) ** 2).mean() < 0.04


def test_same_generator_gives_the_same_prior():
    noisy, clean = steps_of_signals(40)
    training = BilevelTraining(ImageSchedule(n_steps=5, batch_size=8), reflect=True)
    priors = [ImagePrior(cosine_filters(4, (1, 1, 5)), 0.3) for _ in range(2)]
    state = torch.get_rng_state()
    for prior in priors:
        training.train(prior, noisy, clean, generator())
    assert torch.equal(priors[0].filters, priors[1].filters)
    assert torch.equal(state, torch.get_rng_state())


def test_bound_of_the_slopes_rises():
    schedule = ImageSchedule(n_steps=100, slopes=(10.0, 40.0), rise=0.5)
    assert schedule.bound(0) == 10
    assert schedule.bound(25) == pytest.approx(20)
    assert schedule.bound(50) == schedule.bound(99) == 40
    factors = [schedule.factor(step) for step in range(100)]
    assert max(factors) <= 1
    assert factors[-1] < 1e-3


def test_a_loss_that_is_not_finite_names_the_parameter():
    noisy, clean = steps_of_signals(20)
    noisy[3] = torch.inf
    with pytest.raises(FloatingPointError, match="learning_rate"):
        BilevelTraining(ImageSchedule(n_steps=5, batch_size=20)).train(
            ImagePrior(cosine_filters(4, (1, 1, 5)), 0.3), noisy, clean, generator()
        )
