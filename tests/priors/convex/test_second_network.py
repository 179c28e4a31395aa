"""How the prior of a convex network is computed: by what the hold-out speaks for."""

import numpy as np
import pytest

from skhj import HJPriorRegressor
from skhj.priors.convex.second_network import _better_method
from skhj.priors.samples import Samples
from skhj.priors.search import PriorSearch
from skhj.priors.value_model import ValueModel
from skhj.problems import ConcaveQuadratic


@pytest.fixture(scope="module")
def fitted():
    """Samples of a concave quadratic, and two functions fitted to each of three."""
    X = np.random.RandomState(0).normal(size=(100, 2))
    values, functions = [], []
    for kappa in (0.5, 0.3, 0.45):
        values.append(ConcaveQuadratic(kappa).value(X, 1.0))
        est = HJPriorRegressor(network="icnn", prior_method="network", max_iter=1)
        functions.append(est.fit(X, values[-1])._loaded_model.functions)
    held_out = np.arange(100) < 50
    gradients = X - ConcaveQuadratic(0.5).prox(X, 1.0)
    return Samples(X, values[0], gradients, 1.0, held_out), functions


@pytest.mark.parametrize("known", ["both", "values", "gradients"])
@pytest.mark.parametrize(("other", "method"), [(0, "network"), (1, "newton")])
def test_a_network_is_the_prior_where_the_samples_held_out_are_its_values(
    other, method, known, fitted
):
    samples, functions = fitted
    if known == "values":
        samples = samples._replace(gradients=None)
    if known == "gradients":
        samples = samples._replace(values=None)
    model = ValueModel(functions[2][0], 1.0, functions[other][1])
    assert _better_method(model, PriorSearch(samples, None, None)) == method
