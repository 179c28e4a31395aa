"""Bases found in gradients alone."""

import numpy as np
import pytest

from skhj.priors.samples import Samples
from skhj.priors.splines.basis_search import BasisSearch
from skhj.priors.splines.fit import SplineSolver, fit_splines
from skhj.priors.splines.gradient_bases import GradientBases
from skhj.priors.splines.ridge_sum import ScaledSamples

D = 12


def soft_threshold_samples(A, n, spread=4.0):
    """Gradients of a potential whose prior is the l1 norm in a basis."""
    V = np.random.default_rng(0).uniform(-spread, spread, size=(n, A.shape[1]))
    z = V @ A.T
    return ScaledSamples(V, None, (z - np.clip(z, -1, 1)) @ A, 1.0, 1.0)


def worst_overlap(found, A):
    return np.abs(found @ A.T).max(axis=0).min()


@pytest.fixture(scope="module")
def cosines():
    k = np.arange(D)
    A = np.sqrt(2 / D) * np.cos(np.pi * k[:, None] * (k + 0.5) / D)
    A[0] /= np.sqrt(2)
    return A


def test_independent_components_come_close_and_turns_make_them_all_but_exact(cosines):
    samples = soft_threshold_samples(cosines, 4000)
    found = GradientBases().find(samples, np.random.RandomState(0))
    components = worst_overlap(found["independent gradients"], cosines)
    turned = worst_overlap(found["turned gradients"], cosines)
    assert components > 0.98
    # A cosine of 1 - 1e-6 is an angle of a thousandth.
    assert turned > max(components, 1 - 1e-6)


def test_turned_bases_are_orthonormal(cosines):
    found = GradientBases().find(
        soft_threshold_samples(cosines, 500), np.random.RandomState(0)
    )
    for name in ("turned gradients", "gradients' covariance"):
        Q = found[name]
        np.testing.assert_allclose(Q @ Q.T, np.eye(D), atol=1e-12)


def test_the_covariance_tells_directions_of_different_spread(cosines):
    rng = np.random.default_rng(0)
    V = rng.normal(size=(4000, D)) * np.geomspace(3, 0.1, D) @ cosines
    z = V @ cosines.T
    samples = ScaledSamples(V, None, (z - np.tanh(z)) @ cosines, 1.0, 1.0)
    found = GradientBases().find(samples, np.random.RandomState(0))
    assert worst_overlap(found["gradients' covariance"], cosines) > 0.999


def test_values_alone_have_no_gradients():
    samples = ScaledSamples(np.eye(3), np.zeros(3), None, 1.0, 1.0)
    assert GradientBases().find(samples, np.random.RandomState(0)) == {}


def test_of_many_features_they_are_the_basis_without_further_steps(cosines):
    samples = soft_threshold_samples(cosines, 4000)
    held_out = np.arange(4000) >= 3600
    S = Samples(samples.V, None, samples.gradients - samples.V, 1.0, held_out)
    solver = SplineSolver(basis=BasisSearch(most_features=D - 1))
    fit = fit_splines(S, solver=solver)
    spread = np.mean(((S.gradients - S.gradients.mean(axis=0)) ** 2).sum(axis=1))
    # Measured: 4e-8.
    assert fit.validation_error < 1e-6 * spread
