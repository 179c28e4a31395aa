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
        First guesses; means over 3 by 3 pixels by default. With noise 25/255 and 48
        filters they save a quarter of the steps from the noisy images, with noise 5/255
        none.

    Returns
    -------
    Minimum
        Denoised images, residuals and numbers of steps.
    """
    solver = MemoryGradient() if solver is None else solver
    start = _smoothed(noisy) if start is None else start
    size = potential.filters.weights.shape[0] * noisy[0].numel()
    minima = []
    # A GPU is busy with large blocks only.
    block_size = 2**26 if noisy.is_cuda else 2**20
    for rows in row_blocks(len(noisy), size, block_size=block_size):
        energy = Denoising(potential, noisy[rows])
        minima.append(solver.minimise(energy, start[rows], noise_scale(noisy[rows])))
    return Minimum(*(torch.cat(parts) for parts in zip(*minima, strict=True)))


def _smoothed(images):
    """Means of each pixel and its neighbours; images of one row have two of them."""
    sides = [3 if size > 1 else 1 for size in images.shape[-2:]]
    margins = [side // 2 for side in sides for _ in range(2)]
    padded = torch.nn.functional.pad(images, margins[::-1], mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, sides, stride=1)


def noise_scale(images):
    """Norm of each image minus its mean, shape (n,); one where that is zero."""
    away = images - images.mean((1, 2, 3), keepdim=True)
    norm = row_products(away, away).sqrt()
    return torch.where(norm > 0, norm, 1)
