"""The time at which a sum of norms generates samples."""

import numpy as np
import pytest
import torch
from sum_of_norms import total_variation

from skhj.priors.envelope.fit import NormEnvelope
from skhj.priors.envelope.free_time import FreeTime
from skhj.priors.samples import Samples
from skhj.training import Schedule, Trainer


class Ridges(NormEnvelope):
    """Few ridges alone, for speed."""

    def candidates(self, n_features, n_seen):
        return super().candidates(n_features, n_seen)[1::2]


def test_the_time_of_total_variation():
    rng, prior, t, start = np.random.default_rng(0), total_variation(3), 0.5, 0.8
    X = rng.uniform(-3, 3, size=(600, 3))
    held_out = np.arange(600) >= 500
    samples = Samples(X, prior.value(X, t), None, start, held_out)
    # The prior at other points than the proximal ones, in its kinks as rarely.
    of_prior = Samples(X / 2, prior.prior(X / 2), None, start, held_out)
    generator = torch.Generator().manual_seed(0)
    trainer = Trainer(Schedule(20, 64, 0.02), generator, torch.device("cpu"))
    found, error = FreeTime(Ridges()).find(samples, of_prior, trainer, 1.5)
    # The smoothing that is left, 1e-3 of the prior's size at least, is of that share.
    assert found == pytest.approx(t, rel=5e-3)
    assert error < 1e-5 * samples.values.var()
