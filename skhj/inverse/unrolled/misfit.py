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
        if kernel.ndim > 2:
            return super().embed(embedding, kernel, rest, data)
        return DenseMisfit(self.matrix @ kernel, rest @ self.matrix.T - data)


class NonlinearMisfit:
    """Misfit |W (A(x) - M) - d|^2 / 2 of an operator that is not linear.

    Its models x are m + P u, clipped to their range.
    """

    def __init__(self, physics, data):
        self.physics, self.data = physics, data

    def _models_and_residuals(self, u):
        p = self.physics
        models = p.model_mean + u @ p.models.T
        inside = (models > p.lowest) & (models < p.highest)
        models = models.clamp(p.lowest, p.highest)
        data = p.operator.forward(models) - p.data_mean
        return models, inside, data @ p.whitening.T - self.data

    def __call__(self, u):
        """Values, (n,)."""
        return self._models_and_residuals(u)[-1].square().sum(1) / 2

    def gradient(self, u):
        """Gradient by u."""
        models, inside, residuals = self._models_and_residuals(u)
        p = self.physics
        slope = p.operator.adjoint(residuals @ p.whitening, models)
        slope = (slope * inside) @ p.models
        # Where the operator is steep, a step is no longer than the models spread.
        length = slope.norm(dim=1, keepdim=True)
        return slope * (u.shape[1] ** 0.5 / length.clamp(min=u.shape[1] ** 0.5))


class NonlinearPhysics(Physics):
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
    lowest, highest : Tensor of shape (N,)
        Range of the models, outside of which the operator is not asked.
    factor, spread : Tensor of shape (k, k)
        See `Physics`.
    """

    def __init__(
        self,
        operator,
        model_mean,
        models,
        data_mean,
        whitening,
        lowest,
        highest,
        factor,
        spread,
    ):
        super().__init__(factor, spread)
        self.operator = operator
        self.register_buffer("model_mean", model_mean)
        self.register_buffer("models", models)
        self.register_buffer("data_mean", data_mean)
        self.register_buffer("whitening", whitening)
        self.register_buffer("lowest", lowest)
        self.register_buffer("highest", highest)

    def misfit(self, data):
        """Misfit as a function of u."""
        return NonlinearMisfit(self, data)


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
    image_shape : tuple of int
        Shape (H, W).
    kind : {"fourier", "cosine"}
        The waves.
    """

    def __init__(self, multiplier, factor, image_shape, kind):
        # Waves that the data determine are left to the start: what a step adds to a
        # wave counts by the standard deviation that the linear estimate leaves it.
        super().__init__(factor, factor * (1 - multiplier).clamp(min=0).sqrt())
        self.image_shape, self.kind = tuple(image_shape), kind
        self.n_unknowns = math.prod(self.image_shape)
        self.register_buffer("multiplier", multiplier)
        if kind == "cosine":
            for name, size in zip("HW", image_shape, strict=True):
                cosines = _cosines(size).to(factor)
                self.register_buffer(f"cosines_{name}", cosines, persistent=False)

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
