r"""Bases in which a function may be a sum of functions of one coordinate.

If :math:`\psi(v) = \sum_j s_j(\langle a_j, v\rangle)`, all its Hessians are
:math:`\sum_j s_j'' \, a_j a_j^T`, and their mean M likewise: in the coordinates
:math:`M^{1/2} v` the directions are orthogonal, whatever they were, and common
eigenvectors of all Hessians. Those of quadratics fitted to neighbours are close
enough to find them by. In high dimension, where such fits ask for too many samples, the
directions are sought as eigenvectors of the tensors of mean third and fourth
derivatives: by Stein's identity, moments of what a quadratic leaves of the values,
exactly so for Gaussian points.
"""

from typing import NamedTuple

import numpy as np

from skhj.numerics.joint_diagonalisation import joint_diagonalisation

__all__ = ["base_curvature", "basis_candidates"]

# Points whose squared distance is this multiple of the median are left out.
FAR = 4.0
# Least curvature in the metric, as a share of the largest.
FLATTEST = 1e-2
# Variances this much smaller than the largest are zero.
CONSTANT = 1e-10
QUADRATIC_TOL, QUADRATIC_ITERATIONS = 1e-3, 50
POWER_TOL, POWER_ITERATIONS = 1e-3, 30
# Neighbours of a local fit for each of its coefficients, the least that make sense, and
# the number of coefficients beyond which fits cost too much.
NEIGHBOURS, FEWEST_NEIGHBOURS, LARGEST_FIT = 6, 1.5, 600
# Number of local fits at least and at most, and the products they may cost in all.
FEWEST_FITS, MOST_FITS, FIT_COST = 50, 400, 2e10


def base_curvature(directions):
    """Split the identity among directions, as far as they can carry it.

    Parameters
    ----------
    directions : ndarray of shape (m, d)
        Vectors a_j of unit norm.

    Returns
    -------
    curvature : ndarray of shape (m,)
        Numbers k_j that bring sum_j k_j a_j a_j^T closest to the identity.
    matrix : ndarray of shape (d, d)
        The sum minus the identity; exactly zero for the axes.
    """
    d = directions.shape[1]
    if np.array_equal(directions, np.eye(d)):
        return np.ones(d), np.zeros((d, d))
    products = (directions @ directions.T) ** 2
    curvature = np.linalg.lstsq(products, np.ones(len(directions)))[0]
    return curvature, (directions.T * curvature) @ directions - np.eye(d)


class _Remainder(NamedTuple):
    """What the best quadratic leaves, in the metric of its Hessian.

    Attributes
    ----------
    scores : ndarray of shape (n, d)
        M^{-1/2} Sigma^{-1} v, with the points' covariance Sigma.
    values : ndarray of shape (n,) or None
        Remainders of the values; None where those of the gradients are used.
    gradients : ndarray of shape (n, d) or None
        Remainders of the gradients, times M^{-1/2}.
    """

    scores: np.ndarray
    values: np.ndarray | None
    gradients: np.ndarray | None


def basis_candidates(samples, rng, hessians=None):
    """Bases in which the samples' function may be additive.

    Parameters
    ----------
    samples : Samples
        Values or gradients of a convex function at centred points.
    rng : numpy.random.RandomState
        Source of the first guesses.
    hessians : ndarray of shape (k, d, d) or None, default=None
        Hessians of a rough fit at some points, where there is one.

    Returns
    -------
    dict of str to ndarray of shape (d, d)
        Directions of unit norm in rows, by the name of what they were found from.
    """
    samples = samples.take(_not_far(samples.V))
    sources = {"rough fit": hessians, "local fits": _local_hessians(samples, rng)}
    candidates = {
        name: _common_directions(H) for name, H in sources.items() if H is not None
    }
    return candidates | _moment_directions(samples, rng)


def _common_directions(hessians):
    """Directions in which all Hessians are diagonal, or nearly."""
    root, inverse_root = _roots(*np.linalg.eigh(hessians.mean(axis=0)))
    common = joint_diagonalisation(inverse_root @ hessians @ inverse_root)
    return _unit_rows(common @ root)


def _moment_directions(samples, rng):
    """Directions found from the mean Hessian and the moments of the remainder."""
    if samples.gradients is not None:
        M, remainder = _linear_gradients(samples)
    else:
        M, remainder = _quadratic(samples)
    eigenvalues, vectors = np.linalg.eigh(M)
    root, inverse_root = _roots(eigenvalues, vectors)
    remainder = _Remainder(
        samples.V @ (_inverse_covariance(samples.V) @ inverse_root),
        None if samples.gradients is not None else remainder,
        remainder @ inverse_root if samples.gradients is not None else None,
    )
    return {"mean Hessian": vectors.T} | {
        name: _unit_rows(_eigenvectors(remainder, order, rng) @ root)
        for name, order in (("third moments", 3), ("fourth moments", 4))
    }


