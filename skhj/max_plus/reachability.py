r"""Whether samples can be a value function, and the nearest that are.

Samples (x, S, grad S) are reachable at time t, those of some prior, if and only if psi
has a convex extension through them with its gradients, that is if

.. math:: S_j \le S_i + \langle g_i, x_j - x_i \rangle + \frac{|x_j - x_i|^2}{2t}

for all pairs. The largest such t is one over the largest ratio of `skhj.max_plus.pairs`
on (x, grad S, S).

References
----------
Esteve-Yague, Zuazua, "The inverse problem for Hamilton-Jacobi equations and
semiconcave envelopes", SIAM J. Math. Anal. 52, 2020.
"""

from typing import NamedTuple

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm
from skhj.max_plus.maximum import maximum
from skhj.max_plus.pairs import PairPass
from skhj.max_plus.pieces import Pieces, pam_pieces
from skhj.max_plus.value import ValueSolver

__all__ = [
    "Reachability",
    "compare_with_envelope",
    "measure_reachability",
    "project_reachable",
]


class Reachability(NamedTuple):
    """Whether samples can be a value function at the given time.

    Attributes
    ----------
    reachable : bool
        Whether no pair (with gradients) or no sample (without) contradicts it by more
        than round-off and the noise allowed for.
    worst_violation : float
        The largest excess of a value over what semiconcavity allows, in the units of
        the values; not positive where there is none.
    pair : tuple of int
        Indices (i, j): sample i bounds the value of sample j, which exceeds it most.
    largest_t : float
        The largest time at which the samples are reachable, ``inf`` if at every time;
        ``nan`` from values alone.
    verdict : str
        "reachable", "not reachable", or, from values alone, "no evidence against".
    """

    reachable: bool
    worst_violation: float
    pair: tuple[int, int]
    largest_t: float
    verdict: str


def measure_reachability(X, S, gradient, *, t, allowance=0.0):
    """Test whether samples with gradients can be a value function at time ``t``.

    The test is exact: the samples are reachable if and only if
    S_j <= S_i + <g_i, x_j - x_i> + |x_j - x_i|^2 / (2 t) for all pairs.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,)
        Values.
    gradient : ndarray of shape (n, d)
        Gradients of S.
    t : float
        Time, positive.
    allowance : float, default=0.0
        Largest error of a difference of two values.

    Returns
    -------
    Reachability
        The verdict and its certificate.
    """
    X = X - X.mean(axis=0)
    S = S - S.mean()
    pairs = PairPass()
    with pairs.threads(X):
        worst, pair = _worst_excess(pairs.blocks(X, gradient, S), t)
    largest = pairs.ratios(X, gradient, S, allowance=allowance).maximum
    reachable = bool(worst <= allowance + pairs.round_off(X, gradient, S))
    return Reachability(
        reachable,
        worst,
        pair,
        1 / largest if largest > 0 else np.inf,
        "reachable" if reachable else "not reachable",
    )


def _worst_excess(blocks, t):
    """Largest excess of a value over its bounds by the others, and the pair."""
    worst, pair = -np.inf, (0, 0)
    for rows, columns, excess, squares in blocks:
        squares *= 1 / (2 * t)
        excess -= squares
        # A sample against itself says nothing; others may coincide with it.
        own = np.arange(
            max(rows.start, columns.start), min(rows.stop, columns.stop), dtype=int
        )
        excess[own - rows.start, own - columns.start] = -np.inf
        i, j = np.unravel_index(excess.argmax(), excess.shape)
        if excess[i, j] > worst:
            worst = float(excess[i, j])
            pair = int(i + rows.start), int(j + columns.start)
    return worst, pair


def compare_with_envelope(X, S, *, t, allowance=0.0, gap=1e-9):
    """Test whether values alone can be a value function at time ``t``.

    They are compared with the value function of the PAM prior made from them, the
    convex envelope of psi: above a few dimensions every sample is on its boundary, and
    nothing is learnt.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,)
        Values.
    t : float
        Time, positive.
    allowance : float, default=0.0
        Largest error of a difference of two values.
    gap : float, default=1e-9
        Excess that the envelope's own error explains, relative to the spread of the
        values and the points: ten times the solver's tolerance.

    Returns
    -------
    Reachability
        The verdict; without a ``largest_t``.
    str
        What to tell of queries that the solver left unsolved; empty where there are
        none.
    """
    X = X - X.mean(axis=0)
    S = S - S.mean()
    pieces = pam_pieces(X, S, t=t)
    solver = ValueSolver()
    envelope = solver.solve(pieces, X, t)
    excess = envelope.value - S
    j = int(excess.argmax())
    i = int(maximum(pieces, envelope.prox[j : j + 1]).index[0])
    # What the solver's least strong convexity adds.
    bias = 2 * solver.least_alpha * half_squared_norm(X - envelope.prox).max() / t
    gap = gap * (np.ptp(S) + half_squared_norm(X).max() / t)
    reachable = bool(excess[j] <= allowance + bias + gap)
    verdict = Reachability(
        reachable,
        float(excess[j]),
        (i, j),
        np.nan,
        "no evidence against" if reachable else "not reachable",
    )
    return verdict, solver.unsolved(envelope, pieces, t)


def project_reachable(X, S, gradient, *, t):
    """Reachable samples near the given ones: the upper envelope of their tangents.

    The potential psi is replaced at each point by the largest of the tangent planes of
    all the samples, a convex function, and its slope by that of the winning plane.
    Reachable samples are left as they are. Values can only decrease: with noise, by
    about its largest deviation among neighbours.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,)
        Values.
    gradient : ndarray of shape (n, d)
        Gradients of S.
    t : float
        Time, positive.

    Returns
    -------
    ndarray of shape (n,)
        Values.
    ndarray of shape (n, d)
        Gradients.
    """
    # Minus the least of the bounds S_i + <g_i, x - x_i> + |x - x_i|^2 / (2 t).
    tangents = Pieces(X, -gradient, -S, 1 / t)
    lowest = maximum(tangents, X)
    index = np.where(-lowest.value < S, lowest.index, np.arange(len(X)))
    value = np.minimum(-lowest.value, S)
    return value, gradient[index] + (X - X[index]) / t
