"""Level of the noise in measurements, where it is white."""

import numpy as np
from scipy.stats import norm

__all__ = ["white_noise_level"]

# Size of noise, relative to the data, that is rounding.
ROUNDING = 1e-12
# Probability with which one of white noise's moments is taken for more than chance.
CHANCE = 1e-3


def white_noise_level(B, X, A):
    """Standard deviation of b - A x, where nothing speaks against white noise.

    Parameters
    ----------
    B : ndarray of shape (n, M)
        Data.
    X : ndarray of shape (n, N)
        Models.
    A : ndarray of shape (M, N)
        The operator.

    Returns
    -------
    float or None
        The level; None where the remainders are zero, differ in size between the
        measurements, or correlate with each other, with the data's noiseless part or,
        in size, with its size, by more than chance allows.
    """
    clean = (X - X.mean(axis=0)) @ A.T
    noise = B - B.mean(axis=0) - clean
    level = noise.std()
    if not level > ROUNDING * B.std():
        return None
    noise = noise / level
    # The square of a normal number has the standard deviation sqrt(2).
    sizes = (noise**2 - 1) / np.sqrt(2)
    correlations = noise.T @ noise / len(B)
    np.fill_diagonal(correlations, sizes.mean(axis=0))
    moments = [
        correlations,
        noise.T @ _standardised(clean) / len(B),
        sizes.T @ _standardised(clean**2) / len(B),
    ]
    n_moments = sum(moment.size for moment in moments)
    allowed = norm.isf(CHANCE / 2 / n_moments) / np.sqrt(len(B))
    # No correlation is larger than one: so few samples cannot tell.
    if allowed >= 1 or any(np.abs(moment).max() > allowed for moment in moments):
        return None
    return float(level)


def _standardised(columns):
    """Columns less their means, over their standard deviations where they have any."""
    scale = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(scale > 0, scale, 1)
