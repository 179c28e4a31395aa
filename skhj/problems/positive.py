"""Numbers that must be positive: times, and widths of wells and of components."""

from numbers import Real

import numpy as np
from sklearn.utils import check_scalar

from skhj.numerics.given_numbers import given_numbers

__all__ = ["positive_number", "positive_widths"]


def positive_number(number, name):
    """Refuse what is no positive finite number.

    Parameters
    ----------
    number : float
        What was given.
    name : str
        What errors call it.

    Returns
    -------
    float
        The number.

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is not positive and finite.
    """
    check_scalar(number, name, Real)
    if not 0 < number < np.inf:
        raise ValueError(f"{name} must be a positive finite number, got {number!r}")
    return float(number)


def positive_widths(widths, n_owners, *, owner):
    """One positive width for each well of a prior, or component of a mixture.

    Parameters
    ----------
    widths : float or array-like of shape (n_owners,)
        What was given.
    n_owners : int
        Number of wells or components.
    owner : str
        What one of them is called.

    Returns
    -------
    ndarray of shape (n_owners,)
        The widths.

    Raises
    ------
    ValueError
        If there are not so many, or one is not positive and finite.
    """
    widths = given_numbers(widths, "widths")
    if widths.shape not in {(), (n_owners,)}:
        raise ValueError(
            f"widths must be a float or of shape ({n_owners},), one a {owner}, got "
            f"shape {widths.shape}"
        )
    if not (np.isfinite(widths) & (widths > 0)).all():
        raise ValueError(f"widths must be positive and finite, got {widths}")
    return np.broadcast_to(widths, n_owners)
