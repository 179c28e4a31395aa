"""Build unrolled networks by name."""

import torch

from skhj.networks.embedding import DenseEmbedding, Kernels
from skhj.networks.physics import DensePhysics
from skhj.networks.potential import DensePotential
from skhj.networks.unrolled import DenseProx, EmbeddedNetwork, ProximalNetwork

__all__ = ["make_unrolled"]


def make_unrolled(
    physics,
    network,
    *,
    n_features,
    embedding_dim,
    embedding,
    n_layers,
    potential_depth,
    seed,
):
    """Build an unrolled network with reproducible weights in single precision.

    Parameters
    ----------
    physics : nn.Module
        The misfit.
    network : {"eunet", "optenet", "proximal"}
        What to build.
    n_features : int
        Number of unknowns k.
    embedding_dim : int
        Dimension K of the embedding; hidden units of "proximal".
    embedding : {"shared", "layer", "time"}
        Kernels of "eunet".
    n_layers : int
        Number of layers J.
    potential_depth : int
        Layers of each potential.
    seed : int
        Seed of the initial weights.

    Returns
    -------
    nn.Module
        The network.
    """
    generator = torch.Generator().manual_seed(seed)
    if network == "proximal":
        operators = [
            DenseProx(n_features, embedding_dim, generator=generator)
            for _ in range(n_layers)
        ]
        return ProximalNetwork(physics, operators)
    descending = network == "optenet"
    kind = "shared" if descending else embedding
    start = DenseEmbedding.start(n_features, embedding_dim, generator)
    potentials = [
        DensePotential(
            embedding_dim,
            embedding_dim,
            potential_depth,
            timed=kind == "time",
            generator=generator,
        )
        for _ in range(1 if descending or kind == "time" else n_layers)
    ]
    kernels = Kernels(start, n_layers, kind, generator=generator)
    return EmbeddedNetwork(
        physics, DenseEmbedding, kernels, potentials, n_layers, descending=descending
    )


def physics_from_arrays(arrays):
    """Physics with the buffers of a saved network."""
    prefix = "physics."
    buffers = {
        name.removeprefix(prefix): torch.tensor(array)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
    return DensePhysics(**buffers)
