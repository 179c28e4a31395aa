"""Sizes and schedules of unrolled networks, where none are asked for."""

import numpy as np

__all__ = ["default_embedding_dim", "default_schedule"]

# Channels of the embedding of images.
CHANNELS = 32
# Samples that training sees, and pixels of images; pixels of a step.
SAMPLES, PIXELS, STEP_PIXELS = 300_000, 60_000_000, 65_536
LEARNING_RATE = 0.005
# Draws of vectors take this many times the passes: the weights of modes are learned
# later than their means.
DRAW_FACTOR = 3


def default_embedding_dim(n_unknowns, image_shape):
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
        return CHANNELS
    return int(np.clip(4 * n_unknowns, 64, 256))


def default_schedule(n_samples, n_unknowns, image_shape, loss="mse"):
    """Length and steps of the training.

    Parameters
    ----------
    n_samples, n_unknowns : int
        Number of samples to train on, and of unknowns of each.
    image_shape : tuple of int or None
        Shape of models that are images.
    loss : {"mse", "energy"}, default="mse"
        What is minimised.

    Returns
    -------
    dict
        ``max_iter``, ``batch_size`` and ``learning_rate``.
    """
    if image_shape is None:
        longer = DRAW_FACTOR if loss == "energy" else 1
        n_passes = longer * np.clip(SAMPLES // n_samples, 10, 40)
        batch_size = np.clip(n_samples // 16, 16, 256)
    else:
        n_passes = np.clip(PIXELS // (n_samples * n_unknowns), 2, 40)
        batch_size = np.clip(STEP_PIXELS // n_unknowns, 8, 32)
    return {
        "max_iter": int(n_passes),
        "batch_size": int(batch_size),
        "learning_rate": LEARNING_RATE,
    }
