r"""Profiles: even functions of a response, steep at the origin, flat far from it.

.. math::

    \psi(r) = h_c(r) - \kappa\, h_\rho(r), \qquad h_c' = \operatorname{clip}(\cdot,
    \pm c), \qquad 0 \le \kappa < 1, \quad c \le \rho \le c/\kappa.

The slope rises by :math:`1 - \kappa` to the knee c, falls by :math:`\kappa` until
:math:`\rho` and is level beyond, at :math:`c - \kappa \rho \ge 0`. So curvatures lie in
:math:`[-\kappa, 1 - \kappa]`, and :math:`\psi'(r)/r` decreases with \|r\|: the
half-quadratic majorants of the minimiser hold. Clips, since a hyperbolic tangent takes
as long as all else in a step (17 times a clip, float32 on a CPU).

A profile of rank R acts on the Euclidean norm of R responses u: its gradient is
:math:`\psi'(|u|)\, u/|u|`, and its curvatures are :math:`\psi''(|u|)` along u and
:math:`\psi'(|u|)/|u| \ge 0` across: bounds and majorants are those of rank one.
"""

from typing import NamedTuple

import torch

__all__ = ["ClipProfiles"]


class ClipProfiles(NamedTuple):
    """One profile for each filter, or for each group of as many filters as its rank.

    Attributes
    ----------
    knee : Tensor of shape (K / rank, 1, 1)
        The number c, up to which the slope rises.
    reach : Tensor of shape (K / rank, 1, 1)
        The number rho, from which the slope is level.
    concavity : Tensor of shape (K / rank, 1, 1)
        The number kappa, by which the slope falls between them.
    rank : int
        Number of responses, one after the other, whose norm a profile acts on.
    """

    knee: torch.Tensor
    reach: torch.Tensor
    concavity: torch.Tensor
    rank: int = 1

    def value(self, responses):
        """The profiles themselves, shape (n, K / rank, rows, columns)."""
        size = self._size(responses)
        return _huber(size, self.knee) - self.concavity * _huber(size, self.reach)

    def derivative(self, responses):
        """Their gradients by the responses, of these' shape (n, K, rows, columns)."""
        if self.rank > 1:
            return responses * self.of_filters(self._ratio(self._size(responses)))
        fall = _clip(responses, self.reach)
        return torch.addcmul(
            _clip(responses, self.knee), fall, self.concavity, value=-1
        )

    def hessian(self, responses):
        """Their second derivatives at some responses, as a function of directions.

        At a kink the curvature is one between those on its sides. The function may
        overwrite the directions.
        """
        size = self._size(responses)
        rise, fall = _below(size, self.knee), _below(size, self.reach)
        curvature = rise.addcmul_(fall, self.concavity, value=-1)
        if self.rank == 1:
            return curvature.mul
        ratio = self._ratio(size)
        # Curvature is the ratio next to the origin, where there is no direction.
        unit = self._grouped(responses) / torch.where(size > 0, size, 1).unsqueeze(2)

        def product(directions):
            directions = self._grouped(directions)
            along = (unit * directions).sum(2).mul_(curvature - ratio).unsqueeze(2)
            return (ratio.unsqueeze(2) * directions).addcmul_(unit, along).flatten(1, 2)

        return product

    def slopes_and_weights(self, responses, slopes, weights):
        """Fill two tensors with gradients and half-quadratic weights psi'(r) / r.

        In place, since memory that is new to the process costs a fifth of the time.
        """
        if self.rank > 1:
            weights.copy_(self.of_filters(self._ratio(self._size(responses))))
            torch.mul(responses, weights, out=slopes)
            return
        _clip_to(responses, self.reach, weights)
        _clip_to(responses, self.knee, slopes)
        slopes.addcmul_(weights, self.concavity, value=-1)
        # 0 / 0 at a response of zero: any weight from 1 - kappa is one of a majorant.
        torch.div(slopes, responses, out=weights).nan_to_num_(nan=1.0)

    def of_filters(self, numbers):
        """Numbers of profiles, (..., K / rank, rows, columns), for each filter."""
        if self.rank == 1:
            return numbers
        return numbers.repeat_interleave(self.rank, -3)

    def scaled(self, factor):
        """Profiles whose knees lie at a multiple."""
        return self._replace(knee=factor * self.knee, reach=factor * self.reach)

    def detached(self):
        """The same profiles, cut from the graph they came from."""
        return ClipProfiles(*(number.detach() for number in self[:3]), self.rank)

    def _grouped(self, responses):
        """Shape (n, K / rank, rank, rows, columns)."""
        return responses.unflatten(1, (-1, self.rank))

    def _size(self, responses):
        if self.rank == 1:
            return responses.abs()
        squares = self._grouped(responses.square()).sum(2)
        # The root has no derivative at zero. torch's norm over an inner axis is slow.
        return squares.add_(torch.finfo(squares.dtype).tiny).sqrt_()

    def _ratio(self, size):
        """psi'(r) / r, also at zero."""
        rise = self.knee / torch.maximum(size, self.knee)
        fall = self.reach / torch.maximum(size, self.reach)
        return torch.addcmul(rise, fall, self.concavity, value=-1)


def _huber(size, knee):
    inner = torch.minimum(size, knee)
    return inner * (size - inner / 2)


def _clip_to(responses, knee, out):
    """Twice as fast as torch's clamp to tensors."""
    return torch.maximum(torch.minimum(responses, knee, out=out), -knee, out=out)


class _Clip(torch.autograd.Function):
    """Numbers clipped to plus and minus a knee; torch's own derivatives are slow."""

    @staticmethod
    def forward(ctx, responses, knee):
        ctx.save_for_backward(responses, knee)
        return _clip_to(responses, knee, torch.empty_like(responses))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        responses, knee = ctx.saved_tensors
        inner = gradient * _below(responses.abs(), knee)
        outer = (gradient - inner).mul_(responses.sign())
        return inner, outer.sum_to_size(knee.shape)


_clip = _Clip.apply


def _below(size, knee):
    """One below the knee, else zero: three times faster than a cast comparison."""
    steep = 1 / torch.finfo(size.dtype).eps ** 2
    return (knee - size).mul_(steep).clamp_(0, 1)
