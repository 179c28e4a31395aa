"""Misfit of an operator that is not linear."""

from typing import NamedTuple

import torch

from skhj.inverse.unrolled.misfit import Physics

__all__ = ["NonlinearMisfit", "NonlinearParts", "NonlinearPhysics"]


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


class NonlinearParts(NamedTuple):
    """Arrays or tensors that place an operator in standardised units.

    Attributes
    ----------
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

    model_mean: torch.Tensor
    models: torch.Tensor
    data_mean: torch.Tensor
    whitening: torch.Tensor
    lowest: torch.Tensor
    highest: torch.Tensor
    factor: torch.Tensor
    spread: torch.Tensor


class NonlinearPhysics(Physics):
    """An operator that is not linear; its adjoint is that of its derivative.

    Parameters
    ----------
    operator : ForwardOperator
        The operator, in the caller's units.
    parts : NonlinearParts
        Its place in those of the network.
    """

    def __init__(self, operator, parts):
        *places, factor, spread = parts
        super().__init__(factor, spread)
        self.operator = operator
        for name, tensor in zip(NonlinearParts._fields, places, strict=False):
            self.register_buffer(name, tensor)

    def misfit(self, data):
        """Misfit as a function of u."""
        return NonlinearMisfit(self, data)
