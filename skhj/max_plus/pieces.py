r"""Maxima of quadratics: the priors PAM and PQM and their bounds, in tangent form.

A sample of a value function, the point x with S(x, t) and its gradient g, gives a
point of the prior and its slope there,

.. math:: y_k = x_k - t g_k, \qquad J_k = S_k - \tfrac{t}{2} |g_k|^2, \qquad g_k,

and, where :math:`J + |\cdot|^2 / (2t)` is :math:`(\alpha/t)`-strongly convex, a
quadratic below the prior that touches it there. The prior of all of them is

.. math::

    J_{PQM}(y) = \max_k J_k + \langle g_k, y - y_k \rangle
    - \frac{\beta}{2} |y - y_k|^2, \qquad \beta = \frac{1 - \alpha}{t},

below the backward viscosity prior and equal to it at every :math:`y_k`. With
:math:`\alpha = 0` it is PAM, :math:`\max_k S_k - |x_k - y|^2 / (2t)`, which needs no
gradient. Curvatures may differ from piece to piece.

In psi* these are the piecewise affine and piecewise quadratic minorants of the
max-plus methods of Gaubert, McEneaney, Qu, "Curse of dimensionality reduction in
max-plus based approximation methods", CDC 2011.

Differences of large numbers are taken before products, never after, so centre the
points first where they are far from the origin.
"""

from typing import NamedTuple

import numpy as np

from skhj.hamilton_jacobi import half_squared_norm, prior_at_prox, prox_from_gradient

__all__ = [
    "Pieces",
    "half_squared_norms",
    "pam_pieces",
    "pieces_at_time",
    "pqm_pieces",
    "value_upper_pieces",
    "within_range",
]


class Pieces(NamedTuple):
    r"""Quadratics :math:`v_k + <g_k, y - y_k> - (\beta_k / 2) |y - y_k|^2`.

    Attributes
    ----------
    points : ndarray of shape (n, d)
        The points y_k where each piece touches.
    slopes : ndarray of shape (n, d)
        Gradients g_k there.
    values : ndarray of shape (n,)
        Values v_k there.
    beta : float or ndarray of shape (n,)
        Downward curvatures, one for all or one a piece; negative where pieces
        curve upwards.
    """

    points: np.ndarray
    slopes: np.ndarray
    values: np.ndarray
    beta: float | np.ndarray

    def take(self, index):
        """Pieces of the given indices, of any shape."""
        beta = self.beta if np.ndim(self.beta) == 0 else self.beta[index]
        return Pieces(self.points[index], self.slopes[index], self.values[index], beta)

    def at(self, Y):
        """Value of each piece at the row of ``Y`` it broadcasts with."""
        E = Y - self.points
        chord = self.slopes - np.asarray(self.beta)[..., None] / 2 * E
        return self.values + np.einsum("...d,...d", chord, E)

    def gradient_at(self, Y):
        """Gradient of each piece at the row of ``Y`` it broadcasts with."""
        return self.slopes - np.asarray(self.beta)[..., None] * (Y - self.points)


def pqm_pieces(X, S, gradient, *, t, alpha):
    """Pieces of the PQM prior from samples of a value function.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,)
        Values S(x, t).
    gradient : ndarray of shape (n, d)
        Gradients of S by x.
    t : float
        Time, positive.
    alpha : float or ndarray of shape (n,)
        Strong convexity of ``t J + |.|^2 / 2``; one value, or one a piece.

    Returns
    -------
    Pieces
        Minorants of the prior.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.max_plus.maximum import maximum
    >>> from skhj.max_plus.pieces import pqm_pieces
    >>> X = np.array([[2.0], [-2.0]])  # of J = |x|, at t = 1
    >>> pieces = pqm_pieces(X, np.array([1.5, 1.5]), np.sign(X), t=1.0, alpha=1.0)
    >>> maximum(pieces, np.array([[3.0], [-0.5]])).value
    array([3. , 0.5])
    """
    P = prox_from_gradient(X, gradient, t)
    return Pieces(P, gradient, prior_at_prox(X, P, S, t), (1 - alpha) / t)


def pam_pieces(X, S, *, t):
    """Pieces of the PAM prior, S_k - |x_k - y|^2 / (2 t): no gradient is needed.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,)
        Values S(x, t).
    t : float
        Time, positive.

    Returns
    -------
    Pieces
        Minorants of any prior that generates the values.
    """
    return Pieces(X, np.zeros_like(X), S, 1 / t)


def pieces_at_time(pieces, time):
    """Value functions at ``time`` of the priors ``pieces``, one by one.

    The characteristic through y_k reaches x_k = y_k + time g_k with the value
    v_k + time |g_k|^2 / 2; there the curvature beta has become beta / (1 - time beta).

    Parameters
    ----------
    pieces : Pieces
        Pieces of a prior.
    time : float
        Time with ``time * beta < 1``.

    Returns
    -------
    Pieces
        Each is below the value function of the maximum of all the pieces.
    """
    return Pieces(
        pieces.points + time * pieces.slopes,
        pieces.slopes,
        pieces.values + time * half_squared_norm(pieces.slopes),
        pieces.beta / (1 - time * pieces.beta),
    )


def value_upper_pieces(pieces, time, *, t, smoothness):
    """Pieces whose maximum is minus an upper bound of S(., time).

    With psi* ``smoothness``-smooth at time ``t``, J is below
    J_k + <g_k, e> + (smoothness - 1) |e|^2 / (2 t), e = y - y_k, so S(., time) is below
    the value function of each of these. At ``time = 0`` they bound the prior itself.

    Parameters
    ----------
    pieces : Pieces
        Pieces of a prior.
    time : float
        Time, not negative.
    t : float
        The time at which the smoothness is meant.
    smoothness : float
        Smoothness L of psi*; ``inf`` where there is none and ``time > 0``.

    Returns
    -------
    Pieces
        Negated majorants.
    """
    curvature = (smoothness - 1) / t
    upper = pieces_at_time(pieces._replace(beta=0.0), time)
    # curvature / (1 + time curvature), written so that an infinite one is allowed.
    flattened = 1 / (time + 1 / curvature) if curvature != 0 else 0.0
    return Pieces(upper.points, -upper.slopes, -upper.values, flattened)


def half_squared_norms(A):
    """As `skhj.hamilton_jacobi.half_squared_norm`, without a copy of a large array."""
    return np.einsum("nd,nd->n", A, A) / 2


def within_range(Y, largest=1e100):
    """Points taken back along their rays to where their squares do not overflow.

    Parameters
    ----------
    Y : ndarray of shape (n, d)
        Points.
    largest : float, default=1e100
        Largest entry of those that stay: squares, and products of a square with a
        curvature of up to 1e100, are finite.

    Returns
    -------
    ndarray of shape (n, d)
        Points.
    """
    size = np.abs(Y).max(axis=1, keepdims=True)
    return np.where(size > largest, Y * (largest / np.maximum(size, largest)), Y)
