"""Samples of value functions."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skhj.datasets.checks import check_noise
from skhj.hamilton_jacobi import value_gradient_from_prox
from skhj.numerics.given_numbers import positive_integer
from skhj.problems.positive import positive_number

__all__ = ["make_value_samples"]


def make_value_samples(
    problem: Any,
    n_samples: int,
    n_features: int,
    *,
    t: float = 1.0,
    box: float = 4.0,
    noise: float = 0.0,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw samples of a value function and its gradient at uniform points of a box.

    Parameters
    ----------
    problem : object
        A problem of `skhj.problems`, or any object with methods ``value(X, t)`` and
        ``prox(X, t)``.
    n_samples : int
        Number n of samples.
    n_features : int
        Dimension d.
    t : float, default=1.0
        Time, positive.
    box : float, default=4.0
        Points are uniform in [-box, box]^d.
    noise : float, default=0.0
        Standard deviation of Gaussian noise added to the values. Gradients stay
        exact.
    random_state : int, RandomState instance or None, default=None
        Source of the points and the noise; an int makes them reproducible.

    Returns
    -------
    X : ndarray of shape (n, d)
        Points.
    y : ndarray of shape (n,)
        Values S(x, t).
    gradient : ndarray of shape (n, d)
        Gradients of S by x, (x - prox(x)) / t.

    Raises
    ------
    ValueError
        If ``t`` or ``box`` is not positive, or ``noise`` is negative.

    Examples
    --------
    >>> from skhj.datasets import make_value_samples
    >>> from skhj.problems import L1
    >>> X, y, gradient = make_value_samples(L1(), 100, 3, random_state=0)
    >>> X.shape, y.shape, gradient.shape
    ((100, 3), (100,), (100, 3))
    """
    for name, number in (("t", t), ("box", box)):
        positive_number(number, name)
    positive_integer(n_samples, "n_samples")
    positive_integer(n_features, "n_features")
    noise = check_noise(noise)
    if not all(hasattr(problem, method) for method in ("value", "prox")):
        raise TypeError(
            "problem must be one of skhj.problems, or have methods value(X, t) and "
            f"prox(X, t), got {type(problem).__name__}"
        )
    rng = check_random_state(random_state)
    X = rng.uniform(-box, box, size=(n_samples, n_features))
    y = problem.value(X, t)
    gradient = value_gradient_from_prox(X, problem.prox(X, t), t)
    if noise:
        y = y + noise * rng.standard_normal(n_samples)
    return X, y, gradient
