"""The oracle of other tests: priors that are sums of norms."""

import numpy as np
import pytest
from sum_of_norms import SumOfNorms, euclidean, pairs, total_variation

from skhj.problems import L1

PRIORS = {
    "total variation": total_variation(4),
    "pairs": pairs(4),
    "euclidean": euclidean(4),
    "weighted": SumOfNorms(np.diff(np.eye(4), axis=0), [0.5, 1.0, 2.0], shift=0.3),
}


def points(n, d=4, seed=0):
    return np.random.default_rng(seed).uniform(-3, 3, (n, d))


def test_the_blocks_of_the_identity_are_the_l1_norm():
    X, t = points(50), 0.7
    prior = SumOfNorms(np.eye(4))
    np.testing.assert_allclose(prior.prox(X, t), L1().prox(X, t), atol=1e-11)
    np.testing.assert_allclose(prior.value(X, t), L1().value(X, t), atol=1e-11)


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)
def test_prox_is_the_minimiser(prior):
    X, t = points(20), 0.7
    P, S = prior.prox(X, t), prior.value(X, t)
    for size in (1e-6, 1e-3, 1.0):
        Y = P + size * points(20, seed=1)
        # The objective is strongly convex with constant 1 / t.
        margin = ((Y - P) ** 2).sum(1) / (2 * t)
        objective = prior.prior(Y) + ((X - Y) ** 2).sum(1) / (2 * t)
        assert (objective >= S + margin - 1e-11).all()
