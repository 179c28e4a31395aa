"""Embeddings x = E z into more unknowns: one kernel, one a layer, or one in time."""

import torch
from torch import nn
from torch.nn import functional

from skhj.inverse.unrolled.potential import normal, transposed_convolution

__all__ = ["ConvEmbedding", "DenseEmbedding", "Kernels"]

# Units of the network in time; the first starts saturated, as the constant.
TIME_UNITS, CONSTANT = 16, 3.0


class Kernels(nn.Module):
    r"""Kernels of an embedding at the times 0, 1/J, ..., 1.

    Parameters
    ----------
    start : Tensor
        The kernel that all of them are at the start.
    n_layers : int
        Number of layers J.
    kind : {"shared", "layer", "time"}
        One kernel; J + 1 of them; or :math:`E(\tau) = W_2 \tanh(\tau w_1 + c)`.
    generator : torch.Generator
        Source of the initial weights of the network in time.
    """

    def __init__(self, start, n_layers, kind, *, generator):
        super().__init__()
        self.kind, self.n_layers, self.shape = kind, n_layers, start.shape
        if kind == "time":
            rate = normal((TIME_UNITS,), generator)
            shift = normal((TIME_UNITS,), generator)
            rate[0], shift[0] = 0.0, CONSTANT
            outer = 1e-2 * normal((start.numel(), TIME_UNITS), generator)
            outer *= start.square().mean().sqrt()
            outer[:, 0] = start.flatten() / shift[0].tanh()
            self.rate, self.shift = nn.Parameter(rate), nn.Parameter(shift)
            self.outer = nn.Parameter(outer)
        else:
            n_kernels = 1 if kind == "shared" else n_layers + 1
            self.kernels = nn.ParameterList(start.clone() for _ in range(n_kernels))

    def forward(self):
        """Kernels of the times 0 to 1, a list of J + 1 tensors."""
        if self.kind == "layer":
            return list(self.kernels)
        if self.kind == "shared":
            return [self.kernels[0]] * (self.n_layers + 1)
        times = torch.linspace(0, 1, self.n_layers + 1).to(self.rate)
        features = torch.tanh(times[:, None] * self.rate + self.shift)
        return list((features @ self.outer.T).reshape(-1, *self.shape))


class DenseEmbedding:
    """Vectors: E is a matrix of shape (k, K)."""

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


class ConvEmbedding:
    """Images: E is a convolution from channels, at full or half resolution.

    Unknowns are flattened images (n, N), embeddings (n, C, H', W'). At half resolution
    the four pixels of a block are four channels, between which and the others the
    convolution is; images of odd sides are continued by zeros.

    Parameters
    ----------
    image_shape : tuple of int
        Shape (H, W) of the images.
    block : {1, 2}
        Side of the block of pixels that is one place of the embedding.
    """

    def __init__(self, image_shape, block):
        self.image_shape, self.block = tuple(image_shape), block
        H, W = self.image_shape
        self.padding = (0, -W % block, 0, -H % block)

    def kernel_shape(self, n_channels):
        """Shape of a kernel."""
        return n_channels, self.block**2, 3, 3

    def start(self, n_features, n_channels, generator):
        """Kernel of a tight frame of the blocks of the image, E E^T = 1."""
        n_pixels = self.block**2
        kernel = torch.zeros(self.kernel_shape(n_channels), dtype=torch.float32)
        frame = DenseEmbedding.start(n_pixels, n_channels, generator)
        kernel[:, :, 1, 1] = frame.T
        return kernel

    def expand(self, kernel, z):
        """E z, from (n, C, H', W') to (n, N)."""
        blocks = transposed_convolution(z, kernel)
        images = functional.pixel_shuffle(blocks, self.block)[:, 0]
        H, W = self.image_shape
        return images[:, :H, :W].flatten(1)

    def restrict(self, kernel, u):
        """E^T u, from (n, N) to (n, C, H', W')."""
        images = functional.pad(u.reshape(len(u), 1, *self.image_shape), self.padding)
        blocks = functional.pixel_unshuffle(images, self.block)
        return functional.conv2d(blocks, kernel, padding=1)
