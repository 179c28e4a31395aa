"""The duathlon: two times of which only the sum is known."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state

from skhj.datasets.checks import check_noise
from skhj.numerics import gaussian_mixture as gm
from skhj.numerics.given_numbers import check_size, given_numbers, positive_integer
from skhj.problems.positive import positive_widths

__all__ = ["DuathlonLimit", "duathlon_mmse", "duathlon_posterior", "make_duathlon"]

# Three kinds of athletes: good in the first leg, good in the second, good in neither.
# Neighbouring sums overlap: between them two kinds are possible, and the mean of
# neither.
MEANS = ((1.0, 5.0), (8.0, 2.0), (6.0, 8.0))


class DuathlonLimit(NamedTuple):
    """The best that can be done with sums alone.

    Attributes
    ----------
    mean : ndarray of shape (n, d)
        Conditional means of the times, given their sums.
    error : float
        Mean squared error of the conditional mean, averaged over the d times and over
        all sums: no estimator's is smaller.
    """

    mean: np.ndarray
    error: float


def make_duathlon(
    n_samples: int = 10_000,
    *,
    means: ArrayLike = MEANS,
    widths: ArrayLike = 1.0,
    weights: ArrayLike | None = None,
    noise: float = 0.1,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw times from a mixture of Gaussians and measure their noisy sums.

    The operator is ``[[1.0, 1.0]]``, a sum. `duathlon_mmse` gives the smallest
    possible error.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number n of samples.
    means : array-like of shape (n_components, d)
        Mean times of each component. The default has three components in two
        dimensions, with sums that overlap.
    widths : float or array-like of shape (n_components,), default=1.0
        Standard deviations of the components, the same in all directions.
    weights : array-like of shape (n_components,) or None, default=None
        Probabilities of the components, up to a factor; None makes them equal.
    noise : float, default=0.1
        Standard deviation of the noise, by default 1 % of a typical sum.
    random_state : int, RandomState instance or None, default=None
        Source of the samples; an int makes them reproducible.

    Returns
    -------
    X : ndarray of shape (n, 1)
        Sums, with noise.
    y : ndarray of shape (n, d)
        The times.

    Raises
    ------
    ValueError
        If an array is of the wrong shape, a width is not positive, or a weight or the
        noise is negative.

    Notes
    -----
    This is the illustration of section 2 of Eliasof, Haber, Treister, "An over
    complete deep learning method for inverse problems", arXiv 2402.04653.

    Examples
    --------
    >>> from skhj.datasets import make_duathlon
    >>> X, y = make_duathlon(100, random_state=0)
    >>> X.shape, y.shape
    ((100, 1), (100, 2))
    """
    mixture = _mixture(means, widths, weights)
    positive_integer(n_samples, "n_samples")
    noise = check_noise(noise)
    rng = check_random_state(random_state)
    n_components, d = mixture.means.shape
    component = rng.choice(n_components, size=n_samples, p=mixture.weights)
    width = np.sqrt(mixture.covariances[component, 0, 0])
    y = mixture.means[component]
    y = y + width[:, None] * rng.standard_normal((n_samples, d))
    X = y.sum(axis=1) + noise * rng.standard_normal(n_samples)
    return X[:, None], y


def duathlon_posterior(
    X: ArrayLike,
    *,
    means: ArrayLike = MEANS,
    widths: ArrayLike = 1.0,
    weights: ArrayLike | None = None,
    noise: float = 0.1,
) -> gm.GaussianMixture:
    """Posterior of the times given their sums, a mixture of Gaussians.

    Parameters
    ----------
    X : array-like of shape (n, 1)
        Sums.
    means : array-like of shape (n_components, d)
        As in `make_duathlon`.
    widths : float or array-like of shape (n_components,), default=1.0
        As in `make_duathlon`.
    weights : array-like of shape (n_components,) or None, default=None
        As in `make_duathlon`.
    noise : float, default=0.1
        As in `make_duathlon`.

    Returns
    -------
    weights : ndarray of shape (n, n_components)
        Probabilities of the components.
    means : ndarray of shape (n, n_components, d)
        Their means.
    covariances : ndarray of shape (n_components, d, d)
        Their covariances, the same for every sum.

    Raises
    ------
    ValueError
        If an array is of the wrong shape, a width is not positive, or a weight or the
        noise is negative.

    Examples
    --------
    >>> from skhj.datasets import duathlon_posterior
    >>> weights, _, _ = duathlon_posterior([[8.0]])  # half way between two kinds
    >>> weights.round(3)
    array([[0.5, 0.5, 0. ]])
    """
    mixture = _mixture(means, widths, weights)
    noise = check_noise(noise)
    X = check_size(check_array(given_numbers(X, "X"), input_name="X"))
    if X.shape[1] != 1:
        raise ValueError(f"X must be of shape (n, 1), a sum a sample, got {X.shape}")
    a = np.ones((1, mixture.means.shape[1]))
    return gm.condition(mixture, a, [[noise**2]], X)


def duathlon_mmse(
    X: ArrayLike,
    *,
    means: ArrayLike = MEANS,
    widths: ArrayLike = 1.0,
    weights: ArrayLike | None = None,
    noise: float = 0.1,
) -> DuathlonLimit:
    """Conditional mean of the times given their sums, and its exact error.

    Parameters
    ----------
    X : array-like of shape (n, 1)
        Sums.
    means : array-like of shape (n_components, d)
        As in `make_duathlon`.
    widths : float or array-like of shape (n_components,), default=1.0
        As in `make_duathlon`.
    weights : array-like of shape (n_components,) or None, default=None
        As in `make_duathlon`.
    noise : float, default=0.1
        As in `make_duathlon`.

    Returns
    -------
    DuathlonLimit
        The conditional means, and the smallest mean squared error that any estimator
        has on average over all sums.

    Raises
    ------
    ValueError
        If an array is of the wrong shape, a width is not positive, or a weight or the
        noise is negative.

    Examples
    --------
    >>> from skhj.datasets import duathlon_mmse
    >>> limit = duathlon_mmse([[9.0]], means=[[4.0, 5.0]])  # one Gaussian
    >>> limit.mean.round(12)
    array([[4., 5.]])
    """
    posterior = duathlon_posterior(
        X, means=means, widths=widths, weights=weights, noise=noise
    )
    mixture = _mixture(means, widths, weights)
    d = mixture.means.shape[1]
    noise = check_noise(noise)
    error = gm.mean_squared_error(mixture, np.ones(d), noise**2) / d
    return DuathlonLimit(gm.mean(posterior), error)


def _mixture(
    means: ArrayLike, widths: ArrayLike, weights: ArrayLike | None
) -> gm.GaussianMixture:
    """Check a mixture of round Gaussians."""
    means = check_array(given_numbers(means, "means"), input_name="means")
    check_size(means, "means")
    n_components, d = means.shape
    widths = positive_widths(widths, n_components, owner="component")
    check_size(widths, "widths")
    if weights is None:
        weights = np.ones(n_components)
    weights = given_numbers(weights, "weights")
    if weights.shape != (n_components,):
        raise ValueError(
            f"weights must be of shape ({n_components},), one a component, got shape "
            f"{weights.shape}"
        )
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        raise ValueError(
            f"weights must be non-negative and finite, not all zero, got {weights}"
        )
    covariances = (widths**2)[:, None, None] * np.eye(d)
    return gm.GaussianMixture(weights / weights.sum(), means, covariances)
