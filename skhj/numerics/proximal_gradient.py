r"""Accelerated proximal gradient steps for sums of a smooth function and another.

Minimises :math:`F = f + g` for many rows at once, with f differentiable and g given by
its proximal operator; neither need be convex. Steps are those of Nesterov; one that
does not decrease F enough below a running mean of its values is replaced by a plain
proximal gradient step, so that F never exceeds that mean and every limit point is
critical.

References
----------
Li, Lin, "Accelerated proximal gradient methods for nonconvex programming", NeurIPS
2015, algorithm 2 (nmAPG).
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from skhj.numerics.memory_gradient import Minimum, row_products

__all__ = ["ProximalGradient"]


@dataclass(frozen=True)
class ProximalGradient:
    """Non-monotone accelerated proximal gradient steps (nmAPG).

    Parameters
    ----------
    max_iter : int, default=2000
        Largest number of steps.
    tolerance : float, default=1e-5
        Residual at which a row is solved, and left as it is.
    memory : float, default=0.8
        Weight of earlier values in the running mean that F must stay below; 0 asks
        for descent at every step. The value of Zhang, Hager (SIAM J. Optim. 14, 2004).
    decrease : float, default=1e-4
        Part of :math:`|z - y|^2 / (2 h)` by which a step h from y to z must decrease F.
    growth : float, default=1.2
        Where steps are searched for, the factor by which one is longer than the last
        that was short enough.
    diverged : float, default=1e8
        Residual at which a row is given up: there is no minimum.
    """

    max_iter: int = 2000
    tolerance: float = 1e-5
    memory: float = 0.8
    decrease: float = 1e-4
    growth: float = 1.2
    diverged: float = 1e8

    @torch.no_grad()
    def minimise(self, smooth, other, start, scale, *, step, search, longest=torch.inf):
        r"""Minimise the sum of two functions from a point.

        Parameters
        ----------
        smooth : object
            The function f: ``value(x)``, (n,), and ``value_and_gradient(x)``.
        other : object
            The function g: ``value(x)``, (n,), and ``prox(x, step)``, the minimiser of
            g(y) + \|x - y\|^2 / (2 step) for each row and its step.
        start : Tensor of shape (n, N)
            First guesses.
        scale : Tensor of shape (n,)
            What the residual, the norm of (y - z) / h, is measured by.
        step : Tensor of shape (n,)
            Steps h; below one over the largest curvature of f, unless ``search``.
        search : bool
            Whether steps are shortened until f lies below the parabola of curvature
            1/h about the point that they start from, and lengthened again.
        longest : float, default=inf
            Longest step.

        Returns
        -------
        Minimum
            Points, residuals and numbers of steps.
        """
        problem = _Problem(smooth, other, self.growth if search else None)
        x = last = z = start
        value = problem.value(x)
        mean, weight = value, torch.ones_like(value)
        before, theta = torch.zeros_like(value), torch.ones_like(value)
        residual = torch.full_like(value, torch.inf)
        unsolved = torch.ones_like(value, dtype=torch.bool)
        n_iter = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        for _ in range(self.max_iter):
            y = x + _by(before / theta, z - x) + _by((before - 1) / theta, x - last)
            new = problem.step(y, step)
            enough = mean - self.decrease * row_products(new.move, new.move) / new.step
            good = new.value <= enough
            z, best = new.point, new
            if not good[unsolved].all():
                plain = problem.step(x, new.step)
                best = new.where(good | (new.value <= plain.value), plain)
            residual = torch.where(unsolved, best.size / scale, residual)
            last, x = x, torch.where(unsolved[:, None], best.point, x)
            value = torch.where(unsolved, best.value, value)
            # After a step that was not good enough, momentum starts anew.
            before = torch.where(good, theta, 0)
            theta = torch.where(good, (1 + (4 * theta**2 + 1).sqrt()) / 2, 1)
            heavier = self.memory * weight + 1
            mean = (self.memory * weight * mean + value) / heavier
            weight = heavier
            step = best.next_step.clamp(max=longest)
            n_iter += unsolved
            unsolved = (residual > self.tolerance) & (residual < self.diverged)
            if not unsolved.any():
                break
        return Minimum(x, residual, n_iter)


class _Step(NamedTuple):
    """A proximal gradient step of each row."""

    point: torch.Tensor
    move: torch.Tensor
    value: torch.Tensor
    step: torch.Tensor
    next_step: torch.Tensor

    @property
    def size(self):
        """Norm of the proximal gradient."""
        return row_products(self.move, self.move).sqrt() / self.step

    def where(self, chosen, other):
        """The rows chosen, and those of another step."""
        pairs = zip(self, other, strict=True)
        return _Step(
            *(torch.where(_like(chosen, a), a, b) for a, b in pairs),
        )


class _Move(NamedTuple):
    """Where a step leads."""

    point: torch.Tensor
    move: torch.Tensor


class _Problem(NamedTuple):
    """The sum f + g, and its steps, which are searched for where they may grow."""

    smooth: object
    other: object
    growth: float | None

    def value(self, x):
        return self.smooth.value(x) + self.other.value(x)

    def step(self, y, step):
        """A step from y, halved where need be until f lies below its parabola."""
        value, gradient = self.smooth.value_and_gradient(y)
        if self.growth is None:
            new = self._forward_backward(y, gradient, step)
            return _Step(*new, self.value(new.point), step, step)
        # What values of f cannot tell. Steps grow where they can.
        rounding = 8 * torch.finfo(value.dtype).eps * value.abs()
        while True:
            z, move = self._forward_backward(y, gradient, step)
            parabola = row_products(move, move) / (2 * step)
            reached = self.smooth.value(z)
            room = row_products(gradient, move) + parabola + rounding
            # Of a step that leaves y where it is, or that is not finite, no less.
            short = (reached <= value + room) | ~(parabola > rounding)
            if short.all():
                break
            step = torch.where(short, step, step / 2)
        longer = torch.where(parabola > 1e3 * rounding, self.growth * step, step)
        return _Step(z, move, reached + self.other.value(z), step, longer)

    def _forward_backward(self, y, gradient, step):
        z = self.other.prox(y - _by(step, gradient), step)
        return _Move(z, z - y)


def _like(rows, values):
    return rows.view(-1, *(1,) * (values.ndim - 1))


def _by(factors, rows):
    return _like(factors, rows) * rows
