"""Build unrolled networks of their architecture."""

import torch

from skhj.inverse.unrolled.embedding import KERNELS, ConvEmbedding, DenseEmbedding
from skhj.inverse.unrolled.l1_potential import L1Potential
from skhj.inverse.unrolled.network import (
    EmbeddedNetwork,
    Halving,
    LiteralNetwork,
    ProximalNetwork,
)
from skhj.inverse.unrolled.potential import ConvPotential, DensePotential
from skhj.inverse.unrolled.proximal import ConvProx, DenseProx

__all__ = ["make_unrolled"]


def make_unrolled(physics, architecture):
    """Build an unrolled network with reproducible weights in single precision.

    Parameters
    ----------
    physics : nn.Module
        The misfit.
    architecture : Architecture
        What to build.

    Returns
    -------
    nn.Module
        The network.
    """
    parts = _ImageParts if architecture.convolutional else _VectorParts
    build = _BUILDERS[architecture.network]
    return build(physics, architecture, parts(physics, architecture)).float()


class _VectorParts:
    """Layers of networks on vectors."""

    potential, proximal = DensePotential, DenseProx

    def __init__(self, physics, architecture):
        self.embedding = DenseEmbedding()
        self.prox_size = physics.n_unknowns
        self.noise_shapes = (physics.n_unknowns,), (architecture.embedding_dim,)


class _ImageParts:
    """Layers of networks on images, one noise for all pixels of a channel."""

    potential, proximal = ConvPotential, ConvProx

    def __init__(self, physics, architecture):
        self.embedding = ConvEmbedding(architecture.image_shape, architecture.block)
        self.prox_size = self.embedding
        self.noise_shapes = (1,), (architecture.embedding_dim, 1, 1)


def _proximal(physics, architecture, parts):
    generator = torch.Generator().manual_seed(architecture.seed)
    operators = [
        parts.proximal(parts.prox_size, architecture.embedding_dim, generator=generator)
        for _ in range(architecture.n_layers)
    ]
    noise_shape = parts.noise_shapes[0] if architecture.noisy else None
    return ProximalNetwork(physics, operators, noise_shape=noise_shape)


def _eunet(physics, architecture, parts):
    kernels = KERNELS[architecture.embedding]
    n_potentials = 1 if kernels.timed else architecture.n_layers
    return _embedded(physics, architecture, parts, kernels, n_potentials)


def _optenet(physics, architecture, parts):
    kernels = KERNELS["shared"]
    return _embedded(physics, architecture, parts, kernels, 1, halving=Halving())


def _embedded(physics, architecture, parts, kernels, n_potentials, halving=None):
    generator = torch.Generator().manual_seed(architecture.seed)
    K, n_layers = architecture.embedding_dim, architecture.n_layers
    start = parts.embedding.start(physics.n_unknowns, K, generator)
    potentials = [
        _potential(architecture, parts, timed=kernels.timed, generator=generator)
        for _ in range(n_potentials)
    ]
    kind = EmbeddedNetwork if architecture.remainder else LiteralNetwork
    return kind(
        physics,
        parts.embedding,
        kernels(start, n_layers, generator=generator),
        potentials,
        n_layers,
        halving=halving,
        noise_shape=parts.noise_shapes[1] if architecture.noisy else None,
    )


def _potential(architecture, parts, *, timed, generator):
    K = architecture.embedding_dim
    if architecture.potential == "l1":
        return L1Potential(K)
    depth = architecture.potential_depth
    return parts.potential(K, K, depth, timed=timed, generator=generator)


_BUILDERS = {"eunet": _eunet, "optenet": _optenet, "proximal": _proximal}
