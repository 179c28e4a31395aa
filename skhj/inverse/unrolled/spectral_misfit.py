"""Misfit of a convolution, by multiplication of waves."""

import math

from skhj.inverse.unrolled.misfit import Physics

__all__ = ["NormalMisfit", "SpectralPhysics"]


class NormalMisfit:
    """Misfit up to a constant, <u, H u> / 2 - <u, q>, from H = A^T A and q = A^T d."""

    def __init__(self, physics, projected):
        self.physics, self.projected = physics, projected

    def __call__(self, u):
        """Values, (n,)."""
        return (u * (self.physics.normal(u) / 2 - self.projected)).sum(1)

    def gradient(self, u):
        """Gradient by u."""
        return self.physics.normal(u) - self.projected


class SpectralPhysics(Physics):
    """A convolution, and models with a power spectrum: all are multipliers of waves.

    Its inputs are starts only: they are what the adjoint makes of the data.

    Parameters
    ----------
    multiplier : Tensor
        Of each wave, by A^T A; real, from 0 to 1.
    factor : Tensor
        Of each wave, from u to models.
    waves : FourierWaves or CosineWaves
        The waves.
    image_shape : tuple of int
        Shape (C, H, W).
    """

    def __init__(self, multiplier, factor, waves, image_shape):
        # Waves that the data determine are left to the start: what a step adds to a
        # wave counts by the standard deviation that the linear estimate leaves it.
        super().__init__(factor, factor * (1 - multiplier).clamp(min=0).sqrt())
        self.image_shape = tuple(image_shape)
        self.n_unknowns = math.prod(self.image_shape)
        self.filter = waves.module(self.image_shape)
        self.register_buffer("multiplier", multiplier)

    def split(self, inputs):
        """Starts u_0 and back-projected data, which are the same, (n, N)."""
        return inputs, inputs

    def to_model(self, u, start):
        """Models in the scale of the loss, (n, N)."""
        return self._filter(start, self.factor) + self._filter(u - start, self.spread)

    def normal(self, u):
        """A^T A u, (n, N)."""
        return self._filter(u, self.multiplier)

    def misfit(self, projected):
        """Misfit as a function of u."""
        return NormalMisfit(self, projected)

    def _filter(self, u, multiplier):
        images = u.reshape(len(u), *self.image_shape)
        return self.filter(images, multiplier).reshape(u.shape)