def _local_hessians(samples, rng):
    """Hessians of quadratics fitted to neighbours; None if they are too few or large.

    Where there are gradients, affine functions are fitted to those.
    """
    V, (n, d) = samples.V, samples.V.shape
    rows, cols = np.triu_indices(d)
    n_coefficients = 1 + d + (len(rows) if samples.gradients is None else 0)
    n_neighbours = min(n, NEIGHBOURS * n_coefficients)
    if (
        n_coefficients > LARGEST_FIT
        or n_neighbours < FEWEST_NEIGHBOURS * n_coefficients
    ):
        return None
    spread = V.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    U, hessians = V / spread, []
    n_fits = FIT_COST / (n_neighbours * n_coefficients**2)
    n_fits = int(np.clip(n_fits, FEWEST_FITS, MOST_FITS))
    for centre in rng.permutation(n)[:n_fits]:
        away = U - U[centre]
        squared = (away * away).sum(axis=1)
        near = np.argpartition(squared, n_neighbours - 1)[:n_neighbours]
        affine = np.column_stack([np.ones(n_neighbours), away[near]])
        if samples.gradients is not None:
            H = _least_squares(affine, samples.gradients[near] * spread)[1:]
        else:
            products = away[near][:, rows] * away[near][:, cols]
            H = np.zeros((d, d))
            H[rows, cols] = _least_squares(
                np.hstack([affine, products]), samples.values[near]
            )[1 + d :]
        hessians.append((H + H.T) / np.outer(spread, spread))
    return np.array(hessians)


def _least_squares(design, targets):
    """Coefficients by normal equations: a rough answer is enough."""
    gram = design.T @ design
    gram[np.diag_indices_from(gram)] += 1e-9 * gram.diagonal().max()
    return np.linalg.solve(gram, design.T @ targets)


def _unit_rows(A):
    return A / np.linalg.norm(A, axis=1, keepdims=True)


def _not_far(V):
    """Rows without outliers, which would rule all moments."""
    squared = (V * V).sum(axis=1)
    return squared <= FAR * np.median(squared)


def _roots(eigenvalues, vectors):
    """Square root of a matrix, made positive definite, and its inverse."""
    flattest = FLATTEST * (abs(eigenvalues).max() or 1.0)
    scale = np.sqrt(np.maximum(eigenvalues, flattest))
    return (vectors * scale) @ vectors.T, (vectors / scale) @ vectors.T


def _inverse_covariance(V):
    variances, vectors = np.linalg.eigh(V.T @ V / len(V))
    inverse = np.zeros_like(variances)
    varied = variances > CONSTANT * variances[-1]
    inverse[varied] = 1 / variances[varied]
    return (vectors * inverse) @ vectors.T


def _linear_gradients(samples):
    """Hessian of the best quadratic and what it leaves of the gradients."""
    V, G = samples.V, samples.gradients - samples.gradients.mean(axis=0)
    slope = _inverse_covariance(V) @ (V.T @ G) / len(V)
    return (slope + slope.T) / 2, G - V @ slope


def _quadratic(samples):
    """Hessian of the best quadratic and what it leaves of the values.

    Conjugate gradients on the coefficients: the matrix of all products of features
    is never formed.
    """
    spread = samples.V.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    U, n = samples.V / spread, len(samples.V)
    mean_square = (U * U).mean(axis=0)

    def values(coefficients):
        constant, slope, H = coefficients
        quadratic = ((U @ H) * U).sum(axis=1) - H.diagonal() @ mean_square
        return constant + U @ slope + quadratic / 2

    def adjoint(r):
        products = (U.T * r) @ U - np.diag(mean_square) * r.sum()
        return r.mean(), U.T @ r / n, products / (2 * n)

    def inner(a, b):
        return sum(np.vdot(x, y) for x, y in zip(a, b, strict=True))

    # Of independent features, the matrix is diagonal: invert that.
    kurtosis = ((U * U - mean_square) ** 2).mean(axis=0)
    scale = np.full((len(spread), len(spread)), 2.0)
    np.fill_diagonal(scale, 4 / np.maximum(kurtosis, 1e-3))

    d = len(spread)
    solution = (0.0, np.zeros(d), np.zeros((d, d)))
    residual = adjoint(samples.values)
    direction = z = (residual[0], residual[1], scale * residual[2])
    rho = inner(residual, z)
    goal = QUADRATIC_TOL**2 * rho
    for _ in range(QUADRATIC_ITERATIONS):
        if rho <= goal:
            break
        image = adjoint(values(direction))
        step = rho / inner(direction, image)
        solution = tuple(x + step * p for x, p in zip(solution, direction, strict=True))
        residual = tuple(x - step * p for x, p in zip(residual, image, strict=True))
        z = (residual[0], residual[1], scale * residual[2])
        rho, before = inner(residual, z), rho
        direction = tuple(
            x + rho / before * p for x, p in zip(z, direction, strict=True)
        )
    return solution[2] / np.outer(spread, spread), samples.values - values(solution)


def _eigenvectors(remainder, order, rng):
    """Orthogonal eigenvectors of the tensor of mean derivatives, all at once.

    The power iteration on a whole orthogonal matrix: each row is multiplied into all
    but one of the tensor's places, and the result made orthogonal again.
    """
    Y = remainder.scores
    d = Y.shape[1]
    Q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    for _ in range(POWER_ITERATIONS):
        Z = Y @ Q.T
        # Products: numpy's powers beyond the second are slow.
        weights = Z if order == 4 else np.ones_like(Z)
        if remainder.gradients is None:
            weights = weights * Z * remainder.values[:, None]
        else:
            weights = weights * (remainder.gradients @ Q.T)
        weights = weights * Z
        W = weights.T @ Y
        W *= np.where((W * Q).sum(axis=1) < 0, -1.0, 1.0)[:, None]
        left, _, right = np.linalg.svd(W)
        Q, before = left @ right, Q
        if (Q * before).sum(axis=1).min() > 1 - POWER_TOL:
            break
    return Q
