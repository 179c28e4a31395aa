"""Checks of what the data sets have in common."""

from numbers import Real

import numpy as np

from skhj.numerics.given_numbers import check_size

__all__ = ["check_noise"]


def check_noise(noise: float) -> float:
    """Refuse what is no standard deviation.

    Parameters
    ----------
    noise : float
        What was given.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ValueError
        If it is no finite number, or negative.
    """
    if not isinstance(noise, Real) or not 0 <= noise < np.inf:
        raise ValueError(f"noise must be a non-negative finite number, got {noise!r}")
    return check_size(float(noise), "noise")
