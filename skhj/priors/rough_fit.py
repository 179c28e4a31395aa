"""A prior that was fitted to a few samples, and what a longer fit goes on from."""

from typing import Any, NamedTuple

import numpy as np

from skhj.priors.splines.units import Units

__all__ = ["RoughFit", "shuffled"]


class RoughFit(NamedTuple):
    """A prior, found from some of the samples.

    Attributes
    ----------
    units : Units
        In which it is fitted.
    V : ndarray of shape (n, d)
        The points that are seen, in random order.
    values : ndarray of shape (n,)
        Values there.
    prior : object
        What was found.
    error : float
        Mean squared error on the samples that it saw, in the samples' units.
    """

    units: Units
    V: np.ndarray
    values: np.ndarray
    prior: Any
    error: float


def shuffled(samples, rng):
    """Samples that are seen in units of their own, in random order.

    Parameters
    ----------
    samples : Samples
        Values of a value function.
    rng : RandomState
        Source of the order.

    Returns
    -------
    units : Units
        The units.
    V : ndarray of shape (n, d)
        Points.
    values : ndarray of shape (n,)
        Values there.
    """
    units = Units.of(samples)
    order = rng.permutation(np.flatnonzero(samples.seen))
    scaled = units.scaled(samples.take(order), 0.0)
    return units, scaled.V, scaled.values
