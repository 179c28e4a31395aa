"""Checks of what the data sets have in common."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_scalar

from skhj.numerics.given_numbers import check_size

__all__ = ["check_n_samples", "check_noise"]


def check_noise(noise):
    """Refuse what is no standard deviation.

    Parameters
    ----------
    noise : object
        What was given.

    Raises
    ------
    ValueError
        If it is no finite number, or negative.
    """
    if not isinstance(noise, Real) or not 0 <= noise < np.inf:
        raise ValueError(f"noise must be a non-negative finite number, got {noise!r}")
    check_size(noise, "noise")


def check_n_samples(n_samples):
    """Refuse what is no number of samples.

    Parameters
    ----------
    n_samples : object
        What was given.

    Raises
    ------
    TypeError
        If it is no int.
    ValueError
        If it is not positive.
    """
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
