"""Data misfits |A u - d|^2 / 2 in standardised units, and the way back to models."""

import math

import torch
from torch import nn

__all__ = [
    "DensePhysics",
    "NonlinearPhysics",
    "SpectralPhysics",
    "physics_from_arrays",
]


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
        self.n_unknowns = len(factor)
        self.register_buffer("matrix", matrix)
        self.register_buffer("factor", factor)

    def split(self, inputs):
        """Starts u_0 (n, k) and data d (n, m) from both side by side."""
        k = self.matrix.shape[1]
        return inputs[:, :k], inputs[:, k:]

    def to_model(self, u, start):
        """Models in the scale of the loss, (n, k)."""
        return u @ self.factor.T

    def normal(self, u):
        """A^T A u, (n, k)."""
        return (u @ self.matrix.T) @ self.matrix

    def embed(self, embedding, kernel, rest, data):
        """Misfit as a function of z, where u = rest + E z; of u without embedding."""
        if embedding is None:
            return DenseMisfit(self.matrix, -data)
        if kernel.ndim > 2:  # Convolutions, which are no matrix.
            data = data @ self.matrix
            return NormalMisfit(self, embedding, kernel, rest, data)
        return DenseMisfit(self.matrix @ kernel, rest @ self.matrix.T - data)


class NonlinearMisfit:
    """Misfit |W (A(m + P u) - M) - d|^2 / 2 of an operator that is not linear."""

    def __init__(self, physics, embedding, kernel, rest, data):
        self.physics, self.embedding, self.kernel = physics, embedding, kernel
        self.rest, self.data = rest, data

    def _models_and_residuals(self, z):
        u = z
        if self.embedding is not None:
            u = self.rest + self.embedding.expand(self.kernel, z)
        p = self.physics
        models = p.model_mean + u @ p.models.T
        data = p.operator.forward(models) - p.data_mean
        return models, data @ p.whitening.T - self.data

    def __call__(self, z):
        """Values, (n,)."""
        return self._models_and_residuals(z)[1].square().sum(1) / 2

    def gradient(self, z):
        """Gradient by z."""
        models, residuals = self._models_and_residuals(z)
        p = self.physics
        slope = p.operator.adjoint(residuals @ p.whitening, models) @ p.models
        if self.embedding is None:
            return slope
        return self.embedding.restrict(self.kernel, slope)


class NonlinearPhysics(nn.Module):
    """An operator that is not linear; its adjoint is that of its derivative.

    Parameters
    ----------
    operator : ForwardOperator
        The operator, in the caller's units.
    model_mean : Tensor of shape (N,)
        Model at u = 0.
    models : Tensor of shape (N, k)
        Models are ``model_mean + u @ models.T``.
    data_mean : Tensor of shape (M,)
        Data at d = 0.
    whitening : Tensor of shape (m, M)
        From centred data to d.
    factor : Tensor of shape (k, k)
        Models in the scale of the loss are ``u @ factor.T``.
    """

    def __init__(self, operator, model_mean, models, data_mean, whitening, factor):
        super().__init__()
        self.operator, self.n_unknowns = operator, len(factor)
        self.register_buffer("model_mean", model_mean)
        self.register_buffer("models", models)
        self.register_buffer("data_mean", data_mean)
        self.register_buffer("whitening", whitening)
        self.register_buffer("factor", factor)

    def split(self, inputs):
        """Starts u_0 (n, k) and data d (n, m) from both side by side."""
        k = self.models.shape[1]
        return inputs[:, :k], inputs[:, k:]

    def to_model(self, u, start):
        """Models in the scale of the loss, (n, k)."""
        return u @ self.factor.T

    def embed(self, embedding, kernel, rest, data):
        """Misfit as a function of z, where u = rest + E z; of u without embedding."""
        return NonlinearMisfit(self, embedding, kernel, rest, data)


