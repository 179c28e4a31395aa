"""Samples held out: they choose among weights and among models."""

import numpy as np

__all__ = ["hold_out"]


def hold_out(n_samples, fraction, rng):
    """Choose samples to hold out: two at least, where that leaves two, and not all.

    Parameters
    ----------
    n_samples : int
        Number of samples, two or more.
    fraction : float
        Share of them to hold out.
    rng : RandomState
        Source of the choice.

    Returns
    -------
    ndarray of shape (n_samples,), dtype bool
        Whether each is held out.
    """
    smallest = 2 if n_samples >= 4 else 1
    n_held_out = int(np.clip(np.ceil(fraction * n_samples), smallest, n_samples - 1))
    held_out = np.zeros(n_samples, dtype=bool)
    held_out[rng.permutation(n_samples)[:n_held_out]] = True
    return held_out
