"""The shallow branch alone, or the whole network: the hold-out chooses."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from skhj.priors.convex.architecture import ICNNArchitecture
from skhj.priors.convex.kind import ConvexNetwork
from skhj.priors.convex.rough import fit_network
from skhj.priors.samples import Samples
from skhj.priors.search import PriorSearch, Settings
from skhj.problems import NegativeL1
from skhj.training import Schedule, Trainer

RECIPE = ICNNArchitecture((8,), wide_units=24)


def search(recipe=RECIPE, **trainer):
    rng = np.random.RandomState(0)
    X = rng.uniform(-4, 4, size=(300, 2))
    samples = Samples(X, NegativeL1().value(X, 1.0), None, 1.0, np.arange(300) < 30)
    trainer = Trainer(Schedule(10, 32, 0.02), torch.Generator(), **trainer)
    return PriorSearch(samples, Settings(trainer, recipe), rng)


@pytest.mark.parametrize("share", [0.1, 2.0])
def test_the_better_on_the_hold_out_is_kept(share):
    kind, own = ConvexNetwork(RECIPE, shallow_share=share), search()
    copy = replace(own, rng=deepcopy(own.rng))
    shallow, whole = kind._fit_shallow(copy), fit_network(kind, copy, copy.max_iter)
    errors = [own.validation_error(one.model) for one in (shallow, whole)]
    kept = kind.fit(own)
    assert own.validation_error(kept.model) == min(errors)
    better = (shallow, whole)[int(np.argmin(errors))]
    assert kept.kind.architecture == better.kind.architecture
    loaded = kept.kind.saved().load(*kept.model.to_arrays(), t=1.0, method="newton")
    X = own.samples.X
    np.testing.assert_array_equal(loaded.value(X).value, kept.model.value(X).value)


@pytest.mark.parametrize(
    ("recipe", "net_params"),
    [
        (ICNNArchitecture((), 8), {}),
        (ICNNArchitecture((8,), 0), {}),
        (RECIPE, {"optimizer__eps": 1e-7}),
    ],
)
def test_one_branch_or_a_users_training_is_left_alone(recipe, net_params):
    kept = ConvexNetwork(recipe).fit(search(recipe, net_params=net_params))
    assert kept.kind.architecture == recipe
    assert len(kept.loss_curve) == 10
