"""What an unrolled network is made of."""

import math
from dataclasses import dataclass

__all__ = ["Architecture"]


@dataclass(frozen=True)
class Architecture:
    """Kind and sizes of an unrolled network.

    Parameters
    ----------
    network : {"eunet", "optenet", "proximal"}
        What is unrolled.
    embedding_dim : int
        Dimension K of the embedding, channels for images; hidden units of "proximal".
    embedding : {"shared", "layer", "time"}, default="layer"
        Kernels of "eunet".
    n_layers : int, default=4
        Number of layers J.
    potential_depth : int, default=2
        Layers of each potential.
    image_shape : tuple of int or None, default=None
        Shape (C, H, W) of models that are images, for which all is convolutional.
    resolution : {"half", "full"}, default="half"
        Resolution of the embedding of images.
    potential : {"learned", "l1"}, default="learned"
        A network, or a weighted l1 norm.
    remainder : bool, default=True
        Whether what the embedding leaves of the start is kept, x = r + E z; x = E z if
        not.
    noisy : bool, default=False
        Whether noise of learned size is added before each layer.
    seed : int, default=0
        Seed of the initial weights, and of the noise of answers.
    """

    network: str
    embedding_dim: int
    embedding: str = "layer"
    n_layers: int = 4
    potential_depth: int = 2
    image_shape: tuple[int, int, int] | None = None
    resolution: str = "half"
    potential: str = "learned"
    remainder: bool = True
    noisy: bool = False
    seed: int = 0

    @property
    def convolutional(self):
        """Whether models are images."""
        return self.image_shape is not None

    @property
    def block(self):
        """Sides of the block of pixels that is one place of the embedding."""
        side = 2 if self.resolution == "half" else 1
        return (1 if self.image_shape[1] == 1 else side), side

    def n_places(self, n_unknowns):
        """Places at which each weight is applied."""
        if not self.convolutional:
            return 1
        return n_unknowns // (self.image_shape[0] * math.prod(self.block))
