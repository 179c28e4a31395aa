"""Misfit of an operator that is a matrix, with data that were not all measured."""

import torch

from skhj.inverse.unrolled.misfit import Physics
from skhj.numerics.blocks import row_blocks

__all__ = ["MaskedData", "MaskedMisfit", "MaskedPhysics"]


class MaskedData:
    """Data of some samples.

    Parameters
    ----------
    values : Tensor of shape (n, M)
        Data, zero where they were not measured.
    mask : Tensor of shape (n, M)
        One where they were measured, else zero.
    inverse : Tensor of shape (n, M, M)
        Inverses of the covariances of those measured; the identity for the others.
    """

    def __init__(self, values, mask, inverse):
        self.values, self.mask, self.inverse = values, mask, inverse

    def __getitem__(self, rows):
        return MaskedData(self.values[rows], self.mask[rows], self.inverse[rows])


class MaskedMisfit:
    """Misfit (A u - d)_o^T S_oo^-1 (A u - d)_o / 2 of the data o that were measured."""

    def __init__(self, matrix, data):
        self.matrix, self.data = matrix, data

    def _residuals(self, u):
        return (u @ self.matrix.T - self.data.values) * self.data.mask

    def _white(self, residuals):
        return torch.einsum("nij,nj->ni", self.data.inverse, residuals)

    def __call__(self, u):
        """Values, (n,)."""
        residuals = self._residuals(u)
        return (residuals * self._white(residuals)).sum(1) / 2

    def gradient(self, u):
        """Gradient by u."""
        return self._white(self._residuals(u)) @ self.matrix


class MaskedPhysics(Physics):
    """A linear operator as a matrix, and inputs that are data beside their mask.

    Parameters
    ----------
    matrix : Tensor of shape (M, k)
        The operator from u to data, of norm 1 at most where these are whitened.
    correlation : Tensor of shape (M, M)
        Covariance of the data.
    start : Tensor of shape (k, M)
        Maps complete data to the start.
    offset : Tensor of shape (k,)
        Start of data that are zero.
    size : Tensor of shape ()
        Data as large as the matrix makes them are those given over it.
    factor, spread : Tensor of shape (k, k)
        See `Physics`.
    """

    names = ("matrix", "correlation", "start", "offset", "size", "factor", "spread")

    def __init__(self, matrix, correlation, start, offset, size, factor, spread):
        super().__init__(factor, spread)
        self.register_buffer("matrix", matrix)
        self.register_buffer("correlation", correlation)
        self.register_buffer("start", start)
        self.register_buffer("offset", offset)
        self.register_buffer("size", size)

    def split(self, inputs):
        """Starts u_0 (n, k), and `MaskedData`, from data and masks side by side."""
        values, mask = inputs.tensor_split(2, dim=1)
        inverse = self._inverses(mask)
        complete = torch.einsum("nij,nj->ni", inverse, values) @ self.correlation
        start = complete @ self.start.T + self.offset
        return start, MaskedData(values / self.size, mask, inverse)

    def misfit(self, data):
        """Misfit as a function of u."""
        return MaskedMisfit(self.matrix, data)

    @torch.no_grad()
    def _inverses(self, mask):
        """In double precision, a block of rows at a time."""
        S = self.correlation.double()
        inverses = []
        for rows in row_blocks(len(mask), S.numel()):
            m = mask[rows].double()
            both = m[:, :, None] * m[:, None]
            inverse = torch.linalg.inv(S * both + torch.diag_embed(1 - m))
            inverses.append(inverse.to(mask))
        return torch.cat(inverses)
