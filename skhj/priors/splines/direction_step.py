r"""Directions of a sum of ridges, improved by Gauss-Newton steps."""

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from skhj.priors.splines.backfit import RidgeSum
from skhj.priors.splines.spline import Spline, SplineDesign

__all__ = ["gauss_newton_step"]

# Share of each diagonal entry that is added to it, beside the damping.
RIDGE = 1e-9
# Samples for a preconditioner, at least and for each of its numbers.
FEWEST_ROWS, ROWS_PER_NUMBER = 2000, 10


class _Block:
    """One direction and its profile: their part of the linearised function."""

    def __init__(self, samples, direction, spline, lower):
        self.direction = direction
        self.design = SplineDesign(spline.knots, samples.V @ direction)
        self.free = spline.coefficients > lower + 1e-9 * (1 + np.abs(lower))
        self.free[:2] = True
        self.slope = self.design.slopes(spline.coefficients)
        self.bend = spline.curvature[self.design.piece]


def gauss_newton_step(samples, ridges, *, lower, damping, tol=1e-2, max_iter=40):
    r"""Move directions and profiles by one damped Gauss-Newton step of both.

    The function is linearised in its directions and in the coefficients that are not
    at their bounds,
    :math:`\sum_j s_j'(z_j) \langle v, \delta a_j \rangle + \delta s_j(z_j)`, and the
    least squares solved by conjugate gradients, preconditioned by the block of each
    direction with its own profile.

    Parameters
    ----------
    samples : Samples
        What is fitted.
    ridges : RidgeSum
        Where to linearise.
    lower : ndarray of shape (m,)
        Smallest curvature allowed along each direction.
    damping : float
        Weight of the step of the directions, relative to its effect.
    tol : float, default=1e-2
        Residual of the conjugate gradients at their end, relative to the first.
    max_iter : int, default=40
        Largest number of their iterations.

    Returns
    -------
    RidgeSum
        Directions of unit norm, and profiles within their bounds.
    """
    blocks = [
        _Block(samples, *block)
        for block in zip(ridges.directions, ridges.splines, lower, strict=True)
    ]
    sizes = [samples.V.shape[1] + int(block.free.sum()) for block in blocks]
    cuts = np.cumsum(sizes)[:-1]
    factors = [
        _block_factor(samples, ridges, j, block.free, damping)
        for j, block in enumerate(blocks)
    ]

    def product(x):
        parts = np.split(x, cuts)
        image = _adjoint(samples, blocks, *_forward(samples, blocks, parts))
        return np.concatenate(
            [
                part + extra * own
                for part, own, (_, extra) in zip(image, parts, factors, strict=True)
            ]
        )

    def precondition(x):
        return np.concatenate(
            [
                cho_solve(factor, part, check_finite=False)
                for part, (factor, _) in zip(np.split(x, cuts), factors, strict=True)
            ]
        )

    target = np.concatenate(_adjoint(samples, blocks, *ridges.residual(samples)))
    step = np.split(
        _conjugate_gradients(product, target, precondition, tol, max_iter), cuts
    )
    return _moved(ridges, blocks, step, lower)


def _forward(samples, blocks, parts):
    """Change of values and gradients by a step of all blocks."""
    V, d = samples.V, samples.V.shape[1]
    turns = V @ np.stack([part[:d] for part in parts], axis=1)
    values = None if samples.values is None else np.zeros(len(V))
    gradients = None if samples.gradients is None else np.zeros(V.shape)
    for block, part, turn in zip(blocks, parts, turns.T, strict=True):
        coefficients = np.zeros(len(block.free))
        coefficients[block.free] = part[d:]
        if values is not None:
            values += block.slope * turn + block.design.values(coefficients)
        if gradients is not None:
            along = block.bend * turn + block.design.slopes(coefficients)
            gradients += along[:, None] * block.direction
            gradients += block.slope[:, None] * part[:d]
    return values, gradients


