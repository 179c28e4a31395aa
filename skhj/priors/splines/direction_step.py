r"""Directions of a sum of splines, moved by one Gauss-Newton step."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

from skhj.numerics.conjugate_gradients import conjugate_gradients
from skhj.priors.splines.ridge_sum import RidgeSum
from skhj.priors.splines.spline import Spline, SplineDesign

__all__ = ["DirectionStep"]


@dataclass(frozen=True)
class DirectionStep:
    r"""One damped Gauss-Newton step of directions and profiles together.

    The function is linearised in its directions and in the coefficients that are not
    at their bounds,
    :math:`\sum_j s_j'(z_j) \langle v, \delta a_j \rangle + \delta s_j(z_j)`, and the
    least squares solved by conjugate gradients, preconditioned by the block of each
    direction with its own profile.

    Parameters
    ----------
    tol : float, default=1e-2
        Residual of the conjugate gradients at their end, relative to the first, in the
        norm of the preconditioner. The step is inexact anyway, as knots are crossed.
    max_iter : int, default=40
        Largest number of their iterations.
    at_bound : float, default=1e-9
        Coefficients this close to their bounds, relative to one plus that, are held
        there.
    conditioning : float, default=1e-9
        Share of each diagonal entry that is added to it, beside the damping, for
        directions and coefficients of which the samples say nothing.
    fewest_rows, rows_per_number : int, default=2000, 10
        Samples from which a preconditioner's block is made, at least and for each of
        its numbers: it need only be near.
    """

    tol: float = 1e-2
    max_iter: int = 40
    at_bound: float = 1e-9
    conditioning: float = 1e-9
    fewest_rows: int = 2000
    rows_per_number: int = 10

    def move(self, samples, ridges, *, lower, damping):
        r"""Take the step.

        Parameters
        ----------
        samples : ScaledSamples
            What is fitted.
        ridges : RidgeSum
            Where to linearise.
        lower : ndarray of shape (m,)
            Smallest curvature allowed along each direction.
        damping : float
            Weight of the step of the directions, relative to its effect.

        Returns
        -------
        RidgeSum
            Directions of unit norm, and profiles within their bounds.
        """
        linear = _Linearisation(samples, ridges, self._free(ridges, lower))
        factors, extra = zip(
            *(
                self._block_factor(samples, ridges, j, block.free, damping)
                for j, block in enumerate(linear.blocks)
            ),
            strict=True,
        )
        extra = np.concatenate(extra)

        def product(x):
            image = linear.adjoint(*linear.values_and_gradients(x))
            return image + extra * x

        def precondition(x):
            parts = zip(factors, linear.split(x), strict=True)
            return np.concatenate(
                [cho_solve(factor, part, check_finite=False) for factor, part in parts]
            )

        step = conjugate_gradients(
            product,
            linear.adjoint(*ridges.residual(samples)),
            precondition,
            tol=self.tol,
            max_iter=self.max_iter,
        )
        return _moved(ridges, linear, linear.split(step), lower)

    def _free(self, ridges, lower):
        """Coefficients above their bounds, for each direction."""
        for spline, bound in zip(ridges.splines, lower, strict=True):
            margin = self.at_bound * (1 + np.abs(bound))
            free = spline.coefficients > bound + margin
            free[:2] = True
            yield free

    def _block_factor(self, samples, ridges, j, free, damping):
        """Cholesky factor of one block's matrix, and what is added to its diagonal."""
        direction, spline = ridges.directions[j], ridges.splines[j]
        d, size = len(direction), len(direction) + int(free.sum())
        n_rows = max(self.fewest_rows, self.rows_per_number * size)
        few = samples.take(slice(None, None, max(1, len(samples.V) // n_rows)))
        matrix = _block_matrix(few, direction, spline, free)
        diagonal = matrix.diagonal().copy()
        extra = self.conditioning * np.where(diagonal > 0, diagonal, 1.0)
        extra[:d] += damping * diagonal[:d].mean()
        matrix[np.diag_indices_from(matrix)] += extra
        return cho_factor(matrix, check_finite=False), extra


class _Block:
    """One direction and its profile: their part of the linearised function."""

    def __init__(self, samples, direction, spline, free):
        self.direction = direction
        self.design = SplineDesign(spline.knots, samples.V @ direction)
        self.free = free
        self.slope = self.design.slopes(spline.coefficients)
        self.bend = spline.curvature[self.design.piece]


class _Linearisation:
    """The function's change with its directions and its free coefficients."""

    def __init__(self, samples, ridges, free):
        self.samples = samples
        self.blocks = [
            _Block(samples, *block)
            for block in zip(ridges.directions, ridges.splines, free, strict=True)
        ]
        d = samples.V.shape[1]
        self.cuts = np.cumsum([d + int(block.free.sum()) for block in self.blocks])[:-1]

    def split(self, x):
        """The part of each direction: its step, and those of its free coefficients."""
        return np.split(x, self.cuts)

    def values_and_gradients(self, x):
        """Change of values and gradients by a step of all blocks."""
        V, d = self.samples.V, self.samples.V.shape[1]
        parts = self.split(x)
        turns = V @ np.stack([part[:d] for part in parts], axis=1)
        values = None if self.samples.values is None else np.zeros(len(V))
        gradients = None if self.samples.gradients is None else np.zeros(V.shape)
        for block, part, turn in zip(self.blocks, parts, turns.T, strict=True):
            coefficients = np.zeros(len(block.free))
            coefficients[block.free] = part[d:]
            if values is not None:
                values += block.slope * turn + block.design.values(coefficients)
            if gradients is not None:
                along = block.bend * turn + block.design.slopes(coefficients)
                gradients += along[:, None] * block.direction
                gradients += block.slope[:, None] * part[:d]
        return values, gradients

    def adjoint(self, values, gradients):
        """Transpose of ``values_and_gradients``, with the weights of the loss."""
        V, n = self.samples.V, len(self.samples.V)
        by_direction, along = [], None
        if values is not None:
            values = (self.samples.value_weight / n) * values
        if gradients is not None:
            gradients = (self.samples.gradient_weight / n) * gradients
        turns = np.zeros((n, len(self.blocks)))
        for j, block in enumerate(self.blocks):
            if values is not None:
                turns[:, j] += block.slope * values
            if gradients is not None:
                along = gradients @ block.direction
                turns[:, j] += block.bend * along
            by_direction.append(block.design.adjoint(values, along)[block.free])
        turned = V.T @ turns
        if gradients is not None:
            slopes = np.stack([block.slope for block in self.blocks], axis=1)
            turned += gradients.T @ slopes
        pairs = zip(turned.T, by_direction, strict=True)
        return np.concatenate([part for pair in pairs for part in pair])


def _block_matrix(samples, direction, spline, free):
    """Normal equations of one direction with the free coefficients of its profile."""
    V, d, size = samples.V, len(direction), len(direction) + int(free.sum())
    design = SplineDesign(spline.knots, V @ direction)
    slope = design.slopes(spline.coefficients)
    of_value, of_gradient = (weight / len(V) for weight in samples.weights)
    matrix = np.zeros((size, size))
    matrix[d:, d:] = design.gram(*samples.weights)[np.ix_(free, free)]
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
    return matrix


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


def _moved(ridges, linear, step, lower):
    """The sum after a step, its directions of unit norm again."""
    d = ridges.directions.shape[1]
    directions, splines = [], []
    for j, (block, part) in enumerate(zip(linear.blocks, step, strict=True)):
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
