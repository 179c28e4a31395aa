"""Gauss-Newton steps on batches: they solve what is linear, and keep convexity."""

import numpy as np
import pytest
import torch

from skhj.priors.convex.batch_gauss_newton import BatchGaussNewton
from skhj.priors.convex.fit import SemiconvexFitter
from skhj.priors.convex.icnn import ICNN
from skhj.priors.convex.quadratic import NoCore
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.convex.standardisation import standardise
from skhj.priors.samples import Samples
from skhj.training import Schedule, Trainer


def trainer(max_iter):
    return Trainer(Schedule(max_iter, 32, 0.02), torch.Generator().manual_seed(0))


def network(core, d=3):
    """A network in units of random points, in double precision, and such points."""
    X = np.random.default_rng(0).normal(size=(300, d))
    units = standardise(X, np.abs(X).sum(axis=1), t=1.0)
    result = SemiconvexNetwork(core, units).double()
    torch.nn.init.normal_(result.factor, generator=torch.Generator().manual_seed(0))
    return result, torch.tensor(X)


@pytest.mark.parametrize("sizes", [(), (5,), (5, 6, 4)])
@pytest.mark.parametrize("wide_units", [0, 7])
def test_products_of_derivatives_by_the_weights_equal_automatic_ones(sizes, wide_units):
    if not sizes and not wide_units:
        pytest.skip("no units")
    function, u = network(ICNN(3, sizes, wide_units=wide_units))
    u = u[:6]
    weights = [weight for _, weight in function.linear_weights()]

    def derivatives(value):
        parts = torch.autograd.grad(value, weights, retain_graph=True)
        return torch.cat([part.ravel() for part in parts])

    J = torch.stack([derivatives(value) for value in function(u)])
    torch.testing.assert_close(function.weight_gram(u).detach(), J @ J.T)


class Affine(NoCore):
    """A core that adds nothing to the products of the quadratic."""

    def weight_gram(self, u):
        return torch.zeros(len(u), len(u), dtype=u.dtype)


def test_a_function_of_the_class_is_found():
    """A quadratic: what is left falls to the rounding of its products."""
    function, u = network(Affine())
    target, _ = network(Affine())
    with torch.no_grad():
        target.factor.copy_(2 * torch.eye(3))
        values = target(u)
        before = (function(u) - values).square().mean()
    BatchGaussNewton(share=1.0).run(function, u, values, trainer(20))
    after = (function(u) - values).square().mean()
    assert after < 1e-6 * before


def test_weights_stay_those_of_a_convex_function():
    function, u = network(ICNN(3, (8, 8), wide_units=16))
    concave = -u.square().sum(dim=1)
    BatchGaussNewton(share=1.0).run(function, u, concave, trainer(3))
    core = function.core
    for weight in (*core.hidden_weights, core.output_weight):
        assert (weight >= 0).all()


def fit(ending):
    """A network of a kink in two dimensions, after few epochs of Adam."""
    X = np.random.default_rng(0).uniform(-2, 2, size=(500, 2))
    samples = Samples(X, np.abs(X @ [1.0, 0.5]), None, 1.0, np.arange(500) < 50)
    core = ICNN(2, (8,), wide_units=32)
    return SemiconvexFitter(ending=ending).fit(core, samples, trainer(20))


def test_the_ending_is_kept_where_the_hold_out_gains():
    plain, ended = fit(None), fit(BatchGaussNewton())
    assert ended.training.best_loss < 0.5 * plain.training.best_loss


@pytest.mark.parametrize("rate", [1e6, np.nan])
def test_the_ending_is_taken_back_where_it_runs_away(rate):
    plain, ended = fit(None), fit(BatchGaussNewton(rate=rate))
    assert ended.training.best_loss == plain.training.best_loss
    for name, weight in plain.network.state_dict().items():
        assert torch.equal(weight, ended.network.state_dict()[name])