def _adjoint(samples, blocks, values, gradients):
    """Transpose of ``_forward``, with the weights of the loss."""
    V, n = samples.V, len(samples.V)
    by_direction, along = [], None
    if values is not None:
        values = (samples.value_weight / n) * values
    if gradients is not None:
        gradients = (samples.gradient_weight / n) * gradients
    turns = np.zeros((n, len(blocks)))
    for j, block in enumerate(blocks):
        if values is not None:
            turns[:, j] += block.slope * values
        if gradients is not None:
            along = gradients @ block.direction
            turns[:, j] += block.bend * along
        by_direction.append(block.design.adjoint(values, along)[block.free])
    turned = V.T @ turns
    if gradients is not None:
        turned += gradients.T @ np.stack([block.slope for block in blocks], axis=1)
    return [np.concatenate(pair) for pair in zip(turned.T, by_direction, strict=True)]


def _block_factor(samples, ridges, j, free, damping):
    """Cholesky factor of one block's matrix, and what is added to its diagonal.

    It preconditions only, so that some of the samples are enough for it.
    """
    direction, spline = ridges.directions[j], ridges.splines[j]
    d, n_free = len(direction), int(free.sum())
    n_rows = max(FEWEST_ROWS, ROWS_PER_NUMBER * (d + n_free))
    V = samples.V[:: max(1, len(samples.V) // n_rows)]
    design = SplineDesign(spline.knots, V @ direction)
    slope = design.slopes(spline.coefficients)
    of_value, of_gradient = (weight / len(V) for weight in samples.weights())
    matrix = np.zeros((d + n_free, d + n_free))
    matrix[d:, d:] = design.gram(*samples.weights())[np.ix_(free, free)]
    if of_value:
        turned = V * slope[:, None]
        matrix[:d, :d] += of_value * (turned.T @ turned)
        matrix[d:, :d] += of_value * _moments(design, turned, of_slope=False)[free]
    if of_gradient:
        # The gradient's other part is s' times the change of the direction.
        turned = V * spline.curvature[design.piece, None]
        matrix[:d, :d] += of_gradient * (turned.T @ turned + slope @ slope * np.eye(d))
        matrix[d:, :d] += of_gradient * _moments(design, turned, of_slope=True)[free]
    matrix[:d, d:] = matrix[d:, :d].T
    diagonal = matrix.diagonal().copy()
    extra = RIDGE * np.where(diagonal > 0, diagonal, 1.0)
    extra[:d] += damping * diagonal[:d].mean()
    matrix[np.diag_indices_from(matrix)] += extra
    return cho_factor(matrix, check_finite=False), extra


def _moments(design, columns, *, of_slope):
    """Adjoint of the design for many columns at once, shape (K + 3, columns)."""
    n = len(columns)
    indicator = sparse.csc_array(
        (np.ones(n), design.piece, np.arange(n + 1)), shape=(len(design.knots) + 1, n)
    )
    first = indicator @ columns
    columns = columns * design.offset[:, None]
    second = indicator @ columns
    if of_slope:
        return design.slope.T @ first + design.curvature.T @ second
    third = indicator @ (columns * design.offset[:, None])
    return (
        design.value.T @ first
        + design.slope.T @ second
        + design.curvature.T @ third / 2
    )


def _conjugate_gradients(product, target, precondition, tol, max_iter):
    """Approximate solution of a positive definite system."""
    x, residual = np.zeros_like(target), target
    z = precondition(residual)
    direction, rho = z, residual @ z
    goal = tol**2 * rho
    for _ in range(max_iter):
        if rho <= goal:
            break
        image = product(direction)
        step = rho / (direction @ image)
        x = x + step * direction
        residual = residual - step * image
        z = precondition(residual)
        rho, before = residual @ z, rho
        direction = z + rho / before * direction
    return x


def _moved(ridges, blocks, step, lower):
    """The sum after a step, its directions of unit norm again."""
    d = ridges.directions.shape[1]
    directions, splines = [], []
    for j, (block, part) in enumerate(zip(blocks, step, strict=True)):
        direction = ridges.directions[j] + part[:d]
        length = np.linalg.norm(direction)
        coefficients = ridges.splines[j].coefficients.copy()
        coefficients[block.free] += part[d:]
        coefficients[2:] = np.maximum(coefficients[2:], lower[j])
        # s(<a, v>) = s(|a| <a / |a|, v>): knots shrink as slopes grow.
        knots = ridges.splines[j].knots / length
        coefficients *= np.r_[1.0, length, np.full(len(knots) + 1, length**2)]
        coefficients[2:] = np.maximum(coefficients[2:], lower[j])
        directions.append(direction / length)
        splines.append(Spline(knots, coefficients))
    return RidgeSum(np.array(directions), tuple(splines))
