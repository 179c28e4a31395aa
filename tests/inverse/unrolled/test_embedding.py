"""Embeddings x = E z."""

import math

import pytest
import torch

from skhj.inverse.unrolled.embedding import KERNELS, ConvEmbedding, DenseEmbedding


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(*shape, seed=0):
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


SHAPES = [(1, 6, 8), (1, 7, 6), (3, 5, 9), (1, 1, 9)]
images = pytest.mark.parametrize("image_shape", SHAPES)
blocks = pytest.mark.parametrize("block", [(1, 1), (2, 2), (1, 2)])


def test_dense_restriction_is_the_adjoint():
    kernel, z, u = draw(3, 5), draw(4, 5, seed=1), draw(4, 3, seed=2)
    there = (DenseEmbedding.expand(kernel, z) * u).sum()
    torch.testing.assert_close(there, (z * DenseEmbedding.restrict(kernel, u)).sum())


@images
@blocks
def test_convolutional_restriction_is_the_adjoint(image_shape, block):
    embedding = ConvEmbedding(image_shape, block)
    kernel = draw(*embedding.kernel_shape(5))
    u = draw(4, math.prod(image_shape), seed=1)
    z = draw(*embedding.restrict(kernel, u).shape, seed=2)
    there = (embedding.expand(kernel, z) * u).sum()
    torch.testing.assert_close(there, (z * embedding.restrict(kernel, u)).sum())


@pytest.mark.parametrize("embedding_dim", [3, 8])
def test_dense_start_is_a_tight_frame(embedding_dim):
    kernel = DenseEmbedding.start(3, embedding_dim, seeded())
    # Single precision.
    torch.testing.assert_close(kernel @ kernel.T, torch.eye(3), atol=1e-6, rtol=0)


@images
@blocks
def test_convolutional_start_is_a_tight_frame(image_shape, block):
    embedding = ConvEmbedding(image_shape, block)
    u = draw(2, math.prod(image_shape))
    kernel = embedding.start(u.shape[1], 12, seeded()).double()
    again = embedding.expand(kernel, embedding.restrict(kernel, u))
    torch.testing.assert_close(again, u, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["shared", "layer", "time"])
def test_kernels_start_where_they_are_told(kind):
    start = draw(3, 5).float()
    kernels = KERNELS[kind](start, 4, generator=seeded())()
    assert len(kernels) == 5
    size = start.square().mean().sqrt()
    for kernel in kernels:
        # In time, fifteen small units are added to the constant.
        assert (kernel - start).abs().max() <= (0.2 * size if kind == "time" else 0)


def test_shared_kernels_are_one_and_those_of_layers_are_not():
    start = draw(3, 5).float()
    shared = KERNELS["shared"](start, 4)
    assert len(list(shared.parameters())) == 1
    assert len(list(KERNELS["layer"](start, 4).parameters())) == 5
    timed = KERNELS["time"](start, 4, generator=seeded())
    first, *_, last = timed()
    assert (first - last).abs().max() > 0


def test_kernels_in_time_are_their_formula_from_the_first_time_to_the_last():
    kernels = KERNELS["time"](draw(3, 5).float(), 4, generator=seeded())
    for layer, kernel in enumerate(kernels()):
        features = torch.tanh(layer / 4 * kernels.rate + kernels.shift)
        # Single precision.
        torch.testing.assert_close(kernel.flatten(), kernels.outer @ features)
