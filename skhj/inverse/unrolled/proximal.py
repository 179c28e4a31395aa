"""Learned proximal operators: residual networks, the identity at the start."""

import math

import torch
from torch import nn
from torch.nn import functional

from skhj.inverse.unrolled.potential import normal

__all__ = ["ConvProx", "DenseProx"]


class DenseProx(nn.Module):
    """Residual network v + W_2 relu(W_1 v + b_1) + b_2, the identity at the start.

    Parameters
    ----------
    n_features, n_units : int
        Sizes of v and of the hidden layer.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, n_features, n_units, *, generator):
        super().__init__()
        weight = normal((n_units, n_features), generator) / math.sqrt(n_features)
        self.inner_weight = nn.Parameter(weight)
        self.inner_bias = nn.Parameter(normal((n_units,), generator))
        self.outer_weight = nn.Parameter(
            torch.zeros(n_features, n_units, dtype=torch.float32)
        )
        self.outer_bias = nn.Parameter(torch.zeros(n_features, dtype=torch.float32))

    def forward(self, v):
        """Proximal points, (n, k)."""
        hidden = functional.linear(v, self.inner_weight, self.inner_bias).relu()
        return v + functional.linear(hidden, self.outer_weight, self.outer_bias)


class ConvProx(nn.Module):
    """Residual network of three convolutions, the outer ones those of an embedding.

    Parameters
    ----------
    embedding : ConvEmbedding
        Takes images to channels, and back.
    n_channels : int
        Channels between.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(self, embedding, n_channels, *, generator):
        super().__init__()
        self.embedding = embedding
        outer = embedding.kernel_shape(n_channels)
        weight = normal(outer, generator) / math.sqrt(math.prod(outer[1:]))
        self.inner_weight = nn.Parameter(weight)
        self.inner_bias = nn.Parameter(0.1 * normal((n_channels, 1, 1), generator))
        weight = normal((n_channels, n_channels, 3, 3), generator)
        self.weight = nn.Parameter(weight * math.sqrt(2 / (9 * n_channels)))
        self.bias = nn.Parameter(0.1 * normal((n_channels,), generator))
        self.outer_weight = nn.Parameter(torch.zeros(outer, dtype=torch.float32))

    def forward(self, v):
        """Proximal points, (n, N)."""
        hidden = self.embedding.restrict(self.inner_weight, v) + self.inner_bias
        hidden = functional.conv2d(hidden.relu(), self.weight, self.bias, padding=1)
        return v + self.embedding.expand(self.outer_weight, hidden.relu())
