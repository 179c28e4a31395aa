"""Numbers that a caller gave: errors that name them."""

from numbers import Integral

import numpy as np

__all__ = ["check_size", "given_numbers", "positive_integer"]


def given_numbers(value, name):
    """Array of floats, or an error that names what was none.

    Parameters
    ----------
    value : array-like
        What was given.
    name : str
        What errors call it.

    Returns
    -------
    ndarray of float64
        The numbers.

    Raises
    ------
    ValueError
        If it is no array of real numbers.

    Examples
    --------
    >>> from skhj.numerics.given_numbers import given_numbers
    >>> given_numbers([1, 2], "widths")
    array([1., 2.])
    """
    try:
        array = np.asarray(value)
        if array.dtype.kind in "buifO":
            return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):  # rows of several lengths, objects
        pass
    raise ValueError(f"{name} must be real numbers, got {value!r}")


def check_size(array, name="X", *, largest=1e153):
    """Refuse numbers that are too large.

    Parameters
    ----------
    array : ndarray, float or None
        Points, values or gradients; None where there are none.
    name : str, default="X"
        What errors call them.
    largest : float, default=1e153
        Their largest size: the product of two is a number.

    Returns
    -------
    ndarray or None
        The same array.

    Raises
    ------
    ValueError
        If one is larger.
    """
    size = 0.0
    if array is not None:  # without a copy of absolute values
        size = max(float(np.max(array, initial=0)), -float(np.min(array, initial=0)))
    if size > largest:
        raise ValueError(
            f"{name} must be at most {largest:g} in size, got {size:g}: choose other "
            "units"
        )
    return array


def positive_integer(number, name, *, largest=2**31 - 1):
    """Refuse what counts nothing: samples, features, stations.

    Parameters
    ----------
    number : int
        What was given.
    name : str
        What errors call it.
    largest : int, default=2**31 - 1
        More than that no array has room for.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        If it is no integer from 1 to ``largest``.

    Examples
    --------
    >>> from skhj.numerics.given_numbers import positive_integer
    >>> positive_integer(3, "n_samples")
    3
    """
    is_count = isinstance(number, Integral) and not isinstance(number, bool)
    if not is_count or not 1 <= number <= largest:
        raise ValueError(
            f"{name} must be a positive integer of at most {largest}, got {number!r}"
        )
    return int(number)