class NormalMisfit:
    """Misfit up to a constant, <u, H u> / 2 - <u, q>, from H = A^T A and q = A^T d."""

    def __init__(self, physics, embedding, kernel, rest, projected):
        self.physics, self.embedding, self.kernel = physics, embedding, kernel
        self.rest, self.projected = rest, projected

    def _unknowns(self, z):
        if self.embedding is None:
            return z
        return self.rest + self.embedding.expand(self.kernel, z)

    def __call__(self, z):
        """Values, (n,)."""
        u = self._unknowns(z)
        return (u * (self.physics.normal(u) / 2 - self.projected)).sum(1)

    def gradient(self, z):
        """Gradient by z."""
        slope = self.physics.normal(self._unknowns(z)) - self.projected
        if self.embedding is None:
            return slope
        return self.embedding.restrict(self.kernel, slope)


class SpectralPhysics(nn.Module):
    """A convolution, and models with a power spectrum: all are multipliers of waves.

    Its inputs are starts only: they are what the adjoint makes of the data.

    Parameters
    ----------
    multiplier : Tensor
        Of each wave, by A^T A; real, from 0 to 1.
    factor : Tensor
        Of each wave, from u to models.
    image_shape : tuple of int
        Shape (H, W).
    kind : {"fourier", "cosine"}
        The waves.
    """

    def __init__(self, multiplier, factor, image_shape, kind):
        super().__init__()
        self.image_shape, self.kind = tuple(image_shape), kind
        self.n_unknowns = math.prod(self.image_shape)
        self.register_buffer("multiplier", multiplier)
        self.register_buffer("factor", factor)
        if kind == "cosine":
            for name, size in zip("HW", image_shape, strict=True):
                self.register_buffer(f"cosines_{name}", _cosines(size).to(factor))

    def split(self, inputs):
        """Starts u_0 and back-projected data, which are the same, (n, N)."""
        return inputs, inputs

    def to_model(self, u, start):
        """Models in the scale of the loss, (n, N).

        Waves that the data determine are left to the start: what a step adds to a wave
        counts by the standard deviation that the linear estimate leaves it.
        """
        spread = self.factor * (1 - self.multiplier).clamp(min=0).sqrt()
        return self._filter(start, self.factor) + self._filter(u - start, spread)

    def normal(self, u):
        """A^T A u, (n, N)."""
        return self._filter(u, self.multiplier)

    def embed(self, embedding, kernel, rest, projected):
        """Misfit as a function of z, where u = rest + E z; of u without embedding."""
        return NormalMisfit(self, embedding, kernel, rest, projected)

    def _filter(self, u, multiplier):
        images = u.reshape(len(u), *self.image_shape)
        if self.kind == "cosine":
            rows, columns = self.cosines_H, self.cosines_W
            images = rows.T @ (multiplier * (rows @ images @ columns.T)) @ columns
        else:
            coefficients = multiplier * torch.fft.rfft2(images)
            images = torch.fft.irfft2(coefficients, s=self.image_shape)
        return images.reshape(u.shape)


def _cosines(size):
    """Orthonormal cosines of a reflecting border, one a row (DCT-II)."""
    place = torch.arange(size, dtype=torch.float64)
    waves = torch.cos(torch.pi / size * place[:, None] * (place + 0.5))
    waves *= (2 / size) ** 0.5
    waves[0] /= 2**0.5
    return waves


def physics_from_arrays(arrays, operator, image_shape, kind):
    """Physics with the buffers of a saved network.

    Parameters
    ----------
    arrays : dict of str to ndarray
        State of the network.
    operator : ForwardOperator or None
        The operator, which only a non-linear one needs.
    image_shape : tuple of int or None
        Shape (H, W) of models that are images.
    kind : {"fourier", "cosine"} or None
        The waves of a `SpectralPhysics`.

    Returns
    -------
    nn.Module
        The physics.
    """
    prefix = "physics."
    buffers = {
        name.removeprefix(prefix): torch.tensor(array)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    if kind is not None:
        parts = buffers["multiplier"], buffers["factor"]
        return SpectralPhysics(*parts, image_shape, kind)
    if "models" in buffers:
        return NonlinearPhysics(operator, **buffers)
    return DensePhysics(**buffers)
