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
    "Maximum",
    "Pieces",
    "block_maxima",
    "maximum",
    "pam_pieces",
    "pieces_at_time",
    "pqm_pieces",
    "value_upper_pieces",
]

# Pieces whose scores are compared at once: rows of a power of two would share the
# same sets of the cache. A block's scores, 4 MiB, stay in it.
PIECE_BLOCK, BLOCK_SCORES = 2000, 2**19
QUERY_BATCH = 2048  # queries between two passes over the pieces


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


class Maximum(NamedTuple):
    """Maximum over the pieces.

    Attributes
    ----------
    value : ndarray of shape (n_queries,)
        The maximum at each query.
    index : ndarray of shape (n_queries,)
        A piece that attains it.
    """

    value: np.ndarray
    index: np.ndarray


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
    >>> from skhj.max_plus.pieces import maximum, pqm_pieces
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


def _affine_forms(pieces, dtype):
    """Rows w with piece(y) = <w, lifted y>, lifted as in `_lift`."""
    beta = np.broadcast_to(pieces.beta, pieces.values.shape)[:, None]
    W = pieces.slopes + beta * pieces.points
    constant = (
        pieces.values - np.einsum("nd,nd->n", pieces.slopes + W, pieces.points) / 2
    )
    columns = [W, constant[:, None]]
    if np.ndim(pieces.beta):
        columns.append(-beta)
    return np.hstack(columns).astype(dtype, copy=False)


def _lift(Y, pieces, dtype):
    """(y, 1), and |y|^2 / 2 where curvatures differ: else it shifts all scores."""
    columns = [Y, np.ones((len(Y), 1))]
    if np.ndim(pieces.beta):
        columns.append(half_squared_norm(Y)[:, None])
    return np.hstack(columns).astype(dtype, copy=False)


def block_maxima(pieces, Y, *, time=0.0, block=PIECE_BLOCK, dtype=np.float64):
    """Best piece of each block of pieces, by blocked matrix products.

    Parameters
    ----------
    pieces : Pieces
        n pieces.
    Y : ndarray of shape (n_queries, d)
        Queries.
    time : float, default=0.0
        Compare the pieces' value functions at this time instead, `pieces_at_time`.
    block : int, default=2000
        Pieces in a block.
    dtype : dtype, default=float64
        Precision of the products; the winners of float32 are to be rescored.

    Returns
    -------
    ndarray of shape (n_queries, n_blocks)
        Indices of the winners.
    ndarray of shape (n_queries, n_blocks)
        Their scores, less a term of the query alone where ``beta`` is one number.
    """
    n = len(pieces.values)
    n_blocks = -(-n // block)
    index = np.empty((n_blocks, len(Y)), dtype=np.intp)
    scores = np.empty((n_blocks, len(Y)), dtype=dtype)
    lifted = _lift(Y, pieces, dtype)
    height = BLOCK_SCORES // block
    buffer = np.empty(BLOCK_SCORES, dtype=dtype)
    every = np.arange(height)
    for b in range(n_blocks):
        start = b * block
        part = pieces.take(slice(start, start + block))
        forms = _affine_forms(pieces_at_time(part, time) if time else part, dtype)
        for q in range(0, len(Y), height):
            rows = slice(q, q + height)
            size = len(lifted[rows])
            product = buffer[: size * len(forms)].reshape(size, len(forms))
            np.matmul(lifted[rows], forms.T, out=product)
            best = product.argmax(axis=1, out=index[b, rows])
            scores[b, rows] = product[every[:size], best]
        index[b] += start
    return index.T, scores.T


def maximum(pieces, Y, *, dtype=np.float64):
    """Maximum of the pieces at each query: as fast as one matrix product.

    Scores are blocked products with a running maximum, in a workspace that does not
    grow with the number of pieces; the winner is evaluated again in differences, so
    that pieces are exact where they touch.

    Parameters
    ----------
    pieces : Pieces
        n pieces.
    Y : ndarray of shape (n_queries, d)
        Queries.
    dtype : dtype, default=float64
        Precision of the products that choose the piece. With float32 the value is
        still that of a piece in float64, below the maximum by float32's rounding of
        the scores at most; centre the points first.

    Returns
    -------
    Maximum
        Values and the pieces that attain them.
    """
    value = np.empty(len(Y))
    index = np.empty(len(Y), dtype=np.intp)
    for start in range(0, len(Y), QUERY_BATCH):
        rows = slice(start, start + QUERY_BATCH)
        winners, scores = block_maxima(pieces, Y[rows], dtype=dtype)
        best = scores.argmax(axis=1)
        index[rows] = winners[np.arange(len(best)), best]
        value[rows] = pieces.take(index[rows]).at(Y[rows])
    return Maximum(value, index)
