"""Sums of norms of affine maps."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from skhj.priors.convex.architecture import Architecture

__all__ = ["NormUnits", "NormsArchitecture"]


class NormUnits(nn.Module):
    r"""Sum of smoothed Euclidean norms of affine maps.

    .. math::

        N(u) = \sum_j \sqrt{|A_j u + b_j|^2 + (\eta s_j)^2 |A_j|^2},

    with matrices A_j of r rows. It is convex at any weights. Units of one row are
    ridges and, together, total variations and l1 norms; of two rows, norms of pairs;
    of d rows, norms of the whole vector. As the smoothing eta tends to zero, they have
    kinks. Each unit's own width s_j lets it stay smooth.

    Parameters
    ----------
    n_features : int
        Dimension d of the input.
    n_units : int, default=24
        Number of units.
    rank : int, default=1
        Number r of rows of each matrix.
    smoothing : float, default=0.3
        The number eta. It is no weight: who trains the module may lower it by and by.
    width_range : tuple of float, default=(0.3, 300.0)
        Range of the units' own widths, around that of all: from units a little sharper
        to ones that stay parabolas where the smoothing is at its least.
    generator : torch.Generator or None, default=None
        Source of the initial weights; None takes a new one, seeded with 0.
    """

    def __init__(
        self,
        n_features,
        n_units=24,
        rank=1,
        *,
        smoothing=0.3,
        width_range=(0.3, 300.0),
        generator=None,
    ):
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        single, size = {"dtype": torch.float32}, 1 / math.sqrt(n_units)
        weight = torch.empty(n_units, rank, n_features, **single)
        bias = torch.empty(n_units, rank, **single)
        weight.normal_(generator=generator)
        bias.uniform_(-1.0, 1.0, generator=generator)
        self.weight = nn.Parameter(weight * size / math.sqrt(n_features))
        self.bias = nn.Parameter(bias * size)
        self.log_width = nn.Parameter(torch.zeros(n_units, **single))
        self.width_range, self.widths_are_free = width_range, True
        self.register_buffer("smoothing", torch.tensor(float(smoothing), **single))

    @torch.no_grad()
    def project_(self):
        """Keep the units' own widths in their range, in place."""
        self.log_width.clamp_(*map(math.log, self.width_range))

    def _widths(self):
        """The squares (eta s_j)^2."""
        return (self.smoothing * self.log_width.exp()) ** 2

    def _norms(self, u):
        """Images A_j u + b_j, shape (n, m, r), and the smoothed norms, (n, m)."""
        n_units, rank, n_features = self.weight.shape
        image = nn.functional.linear(
            u, self.weight.reshape(-1, n_features), self.bias.reshape(-1)
        ).reshape(len(u), n_units, rank)
        # A unit whose weights are zero has a norm, and no gradient.
        floor = torch.finfo(u.dtype).tiny
        rounding = self._widths() * (self.weight**2).sum((1, 2)) + floor
        return image, ((image * image).sum(2) + rounding).sqrt()

    def forward(self, u):
        """Value of the sum, shape (n,)."""
        return self._norms(u)[1].sum(1)

    def value_and_gradient(self, u):
        """Value and gradient at u, shapes (n,) and (n, d)."""
        image, norms = self._norms(u)
        slopes = (image / norms[:, :, None]).reshape(len(u), -1)
        gradient = slopes @ self.weight.reshape(slopes.shape[1], -1)
        return norms.sum(1), gradient

    def majorant(self, u):
        r"""Matrices above the Hessian, :math:`\sum_j A_j^T A_j / N_j`.

        The quadratic with this matrix that touches N at u is above N everywhere, so
        that its minimiser is never worse than u (iteratively reweighted squares).

        Parameters
        ----------
        u : Tensor of shape (n, d)
            Points.

        Returns
        -------
        Tensor of shape (n, d, d)
            Symmetric positive semi-definite matrices.
        """
        _, norms = self._norms(u)
        squares = (self.weight.mT @ self.weight).flatten(1)
        return ((1 / norms) @ squares).unflatten(1, (u.shape[1], -1))

    def hessian(self, u):
        """Hessian, shape (n, d, d)."""
        image, norms = self._norms(u)
        if self.weight.shape[1] == 1:
            rounding = norms**2 - image[:, :, 0] ** 2
            squares = (self.weight.mT @ self.weight).flatten(1)
            hessian = (rounding / norms**3) @ squares
            return hessian.unflatten(1, (u.shape[1], -1))
        pulled = torch.einsum("nmr,mrd->nmd", image, self.weight)
        pulled = pulled / norms[:, :, None] ** 1.5
        return self.majorant(u) - pulled.mT @ pulled

    def parameter_jacobian(self, u):
        """Derivatives of N(u) by the weights, in the order of ``parameters()``.

        Parameters
        ----------
        u : Tensor of shape (n, d)
            Points.

        Returns
        -------
        Tensor of shape (n, p)
            Derivatives by the weights, the biases and the logarithms of the widths.
        """
        image, norms = self._norms(u)
        slopes = image / norms[:, :, None]
        widths = self._widths()
        by_weight = slopes[:, :, :, None] * u[:, None, None, :]
        by_weight += (widths / norms)[:, :, None, None] * self.weight
        by_width = widths * (self.weight**2).sum((1, 2)) / norms
        by_width *= self.widths_are_free
        return torch.cat([by_weight.flatten(1), slopes.flatten(1), by_width], dim=1)


@dataclass(frozen=True)
class NormsArchitecture(Architecture):
    """Recipe of `NormUnits`; its parameters are described there."""

    n_units: int
    rank: int

    def core(self, n_features, seed):
        """Sum of norms with reproducible weights."""
        generator = torch.Generator().manual_seed(seed)
        return NormUnits(n_features, self.n_units, self.rank, generator=generator)
