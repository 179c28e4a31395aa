"""Posteriors of Gaussian mixtures."""

import numpy as np
import pytest

from skhj.numerics import gaussian_mixture as gm

WEIGHTS = np.array([0.5, 0.2, 0.3])
MEANS = np.array([[0.0, 2.0], [1.5, -1.0], [-1.0, 0.5]])
FACTORS = np.array([[[1, 0], [0.5, 0.7]], [[0.4, 0], [0, 0.9]], [[0.8, 0], [-0.6, 1]]])
MIXTURE = gm.GaussianMixture(WEIGHTS, MEANS, FACTORS @ FACTORS.transpose(0, 2, 1))
A = np.array([[1.0, 0.5]])
NOISE = 0.3


def density(x, mixture):
    """Density of a mixture at points (n, d)."""
    values = 0.0
    for weight, m, C in zip(*mixture, strict=True):
        exponent = np.einsum("nd,de,ne->n", x - m, np.linalg.inv(C), x - m)
        norm = np.sqrt(np.linalg.det(2 * np.pi * C))
        values = values + weight * np.exp(-exponent / 2) / norm
    return values


def test_posterior_is_bayes_rule_on_a_grid():
    axis = np.linspace(-9, 9, 601)
    x = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    b = np.array([[0.7], [-1.2]])
    posterior = gm.condition(MIXTURE, A, [[NOISE**2]], b)
    for i in range(2):
        given = gm.GaussianMixture(
            posterior.weights[i], posterior.means[i], posterior.covariances
        )
        likelihood = np.exp(-((b[i] - x @ A[0]) ** 2) / (2 * NOISE**2))
        expected = density(x, MIXTURE) * likelihood
        expected /= expected.sum() * (axis[1] - axis[0]) ** 2
        # Sums over a grid integrate Gaussians much wider than its step exactly.
        np.testing.assert_allclose(density(x, given), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            gm.mean(given), expected @ x / expected.sum(), rtol=1e-10
        )


def test_one_component_gives_the_linear_estimate():
    single = gm.GaussianMixture(np.ones(1), MEANS[:1], MIXTURE.covariances[:1])
    C = single.covariances[0]
    b = np.array([[0.3], [5.0]])
    gain = C @ A.T / (A @ C @ A.T + NOISE**2)
    expected = MEANS[0] + (b - A @ MEANS[0]) @ gain.T
    np.testing.assert_allclose(
        gm.mean(gm.condition(single, A, [[NOISE**2]], b)), expected, rtol=1e-14
    )
    error = gm.mean_squared_error(single, A[0], NOISE**2)
    assert error == pytest.approx(np.trace(C - gain @ A @ C), rel=1e-12)


def test_measurements_without_information_leave_the_prior():
    posterior = gm.condition(MIXTURE, A, [[1e20]], np.zeros((1, 1)))
    np.testing.assert_allclose(posterior.weights[0], WEIGHTS, rtol=1e-12)
    variance = gm.total_variance(MIXTURE)
    assert gm.mean_squared_error(MIXTURE, A[0], 1e20) == pytest.approx(variance)


def test_far_measurements_do_not_underflow():
    posterior = gm.condition(MIXTURE, A, [[NOISE**2]], np.array([[1e4], [-1e4]]))
    np.testing.assert_allclose(posterior.weights.sum(axis=1), 1)
    assert np.isfinite(gm.mean(posterior)).all()


def test_error_is_that_of_the_conditional_mean_on_samples():
    rng = np.random.default_rng(0)
    k = rng.choice(3, size=400_000, p=WEIGHTS)
    x = MEANS[k] + np.einsum("nde,ne->nd", FACTORS[k], rng.standard_normal((len(k), 2)))
    b = x @ A.T + NOISE * rng.standard_normal((len(k), 1))
    errors = ((gm.mean(gm.condition(MIXTURE, A, [[NOISE**2]], b)) - x) ** 2).sum(1)
    # Four standard errors of the sample.
    bound = 4 * errors.std() / np.sqrt(len(k))
    assert abs(errors.mean() - gm.mean_squared_error(MIXTURE, A[0], NOISE**2)) < bound


def test_error_does_not_depend_on_the_nodes_of_its_integral():
    coarse, fine = (
        gm.mean_squared_error(MIXTURE, A[0], 1e-4, n_nodes=n) for n in (501, 5001)
    )
    assert coarse == pytest.approx(fine, rel=1e-12)


def joint_of(mixture, A, noise):
    """Mixture of (x, A x + noise)."""
    rows = np.vstack([np.eye(A.shape[1]), A])
    C = rows @ mixture.covariances @ rows.T
    C[:, -1, -1] += noise**2
    return gm.GaussianMixture(mixture.weights, mixture.means @ rows.T, C)


def test_density_is_the_sum_over_components():
    x = np.random.RandomState(0).normal(size=(50, 2))
    np.testing.assert_allclose(np.exp(gm.log_density(MIXTURE, x)), density(x, MIXTURE))


def test_conditional_of_pairs_is_the_posterior_given_measurements():
    b = np.array([[0.7], [-1.2]])
    posterior = gm.condition(MIXTURE, A, [[NOISE**2]], b)
    c = gm.conditional(joint_of(MIXTURE, A, NOISE), 2)
    centred = b[:, None] - c.offsets
    white = np.einsum("kqr,nkr->nkq", c.whitenings, centred)
    weights = np.exp(c.constants - (white**2).sum(-1) / 2)
    weights /= weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(weights, posterior.weights, rtol=1e-10)
    means = c.means + np.einsum("kdr,nkr->nkd", c.gains, centred)
    np.testing.assert_allclose(means, posterior.means, rtol=1e-10)
    np.testing.assert_allclose(c.factors @ c.factors, posterior.covariances, atol=1e-12)
