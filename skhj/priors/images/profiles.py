r"""Profiles: even functions of a response, steep at the origin, flat far from it.

.. math::

    \psi(r) = h_c(r) - \kappa\, h_\rho(r), \qquad h_c' = \operatorname{clip}(\cdot,
    \pm c), \qquad 0 \le \kappa < 1, \quad c \le \rho \le c/\kappa.

The slope rises by :math:`1 - \kappa` to the knee c, falls by :math:`\kappa` until
:math:`\rho` and is level beyond, at :math:`c - \kappa \rho \ge 0`. So curvatures lie in
:math:`[-\kappa, 1 - \kappa]`, and :math:`\psi'(r)/r` decreases with \|r\|: the
half-quadratic majorants of the minimiser hold. Clips, since a hyperbolic tangent takes
as long as all else in a step (17 times a clip, float32 on a CPU).
"""

from typing import NamedTuple

import torch

__all__ = ["ClipProfiles"]


class ClipProfiles(NamedTuple):
    """One profile for each filter; each attribute is of shape (K, 1, 1).

    Attributes
    ----------
    knee : Tensor
        The number c, up to which the slope rises.
    reach : Tensor
        The number rho, from which the slope is level.
    concavity : Tensor
        The number kappa, by which the slope falls between them.
    """

    knee: torch.Tensor
    reach: torch.Tensor
    concavity: torch.Tensor

    def value(self, responses):
        """The profiles themselves, of the responses' shape (n, K, rows, columns)."""
        size = responses.abs()
        return _huber(size, self.knee) - self.concavity * _huber(size, self.reach)

    def derivative(self, responses):
        """Their slopes."""
        fall = _clip(responses, self.reach)
        return torch.addcmul(
            _clip(responses, self.knee), fall, self.concavity, value=-1
        )

    def curvature(self, responses):
        """Their second derivatives; between two at a kink."""
        size = responses.abs()
        rise, fall = _below(size, self.knee), _below(size, self.reach)
        return rise.addcmul_(fall, self.concavity, value=-1)

    def weights(self, responses, derivative, out=None):
        """Half-quadratic weights psi'(r) / r."""
        # 0 / 0 at a response of zero: any weight from 1 - kappa is one of a majorant.
        ratio = torch.div(derivative, responses, out=out)
        return ratio.nan_to_num_(nan=1.0)


def _huber(size, knee):
    inner = torch.minimum(size, knee)
    return inner * (size - inner / 2)


class _Clip(torch.autograd.Function):
    """Numbers clipped to plus and minus a knee; torch's own derivatives are slow."""

    @staticmethod
    def forward(ctx, responses, knee):
        ctx.save_for_backward(responses, knee)
        clipped = torch.minimum(responses, knee)
        return torch.maximum(clipped, -knee, out=clipped)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        responses, knee = ctx.saved_tensors
        inner = gradient * _below(responses.abs(), knee)
        outer = (gradient - inner).mul_(responses.sign())
        return inner, outer.sum_to_size(knee.shape)


_clip = _Clip.apply


def _below(size, knee):
    """One below the knee, else zero: faster than a comparison and its cast."""
    steep = 1 / torch.finfo(size.dtype).eps ** 2
    return (knee - size).mul_(steep).clamp_(0, 1)
