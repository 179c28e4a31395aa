"""Whether samples can be a value function at all."""

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_scalar

from skhj.estimators.arrays import FLOATS, check_gradient
from skhj.estimators.metric_option import check_metric
from skhj.exceptions import warn
from skhj.max_plus.constants import sample_allowance
from skhj.max_plus.reachability import (
    Reachability,
    compare_with_envelope,
    measure_reachability,
)
from skhj.numerics.given_numbers import check_size
from skhj.problems.positive import positive_number

__all__ = ["check_reachable"]


def check_reachable(
    X: ArrayLike,
    y: ArrayLike,
    gradient: ArrayLike | None = None,
    *,
    t: float = 1.0,
    noise_std: float = 0.0,
    metric: ArrayLike | None = None,
) -> Reachability:
    r"""Test whether samples can be a value function of some prior at time ``t``.

    With gradients the test is exact for the samples: a prior generates them if and
    only if :math:`S_j \le S_i + \langle g_i, x_j - x_i \rangle + |x_j - x_i|^2 / (2t)`
    for all pairs. From values alone a failure is a proof, a pass says little, and
    above a few dimensions nothing: "no evidence against".

    Parameters
    ----------
    X : array-like of shape (n, d)
        Points, at least two.
    y : array-like of shape (n,)
        Values S(x, t).
    gradient : array-like of shape (n, d) or None, default=None
        Gradients of S by x.
    t : float, default=1.0
        Time, positive.
    noise_std : float, default=0.0
        Standard deviation of the noise of ``y``, allowed for.
    metric : array-like of shape (d,) or (d, d), or None, default=None
        Symmetric positive definite matrix M, or its diagonal, of the metric
        (x - y)' M^-1 (x - y) / (2t). None is the identity.

    Returns
    -------
    Reachability
        A named tuple: ``reachable``, ``worst_violation`` in the units of ``y``, its
        ``pair`` of indices (i, j) (i bounds j), ``largest_t`` for which the samples
        are reachable (nan from values alone), and ``verdict``.

    Raises
    ------
    ValueError
        If a number is out of range, the arrays do not match, or ``metric`` is none.
    TypeError
        If ``t`` or ``noise_std`` is not a number.

    Warns
    -----
    RuntimeWarning
        If the test of values alone was not solved to its tolerance.

    References
    ----------
    Esteve-Yague, Zuazua, "The inverse problem for Hamilton-Jacobi equations and
    semiconcave envelopes", SIAM J. Math. Anal. 52, 2020, Theorem 2.2.

    Examples
    --------
    >>> from skhj import check_reachable
    >>> X, S, gradient = [[-1.0], [1.0]], [0.5, 0.5], [[-1.0], [1.0]]  # of |x|, t = 1
    >>> result = check_reachable(X, S, gradient, t=1.0)
    >>> result.reachable, round(result.largest_t, 9)
    (True, 1.0)
    >>> check_reachable(X, S, gradient, t=2.0).verdict
    'not reachable'
    """
    t = positive_number(t, "t")
    check_scalar(noise_std, "noise_std", Real)
    if not 0 <= noise_std < np.inf:
        raise ValueError(
            f"noise_std must be a non-negative finite number, got {noise_std!r}"
        )
    X = check_array(X, dtype=FLOATS, ensure_min_samples=2, input_name="X")
    y = check_array(y, dtype=FLOATS, ensure_2d=False, input_name="y")
    if y.shape != (len(X),):
        raise ValueError(f"y must have the shape ({len(X)},), got {y.shape}")
    gradient = check_gradient(gradient, X, dtype=FLOATS)
    for array, name in ((X, "X"), (y, "y"), (gradient, "gradient")):
        check_size(array, name)
    change = check_metric(metric, X.shape[1])
    if change is not None:
        X = change.points_to(X)
        gradient = None if gradient is None else change.gradients_to(gradient)
    if float(np.abs(X).max()) ** 2 > 1e300 * t:
        raise ValueError(
            "X and t must be of sizes for which |x|^2 / t is a number, got t="
            f"{t:g}: choose other units"
        )
    allowance = sample_allowance(X, y, gradient, noise_std=noise_std)
    X, S = X.astype(np.float64), y.astype(np.float64)
    if gradient is not None:
        slopes = gradient.astype(np.float64)
        return measure_reachability(X, S, slopes, t=t, allowance=allowance)
    result, unsolved = compare_with_envelope(X, S, t=t, allowance=allowance)
    if unsolved:
        warn(unsolved, RuntimeWarning)
    return result
