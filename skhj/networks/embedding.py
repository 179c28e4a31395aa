"""Embeddings x = E z into more unknowns: one kernel, one a layer, or one in time."""

import torch
from torch import nn
from torch.nn import functional

from skhj.networks.potential import normal

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
    """Images: E is a transposed convolution, from channels at full or half resolution.

    Unknowns are flattened images (n, N), embeddings (n, C, H', W').

    Parameters
    ----------
    image_shape : tuple of int
        Shape (H, W) of the images.
    stride : {1, 2}
        Pixels of the image to one of the embedding, along each side.
    """

    def __init__(self, image_shape, stride):
        self.image_shape, self.stride = tuple(image_shape), stride
        # Kernels reach one pixel beyond the pixels that they share between them.
        self.size = stride + 2
        # Where a side is odd, its last pixels are reached from one side only.
        self.output_padding = tuple(side % stride for side in image_shape)

    def start(self, n_features, n_channels, generator):
        """Kernels (C, 1, size, size) of a tight frame of the blocks of the image."""
        block = self.stride**2
        frame = DenseEmbedding.start(block, max(n_channels, block + 1), generator)
        frame = frame[:, :n_channels]
        kernel = torch.zeros(n_channels, 1, self.size, self.size, dtype=torch.float32)
        inner = slice(1, 1 + self.stride)
        kernel[:, 0, inner, inner] = frame.T.reshape(-1, self.stride, self.stride)
        return kernel

    def expand(self, kernel, z):
        """E z, from (n, C, H', W') to (n, N)."""
        images = functional.conv_transpose2d(
            z,
            kernel,
            stride=self.stride,
            padding=1,
            output_padding=self.output_padding,
        )
        return images.flatten(1)

    def restrict(self, kernel, u):
        """E^T u, from (n, N) to (n, C, H', W')."""
        images = u.reshape(len(u), 1, *self.image_shape)
        return functional.conv2d(images, kernel, stride=self.stride, padding=1)
