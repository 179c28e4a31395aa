"""Priors learned through the value function that they generate."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from sum_of_norms import SumOfNorms, euclidean, pairs, total_variation

from skhj import hamilton_jacobi as hj
from skhj.priors.envelope.fit import NormEnvelope
from skhj.priors.envelope.lax_oleinik import lax_oleinik
from skhj.priors.samples import Samples
from skhj.training import Schedule, Trainer

T = 0.8


class Data(NamedTuple):
    """Samples of S and, for rough pairs, of the prior at a prox that is off by 0.1."""

    of_value: Samples
    of_prior: Samples

    def take(self, rows):
        return Data(self.of_value.take(rows), self.of_prior.take(rows))


def samples(prior, n, d, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-3, 3, (n, d))
    S = prior.value(X, T)
    Y = prior.prox(X, T) + 0.1 * rng.standard_normal((n, d))
    J, slope = hj.prior_at_prox(X, Y, S, T), hj.prior_gradient_from_point(Y, X, T)
    held_out = np.arange(n) < n // 10
    return Data(Samples(X, S, None, T, held_out), Samples(Y, J, slope, T, held_out))


def fit_norms(data, seed=0, max_iter=50):
    trainer = Trainer(Schedule(5, 64, 0.02), torch.Generator().manual_seed(seed))
    return NormEnvelope(max_iter=max_iter, pair_iter=5).fit(*data, trainer)


def value_error(network, data):
    X, Y = map(torch.tensor, (data.of_value.X, data.of_prior.X))
    S, _, solved = lax_oleinik(network, X, Y, T)
    assert solved.all()
    return float(np.mean((S.numpy() - data.of_value.values) ** 2))


PRIORS = {
    "total variation": total_variation(3),
    "oblique, weighted, shifted": SumOfNorms(
        [[1.0, 0.4], [-0.3, 1.0]], [0.5, 1.5], shift=0.5
    ),
    "euclidean": euclidean(2),
}


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
def test_sums_of_norms_are_found_from_values(prior):
    d = prior.blocks[0].shape[1]
    data, fresh = samples(prior, 500, d), samples(prior, 500, d, seed=1)
    fit = fit_norms(data, max_iter=60)
    # Kinks are smoothed over at least 1e-3 and the sums are of few norms of size one:
    # S errs by 1e-2 at most, its square is below. The best quadratic leaves 1e-1.
    assert value_error(fit.network, fresh) < 1e-4
    P = prior.prox(fresh.of_value.X, T)
    J, _ = fit.network.value_and_gradient_at(torch.tensor(P))
    assert np.mean((J.numpy() - prior.prior(P)) ** 2) < 1e-4


def test_reported_error_is_that_of_the_held_out_values():
    data = samples(pairs(2), 400, 2)
    fit = fit_norms(data, max_iter=12)
    held_out = data.take(data.of_value.held_out)
    reported = fit.training.best_loss * float(fit.network.unit_scale) ** 2
    # Training solves for the minimisers to 1e-4, and values err by its square.
    error = value_error(fit.network, held_out)
    np.testing.assert_allclose(error, reported, rtol=1e-3)
    assert fit.training.best_loss == fit.training.validation_curve.min()


def test_same_generator_same_prior():
    data = samples(pairs(2), 300, 2)
    first, second = fit_norms(data, max_iter=5), fit_norms(data, max_iter=5)
    for mine, theirs in zip(
        first.network.to_arrays().values(),
        second.network.to_arrays().values(),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_prior_survives_its_arrays():
    data = samples(pairs(2), 300, 2)
    fit = fit_norms(data, max_iter=5)
    copy = fit.architecture.load(fit.network.to_arrays())
    Y = torch.tensor(data.of_prior.X)
    assert torch.equal(
        copy.value_and_gradient_at(Y)[0], fit.network.value_and_gradient_at(Y)[0]
    )
