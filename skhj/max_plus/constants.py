r"""The constants of a prior that samples of its value function allow.

With the ratios r of all pairs (`skhj.max_plus.pairs`) on the points (y, grad J, J) of
the prior, ``alpha = 1 + t min r`` is the largest constant for which ``t J + |.|^2 / 2``
may be alpha-strongly convex, and with which the PQM prior is exact at all samples;
``L = 1 + t max r`` is the least smoothness of psi*; the minima of each row are the
largest constant of each piece.
"""

from typing import NamedTuple

import numpy as np

from skhj.max_plus.pairs import PairPass
from skhj.max_plus.pieces import Pieces, pieces_at_time

__all__ = [
    "PriorConstants",
    "prior_constants",
    "sample_allowance",
    "unconstrained_constants",
]


class PriorConstants(NamedTuple):
    """Strong convexity and smoothness of psi* that samples allow.

    Attributes
    ----------
    alpha : ndarray of shape (n,)
        Largest strong convexity of each sample's piece; negative where some other
        sample contradicts it at any.
    smoothness : float
        Least smoothness.
    """

    alpha: np.ndarray
    smoothness: float


def sample_allowance(X, y, gradient, *, noise_std=0.0):
    """Error of a difference of values, from the noise and from the inputs' dtype.

    The largest of n Gaussian deviations is about ``noise_std * sqrt(2 log n)``.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points, as they were given.
    y : ndarray of shape (n,)
        Values, as they were given.
    gradient : ndarray of shape (n, d) or None
        Gradients, as they were given.
    noise_std : float, default=0.0
        Standard deviation of the noise of the values.

    Returns
    -------
    float
        The allowance.
    """
    arrays = [X, y] if gradient is None else [X, y, gradient]
    eps = max(np.finfo(array.dtype).eps for array in arrays if array.dtype.kind == "f")
    slope = 0.0 if gradient is None else np.abs(gradient).max()
    size = np.abs(y).max() + float(slope) * np.abs(X).max() * X.shape[1]
    return 4 * float(eps) * size + 2 * noise_std * np.sqrt(2 * np.log(len(X)))


def prior_constants(
    X, S, gradient, *, t, allowance=0.0, largest_alpha=1e6, largest_smoothness=1e150
):
    """Constants of psi* from samples of a value function.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,)
        Values S(x, t).
    gradient : ndarray of shape (n, d)
        Gradients of S.
    t : float
        Time, positive.
    allowance : float, default=0.0
        Largest error of a difference of two values.
    largest_alpha : float, default=1e6
        Points that all coincide put no limit on alpha; one keeps the arithmetic finite.
    largest_smoothness : float, default=1e150
        So do jumps: a larger smoothness is infinite.

    Returns
    -------
    PriorConstants
        Estimates on the optimistic side: the true alpha is at most theirs, the true
        smoothness at least theirs.
    """
    # Back along the characteristics, to the points and values of the prior.
    P, _, J, _ = pieces_at_time(Pieces(X, gradient, S, 0.0), -t)
    P -= P.mean(axis=0)
    ratios = PairPass().ratios(P, gradient, J, allowance=allowance)
    with np.errstate(over="ignore"):
        alpha = np.minimum(1 + t * ratios.row_minimum, largest_alpha)
        smoothness = 1 + t * ratios.maximum
        # No pair had anything to say where the maximum is below the minima.
        silent = smoothness < alpha.min() - 1e-6 * abs(alpha.min())
    if silent or smoothness > largest_smoothness or _meet(X, P):
        smoothness = np.inf
    return PriorConstants(alpha, smoothness)


def _meet(X, P, *, rounding=1e-9):
    """Whether different points have the same proximal point: psi* has a kink there."""
    spread = np.abs(P).max() + np.abs(X - X.mean(axis=0)).max()
    if not spread > 0:
        return False
    cells = np.round(P / (rounding * spread))
    _, first, group = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    apart = np.abs(X - X[first[group.ravel()]]).max(axis=1)
    return bool((apart > 1e3 * rounding * spread).any())


def unconstrained_constants(n):
    """Constants that hold for every prior: no strong convexity, no smoothness."""
    return PriorConstants(np.zeros(n), np.inf)
