"""The choice of knots and penalty: finer where it matters, smoother where it helps."""

import numpy as np

from skhj.priors.splines.knots import Knots
from skhj.priors.splines.profile_selection import ProfileSelection
from skhj.priors.splines.ridge_sum import ScaledSamples

D = 3


def kinked(V):
    return np.maximum(np.abs(V) - 0.3, 0).sum(1)


def test_refinement_finds_kinks_between_knots():
    rng = np.random.default_rng(3)
    V = rng.uniform(-2, 2, size=(4000, D))
    samples = ScaledSamples(V, kinked(V), None, 1.0, 0.0)
    start = Knots().start(np.eye(D), samples)
    arguments = samples.take(slice(400, None)), samples.take(slice(400)), start
    coarse = ProfileSelection(max_rounds=0).fit(*arguments, lower=np.zeros(D))
    fine = ProfileSelection().fit(*arguments, lower=np.zeros(D))
    # Halving the width of a kink's piece divides its squared error by 8.
    assert fine.unseen_loss < 1e-3 * coarse.unseen_loss


def test_hold_out_asks_for_no_penalty_without_noise_and_for_a_heavy_one_of_a_line():
    rng = np.random.default_rng(4)
    V = rng.uniform(-2, 2, size=(600, D))
    for values, few, many in (
        (kinked(V), 0.0, 0.0),
        (V.sum(1) + 0.3 * rng.normal(size=600), 1e-3, 1.0),
    ):
        samples = ScaledSamples(V, values, None, 1.0, 0.0)
        fit = ProfileSelection().fit(
            samples.take(slice(60, None)),
            samples.take(slice(60)),
            Knots().start(np.eye(D), samples),
            lower=np.full(D, -1.0),
        )
        assert few <= fit.penalty <= many
