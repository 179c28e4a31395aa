"""Build unrolled networks by name."""

import torch

from skhj.inverse.unrolled.embedding import ConvEmbedding, DenseEmbedding, Kernels
from skhj.inverse.unrolled.network import EmbeddedNetwork, ProximalNetwork
from skhj.inverse.unrolled.potential import ConvPotential, DensePotential
from skhj.inverse.unrolled.proximal import ConvProx, DenseProx

__all__ = ["make_unrolled"]


def make_unrolled(
    physics,
    *,
    network,
    embedding,
    embedding_dim,
    n_layers,
    potential_depth,
    image_shape=None,
    resolution="half",
    noisy=False,
    seed,
):
    """Build an unrolled network with reproducible weights in single precision.

    Parameters
    ----------
    physics : nn.Module
        The misfit.
    network : {"eunet", "optenet", "proximal"}
        What to build.
    embedding : {"shared", "layer", "time"}
        Kernels of "eunet".
    embedding_dim : int
        Dimension K of the embedding, channels for images; hidden units of "proximal".
    n_layers : int
        Number of layers J.
    potential_depth : int
        Layers of each potential.
    image_shape : tuple of int or None, default=None
        Shape (H, W) of models that are images, for which all is convolutional.
    resolution : {"half", "full"}, default="half"
        Resolution of the embedding of images.
    noisy : bool, default=False
        Whether noise of learned size is added before each layer.
    seed : int
        Seed of the initial weights.

    Returns
    -------
    nn.Module
        The network.
    """
    generator = torch.Generator().manual_seed(seed)
    K, n_units, n_features = embedding_dim, embedding_dim, physics.n_unknowns
    embed, size = DenseEmbedding(), n_features
    prox, potential = DenseProx, DensePotential
    noise_shapes = (n_features,), (K,)
    if image_shape is not None:
        noise_shapes = (1,), (K, 1, 1)
        embed = size = ConvEmbedding(image_shape, 2 if resolution == "half" else 1)
        prox, potential = ConvProx, ConvPotential
    if network == "proximal":
        operators = [prox(size, K, generator=generator) for _ in range(n_layers)]
        noise_shape = noise_shapes[0] if noisy else None
        return ProximalNetwork(physics, operators, noise_shape=noise_shape).float()
    descending = network == "optenet"
    kind = "shared" if descending else embedding
    start = embed.start(n_features, K, generator)
    potentials = [
        potential(
            K, n_units, potential_depth, timed=kind == "time", generator=generator
        )
        for _ in range(1 if descending or kind == "time" else n_layers)
    ]
    kernels = Kernels(start, n_layers, kind, generator=generator)
    return EmbeddedNetwork(
        physics,
        embed,
        kernels,
        potentials,
        n_layers,
        descending=descending,
        noise_shape=noise_shapes[1] if noisy else None,
    ).float()
