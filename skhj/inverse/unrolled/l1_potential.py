"""The l1 norm as a potential: that of an over-complete dictionary."""

import math

import torch
from torch import nn

from skhj.inverse.unrolled.potential import log_cosh

__all__ = ["L1Potential"]


class L1Potential(nn.Module):
    r"""Weighted l1 norm of an embedding z, all but smooth.

    .. math::

        \phi(z) = \sum_k \alpha_k \log\cosh(\gamma z_k) / \gamma,

    the potential of one layer with K = gamma I, which is not learned; the weights are.
    It is less than :math:`\alpha_k |z_k|` by up to :math:`\alpha_k \log 2 / \gamma`.

    Parameters
    ----------
    n_features : int
        Dimension of z, channels of images.
    weight : float, default=0.01
        All weights alpha at the start: steps of 0.5 do not overshoot, as they would
        where alpha times gamma is more than 2.
    sharpness : float, default=100.0
        The gamma: z is of order one.

    References
    ----------
    Eliasof, Haber, Treister, "An over complete deep learning method for inverse
    problems", arXiv 2402.04653, section 3.
    """

    def __init__(self, n_features, *, weight=0.01, sharpness=100.0):
        super().__init__()
        self.sharpness = sharpness
        # Weights stay positive.
        self.log_weights = nn.Parameter(
            torch.full((n_features,), math.log(weight), dtype=torch.float32)
        )

    def forward(self, z, time=0.0):
        """Values, (n,); at any time."""
        return (self._weights(z) * log_cosh(self.sharpness * z)).flatten(1).sum(
            1
        ) / self.sharpness

    def gradient(self, z, time=0.0):
        """Gradient by z, of the shape of z."""
        return self._weights(z) * (self.sharpness * z).tanh()

    def _weights(self, z):
        return self.log_weights.exp().reshape(-1, *[1] * (z.ndim - 2))
