"""Rows that count several times."""

import numpy as np

__all__ = ["repeated_rows"]


def repeated_rows(counts, mask=None):
    """Each row as often as it counts: all of them once, then those that count twice...

    Parameters
    ----------
    counts : ndarray of shape (n,), dtype int
        How often each counts.
    mask : ndarray of shape (n,), dtype bool, or None, default=None
        The rows that are wanted; None wants all.

    Returns
    -------
    ndarray of int
        Indices of rows. Copies are far apart: neighbours are different rows.
    """
    rows = np.arange(len(counts)) if mask is None else np.flatnonzero(mask)
    counts = counts[rows]
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    turn = np.arange(len(starts)) - starts
    return np.repeat(rows, counts)[np.argsort(turn, kind="stable")]
