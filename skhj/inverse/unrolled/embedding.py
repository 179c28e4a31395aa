"""Embeddings x = E z into more unknowns: one kernel, one a layer, or one in time."""

import math

import torch
from torch import nn
from torch.nn import functional

from skhj.inverse.unrolled.potential import normal, transposed_convolution

__all__ = [
    "KERNELS",
    "ConvEmbedding",
    "DenseEmbedding",
    "LayerKernels",
    "SharedKernels",
    "TimedKernels",
]


class Kernels(nn.Module):
    r"""Kernels of an embedding at the times 0, 1/J, ..., 1; a subclass has ``forward``.

    Parameters
    ----------
    start : Tensor
        The kernel that all of them are at the start.
    n_layers : int
        Number of layers J.
    """

    timed = False

    def __init__(self, start, n_layers):
        super().__init__()
        self.n_layers, self.shape = n_layers, start.shape


class SharedKernels(Kernels):
    """One kernel for all times."""

    def __init__(self, start, n_layers, *, generator=None):
        super().__init__(start, n_layers)
        self.kernels = nn.ParameterList([start.clone()])

    def forward(self):
        """Kernels of the times 0 to 1, a list of J + 1 tensors."""
        return [self.kernels[0]] * (self.n_layers + 1)


class LayerKernels(Kernels):
    """A kernel for each of the J + 1 times."""

    def __init__(self, start, n_layers, *, generator=None):
        super().__init__(start, n_layers)
        self.kernels = nn.ParameterList(start.clone() for _ in range(n_layers + 1))

    def forward(self):
        """Kernels of the times 0 to 1, a list of J + 1 tensors."""
        return list(self.kernels)


class TimedKernels(Kernels):
    r"""A small network in time, :math:`E(\tau) = W_2 \tanh(\tau w_1 + c)`.

    Parameters
    ----------
    start : Tensor
        The kernel that all of them are at the start, but for small parts.
    n_layers : int
        Number of layers J.
    n_units : int, default=16
        Units of the network.
    constant : float, default=3.0
        The c of the first unit, which starts saturated, as the constant.
    size : float, default=1e-2
        Size of the outer weights of the others, relative to the kernel's.
    generator : torch.Generator
        Source of the initial weights.
    """

    timed = True

    def __init__(
        self, start, n_layers, *, n_units=16, constant=3.0, size=1e-2, generator
    ):
        super().__init__(start, n_layers)
        rate, shift = normal((n_units,), generator), normal((n_units,), generator)
        rate[0], shift[0] = 0.0, constant
        outer = size * normal((start.numel(), n_units), generator)
        outer *= start.square().mean().sqrt()
        outer[:, 0] = start.flatten() / shift[0].tanh()
        self.rate, self.shift = nn.Parameter(rate), nn.Parameter(shift)
        self.outer = nn.Parameter(outer)

    def forward(self):
        """Kernels of the times 0 to 1, a list of J + 1 tensors."""
        times = torch.linspace(0, 1, self.n_layers + 1).to(self.rate)
        features = torch.tanh(times[:, None] * self.rate + self.shift)
        return list((features @ self.outer.T).reshape(-1, *self.shape))


KERNELS = {"shared": SharedKernels, "layer": LayerKernels, "time": TimedKernels}


class DenseEmbedding:
    """Vectors: E is a matrix of shape (k, K)."""

    is_matrix = True

    @staticmethod
    def start(n_features, embedding_dim, generator):
        """Kernel of a tight frame, E E^T = 1; of the first coordinates, where fewer."""
        shape = (n_features, embedding_dim)
        if embedding_dim <= n_features:
            return torch.eye(*shape, dtype=torch.float32)
        q, r = torch.linalg.qr(normal(shape[::-1], generator))
        return (q * r.diagonal().sign()).T.contiguous()

    @staticmethod
    def expand(kernel, z):
        """E z, from (n, K) to (n, k)."""
        return functional.linear(z, kernel)

    @staticmethod
    def restrict(kernel, u):
        """E^T u, from (n, k) to (n, K)."""
        return u @ kernel

    @staticmethod
    def columns(kernel):
        """Columns of E, (K, k)."""
        return kernel.T


class ConvEmbedding:
    """Images: E is a convolution from channels, at full or half resolution.

    Unknowns are flattened images (n, N), embeddings (n, K, H', W'). At half resolution
    the pixels of a block are channels, between which and the others the convolution is;
    images of odd sides are continued by zeros.

    Parameters
    ----------
    image_shape : tuple of int
        Shape (C, H, W) of the images.
    block : tuple of int
        Sides of the block of pixels that is one place of the embedding.
    """

    is_matrix = False

    def __init__(self, image_shape, block):
        self.image_shape, self.block = tuple(image_shape), tuple(block)
        _, H, W = self.image_shape
        self.padding = (0, -W % self.block[1], 0, -H % self.block[0])

    @property
    def n_pixels(self):
        """Pixels of a block, those of each channel."""
        return self.image_shape[0] * math.prod(self.block)

    def kernel_shape(self, n_channels):
        """Shape of a kernel."""
        return n_channels, self.n_pixels, 3, 3

    def start(self, n_features, n_channels, generator):
        """Kernel of a tight frame of the blocks of the image, E E^T = 1."""
        kernel = torch.zeros(self.kernel_shape(n_channels), dtype=torch.float32)
        frame = DenseEmbedding.start(self.n_pixels, n_channels, generator)
        kernel[:, :, 1, 1] = frame.T
        return kernel

    def expand(self, kernel, z):
        """E z, from (n, K, H', W') to (n, N)."""
        blocks = transposed_convolution(z, kernel)
        n, _, rows, columns = blocks.shape
        (C, H, W), (h, w) = self.image_shape, self.block
        # torch's own shuffle takes more than twice the time on a CPU.
        blocks = blocks.reshape(n, C, h, w, rows, columns).permute(0, 1, 4, 2, 5, 3)
        images = blocks.reshape(n, C, rows * h, columns * w)
        return images[:, :, :H, :W].flatten(1)

    def restrict(self, kernel, u):
        """E^T u, from (n, N) to (n, K, H', W')."""
        images = functional.pad(u.reshape(len(u), *self.image_shape), self.padding)
        (n, C, H, W), (h, w) = images.shape, self.block
        blocks = images.reshape(n, C, H // h, h, W // w, w).permute(0, 1, 3, 5, 2, 4)
        blocks = blocks.reshape(n, C * h * w, H // h, W // w)
        return functional.conv2d(blocks, kernel, padding=1)

    def columns(self, kernel):
        """Columns of E of the place in the middle, one a channel, (C, N)."""
        sides = zip(self.image_shape[1:], self.block, strict=True)
        places = [-(-size // side) for size, side in sides]
        z = torch.zeros(len(kernel), len(kernel), *places).to(kernel)
        middle = (slice(None), slice(None), *(size // 2 for size in places))
        z[middle] = torch.eye(len(kernel)).to(kernel)
        return self.expand(kernel, z)
