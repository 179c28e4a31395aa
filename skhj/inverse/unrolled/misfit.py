"""Data misfits |A u - d|^2 / 2 in standardised units, and the way back to models."""

from torch import nn

__all__ = ["EmbeddedMisfit", "Physics"]


class EmbeddedMisfit:
    """Misfit of u = rest + E z as a function of z."""

    def __init__(self, misfit, embedding, kernel, rest):
        self.misfit, self.embedding = misfit, embedding
        self.kernel, self.rest = kernel, rest

    def _unknowns(self, z):
        return self.rest + self.embedding.expand(self.kernel, z)

    def __call__(self, z):
        """Values, (n,)."""
        return self.misfit(self._unknowns(z))

    def gradient(self, z):
        """Gradient by z."""
        slope = self.misfit.gradient(self._unknowns(z))
        return self.embedding.restrict(self.kernel, slope)


class Physics(nn.Module):
    """What the unrolled networks know of a problem; a subclass has ``misfit``.

    Its buffers are all that a saved network has of it.

    Parameters
    ----------
    factor : Tensor of shape (k, k)
        Starts in the scale of the loss are ``u @ factor.T``.
    spread : Tensor of shape (k, k)
        Steps away from the start are ``(u - start) @ spread.T`` there.
    """

    def __init__(self, factor, spread):
        super().__init__()
        self.n_unknowns = len(factor)
        self.register_buffer("factor", factor)
        self.register_buffer("spread", spread)

    def split(self, inputs):
        """Starts u_0 (n, k) and data d (n, m) from both side by side."""
        return inputs[:, : self.n_unknowns], inputs[:, self.n_unknowns :]

    def to_model(self, u, start):
        """Models in the scale of the loss, (n, k)."""
        return start @ self.factor.T + (u - start) @ self.spread.T

    def embed(self, embedding, kernel, rest, data):
        """Misfit as a function of z, where u = rest + E z."""
        return EmbeddedMisfit(self.misfit(data), embedding, kernel, rest)
