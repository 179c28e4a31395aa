"""Bases found in the data alone, of rotated and of oblique sums."""

import numpy as np
import pytest

from skhj.priors.splines.bases import BasisCandidates, common_directions, unit_rows
from skhj.priors.splines.basis_search import BasisSearch
from skhj.priors.splines.ridge_sum import ScaledSamples

D = 4


def soft(z):
    """Half the squared distance of z from [-0.5, 0.5], and its derivative."""
    slope = z - np.clip(z, -0.5, 0.5)
    return slope**2 / 2, slope


def positive_part(z):
    """Asymmetric: the fourth derivative has mean zero."""
    slope = np.maximum(z, 0)
    return slope**2 / 2, slope


def orthogonal(d=D):
    return np.linalg.qr(np.random.default_rng(0).normal(size=(d, d)))[0]


def oblique(d=D):
    A = orthogonal(d) @ (np.eye(d) + 0.3 * np.random.default_rng(1).normal(size=(d, d)))
    return A / np.linalg.norm(A, axis=1, keepdims=True)


def sum_along(A, profile, n, *, with_gradients=False, seed=0):
    V = np.random.default_rng(seed).uniform(-2, 2, size=(n, A.shape[1]))
    values, slopes = profile(V @ A.T)
    gradients = slopes @ A if with_gradients else None
    return ScaledSamples(V, values.sum(axis=1), gradients, 1.0, 1.0)


def worst_overlap(found, A):
    """Cosine between a true direction and the closest found, at worst."""
    return np.abs(found @ A.T).max(axis=0).min()


@pytest.mark.parametrize("profile", [soft, positive_part])
@pytest.mark.parametrize("with_gradients", [False, True])
@pytest.mark.parametrize("A", [orthogonal(), oblique()], ids=["rotated", "oblique"])
def test_local_hessians_come_close(A, with_gradients, profile):
    samples = sum_along(A, profile, 4000, with_gradients=with_gradients)
    found = BasisCandidates().find(samples, np.random.RandomState(0))
    assert worst_overlap(found["local fits"], A) > 0.9


@pytest.mark.parametrize(
    ("profile", "name"), [(soft, "fourth moments"), (positive_part, "third moments")]
)
@pytest.mark.parametrize("with_gradients", [False, True])
def test_moments_of_the_remainder_come_close_in_a_rotated_basis(
    profile, name, with_gradients
):
    samples = sum_along(orthogonal(), profile, 4000, with_gradients=with_gradients)
    found = BasisCandidates().find(samples, np.random.RandomState(0))
    assert worst_overlap(found[name], orthogonal()) > 0.9


def test_exact_hessians_give_the_basis_exactly():
    A = oblique()
    curvature = np.random.default_rng(3).uniform(0.1, 2, size=(30, D))
    hessians = (A.T * curvature[:, None]) @ A
    found = unit_rows(common_directions(hessians, BasisCandidates().metric))
    assert worst_overlap(found, A) > 1 - 1e-10


@pytest.mark.parametrize("with_gradients", [False, True])
@pytest.mark.parametrize("A", [orthogonal(), oblique()], ids=["rotated", "oblique"])
def test_search_ends_at_the_basis(A, with_gradients):
    samples = sum_along(A, soft, 3000, with_gradients=with_gradients)
    unseen, seen = samples.take(slice(300)), samples.take(slice(300, None))
    ridges = BasisSearch().find(seen, unseen, lower=1e-6, rng=np.random.RandomState(0))
    assert worst_overlap(ridges.directions, A) > 1 - 1e-8
    assert ridges.loss(unseen) < 1e-8 * unseen.loss_of_zero


def test_noise_hides_little_of_the_basis():
    samples = sum_along(orthogonal(), soft, 3000)
    noise = 0.1 * np.random.default_rng(4).normal(size=3000)
    samples = samples._replace(values=samples.values + noise)
    unseen, seen = samples.take(slice(300)), samples.take(slice(300, None))
    ridges = BasisSearch().find(seen, unseen, lower=1e-6, rng=np.random.RandomState(0))
    assert worst_overlap(ridges.directions, orthogonal()) > 1 - 1e-3
    exact = sum_along(orthogonal(), soft, 2000, seed=9)
    # Noise 1e-2, some 60 numbers, 2700 samples: 2e-4.
    assert ridges.loss(exact) < 1e-3


def test_no_basis_is_told_by_the_loss():
    """The norm is a sum in no basis; the search ends, and its loss says so."""
    V = np.random.default_rng(0).uniform(-2, 2, size=(2000, D))
    samples = ScaledSamples(V, np.linalg.norm(V, axis=1), None, 1.0, 0.0)
    unseen, seen = samples.take(slice(300)), samples.take(slice(300, None))
    ridges = BasisSearch().find(seen, unseen, lower=1e-6, rng=np.random.RandomState(0))
    assert ridges.loss(unseen) > 1e-4


@pytest.mark.parametrize("n", [2, 10, 60])
def test_few_samples_are_no_error(n):
    samples = sum_along(orthogonal(), soft, n)
    ridges = BasisSearch().find(
        samples, samples, lower=1e-6, rng=np.random.RandomState(0)
    )
    assert np.isfinite(ridges.loss(samples))


def test_constant_and_duplicate_features_are_no_error():
    samples = sum_along(orthogonal(), soft, 500)
    V = np.column_stack([samples.V, np.zeros(500), samples.V[:, 0]])
    samples = samples._replace(V=V)
    unseen, seen = samples.take(slice(50)), samples.take(slice(50, None))
    ridges = BasisSearch().find(seen, unseen, lower=1e-6, rng=np.random.RandomState(0))
    assert ridges.loss(unseen) < 1e-3
