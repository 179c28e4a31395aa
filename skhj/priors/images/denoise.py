"""Proximal points of an image potential, in blocks of images."""

import torch

from skhj.numerics.blocks import row_blocks
from skhj.numerics.memory_gradient import MemoryGradient, Minimum, row_products
from skhj.priors.images.potential import Denoising

__all__ = ["denoise", "noise_scale"]


def denoise(potential, noisy, *, solver=None, start=None):
    """Minimise |y - b|^2 / 2 + t J(y) for each noisy image b.

    Parameters
    ----------
    potential : ImagePotential
        The potential t J; ``potential.scaled(s / t)`` for the time s.
    noisy : Tensor of shape (n, C, H, W)
        The images b.
    solver : MemoryGradient, optional
        The minimiser. Its residual is the gradient's norm relative to that of b minus
        its mean.
    start : Tensor of shape (n, C, H, W), optional
        First guesses; the noisy images by default.

    Returns
    -------
    Minimum
        Denoised images, residuals and numbers of steps.
    """
    solver = MemoryGradient() if solver is None else solver
    start = noisy if start is None else start
    size = potential.filters.weights.shape[0] * noisy[0].numel()
    minima = []
    for rows in row_blocks(len(noisy), size):
        energy = Denoising(potential, noisy[rows])
        minima.append(solver.minimise(energy, start[rows], noise_scale(noisy[rows])))
    return Minimum(*(torch.cat(parts) for parts in zip(*minima, strict=True)))


def noise_scale(images):
    """Norm of each image minus its mean, shape (n,); one where that is zero."""
    away = images - images.mean((1, 2, 3), keepdim=True)
    norm = row_products(away, away).sqrt()
    return torch.where(norm > 0, norm, 1)
