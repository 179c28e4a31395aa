"""Sizes and schedules of unrolled networks, where none are asked for."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["Defaults", "Passes"]


class Passes(NamedTuple):
    """Length and steps of a training.

    Attributes
    ----------
    max_iter, batch_size : int
        Passes over the samples, and samples a step.
    learning_rate : float
        Largest step size.
    """

    max_iter: int
    batch_size: int
    learning_rate: float


@dataclass(frozen=True)
class Defaults:
    """Rules by which sizes follow from those of the data.

    The benchmarks of vectors (duathlon, sparse, magnetics) and of images (deblurring)
    run with them.

    Parameters
    ----------
    embedding : tuple of int, default=(64, 256)
        Smallest and largest dimension of the embedding of vectors; between them it is
        four times the number of unknowns.
    channels : int, default=32
        Channels of the embedding of images.
    samples : int, default=300_000
        Vectors that training sees, counted in all passes.
    passes : tuple of int, default=(10, 40)
        Fewest and most passes over vectors.
    batch : tuple of int, default=(16, 256)
        Fewest and most vectors a step; between them a sixteenth of all.
    draw_factor : int, default=3
        Draws of vectors take this many times the passes: the weights of modes are
        learned later than their means.
    pixels : int, default=60_000_000
        Pixels that training sees, counted in all passes.
    image_passes : tuple of int, default=(2, 40)
        Fewest and most passes over images.
    step_pixels : int, default=65_536
        Pixels of a step: twice as many as before took a fifth less time for a quarter
        of a per cent of the error.
    image_batch : tuple of int, default=(8, 32)
        Fewest and most images a step.
    learning_rate : float, default=0.005
        Largest step size.
    """

    embedding: tuple[int, int] = (64, 256)
    channels: int = 32
    samples: int = 300_000
    passes: tuple[int, int] = (10, 40)
    batch: tuple[int, int] = (16, 256)
    draw_factor: int = 3
    pixels: int = 60_000_000
    image_passes: tuple[int, int] = (2, 40)
    step_pixels: int = 65_536
    image_batch: tuple[int, int] = (8, 32)
    learning_rate: float = 0.005

    def embedding_dim(self, n_unknowns, image_shape):
        """Dimension of the embedding of vectors, channels of that of images.

        Parameters
        ----------
        n_unknowns : int
            Number of unknowns.
        image_shape : tuple of int or None
            Shape of models that are images.

        Returns
        -------
        int
            The dimension.
        """
        if image_shape is not None:
            return self.channels
        return int(np.clip(4 * n_unknowns, *self.embedding))

    def schedule(self, n_samples, n_unknowns, image_shape, *, draws=False):
        """Length and steps of the training.

        Parameters
        ----------
        n_samples, n_unknowns : int
            Number of samples to train on, and of unknowns of each.
        image_shape : tuple of int or None
            Shape of models that are images.
        draws : bool, default=False
            Whether the network learns to draw from the posterior.

        Returns
        -------
        Passes
            The schedule.
        """
        if image_shape is None:
            longer = self.draw_factor if draws else 1
            n_passes = longer * np.clip(self.samples // n_samples, *self.passes)
            batch_size = np.clip(n_samples // 16, *self.batch)
        else:
            n_passes = self.pixels // (n_samples * n_unknowns)
            n_passes = np.clip(n_passes, *self.image_passes)
            batch_size = np.clip(self.step_pixels // n_unknowns, *self.image_batch)
        return Passes(int(n_passes), int(batch_size), self.learning_rate)
