"""Data misfits |A u - d|^2 / 2 in standardised units, and the way back to models."""

from torch import nn

__all__ = ["DensePhysics"]


class DenseMisfit:
    """Misfit |C z + r|^2 / 2 by a matrix C."""

    def __init__(self, matrix, remainder):
        self.matrix, self.remainder = matrix, remainder

    def __call__(self, z):
        """Values, (n,)."""
        return (z @ self.matrix.T + self.remainder).square().sum(1) / 2

    def gradient(self, z):
        """Gradient by z."""
        return (z @ self.matrix.T + self.remainder) @ self.matrix


class DensePhysics(nn.Module):
    """A linear operator as a matrix.

    Parameters
    ----------
    matrix : Tensor of shape (m, k)
        The operator in standardised units.
    factor : Tensor of shape (k, k)
        Models are ``u @ factor.T``.
    """

    def __init__(self, matrix, factor):
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.register_buffer("factor", factor)

    def split(self, inputs):
        """Starts u_0 (n, k) and data d (n, m) from both side by side."""
        k = self.matrix.shape[1]
        return inputs[:, :k], inputs[:, k:]

    def to_model(self, u):
        """Models in the scale of the loss, (n, k)."""
        return u @ self.factor.T

    def embed(self, embedding, kernel, rest, data):
        """Misfit as a function of z, where u = rest + E z; of u without embedding."""
        if embedding is None:
            return DenseMisfit(self.matrix, -data)
        return DenseMisfit(self.matrix @ kernel, rest @ self.matrix.T - data)
