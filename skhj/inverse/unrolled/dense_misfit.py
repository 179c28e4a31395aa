"""Misfit of an operator that is a matrix."""

from skhj.inverse.unrolled.misfit import Physics

__all__ = ["DenseMisfit", "DensePhysics"]


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


class DensePhysics(Physics):
    """A linear operator as a matrix.

    Parameters
    ----------
    matrix : Tensor of shape (m, k)
        The operator in standardised units.
    factor, spread : Tensor of shape (k, k)
        See `Physics`.
    """

    def __init__(self, matrix, factor, spread):
        super().__init__(factor, spread)
        self.register_buffer("matrix", matrix)

    def misfit(self, data):
        """Misfit as a function of u."""
        return DenseMisfit(self.matrix, -data)

    def embed(self, embedding, kernel, rest, data):
        """Misfit as a function of z; where E is a matrix, A E is one too."""
        if not embedding.is_matrix:
            return super().embed(embedding, kernel, rest, data)
        return DenseMisfit(self.matrix @ kernel, rest @ self.matrix.T - data)
