r"""Identities among the value function, the potential, the prox and the prior.

With a prior :math:`J` and a time :math:`t > 0`,

.. math::

    S(x, t) = \min_y J(y) + \frac{|x - y|^2}{2t}, \qquad
    \psi(x) = \frac{|x|^2}{2} - t\, S(x, t), \qquad
    \operatorname{prox}(x) = x - t \nabla S(x, t) = \nabla \psi(x),

and the *backward viscosity* prior, the smallest prior that generates ``S``, is
:math:`J_{bvs} = (\psi^* - |\cdot|^2 / 2) / t`.

These functions are the only home of the signs and of ``t``. They are
arithmetic alone, so each takes numpy arrays and torch tensors alike: points are
of shape (n, d), values of shape (n,).

References
----------
Akande, Langlois, Onwunta, "Deep learning methods for inverse problems using
connections between proximal operators and Hamilton-Jacobi equations",
arXiv 2512.23829, section 2.
"""

from typing import TypeVar

import numpy as np
import torch

__all__ = [
    "conjugate_at_prox",
    "conjugate_from_prior",
    "half_squared_norm",
    "potential_from_value",
    "prior_at_prox",
    "prior_from_conjugate",
    "prior_gradient_from_point",
    "prox_from_gradient",
    "value_gradient_from_prox",
]

Array = TypeVar("Array", np.ndarray, torch.Tensor)


def half_squared_norm(X: Array) -> Array:
    """Half the squared Euclidean norm of each row, |x|^2 / 2."""
    return (X * X).sum(-1) / 2


def potential_from_value(X: Array, S: Array, t: float | Array) -> Array:
    """Potential psi(x) = |x|^2 / 2 - t S(x, t), convex wherever S has a prior."""
    return half_squared_norm(X) - t * S


def prox_from_gradient(X: Array, gradient: Array, t: float | Array) -> Array:
    """Proximal point x - t grad S(x, t), which is grad psi(x)."""
    return X - t * gradient


def value_gradient_from_prox(X: Array, P: Array, t: float | Array) -> Array:
    """Gradient of the value function, grad S(x, t) = (x - prox(x)) / t."""
    return (X - P) / t


def prior_at_prox(X: Array, P: Array, S: Array, t: float | Array) -> Array:
    """Prior at the proximal point, J(p) = S(x, t) - |x - p|^2 / (2 t)."""
    return S - half_squared_norm(X - P) / t


def conjugate_at_prox(X: Array, P: Array, psi: Array) -> Array:
    """Conjugate at the proximal point: psi*(p) = <x, p> - psi(x), Fenchel-Young."""
    return (X * P).sum(-1) - psi


def prior_from_conjugate(Y: Array, conjugate: Array, t: float | Array) -> Array:
    """Backward viscosity prior J(y) = (psi*(y) - |y|^2 / 2) / t."""
    return (conjugate - half_squared_norm(Y)) / t


def conjugate_from_prior(Y: Array, J: Array, t: float | Array) -> Array:
    """Conjugate potential psi*(y) = |y|^2 / 2 + t J(y)."""
    return half_squared_norm(Y) + t * J


def prior_gradient_from_point(Y: Array, X: Array, t: float | Array) -> Array:
    """Gradient of the prior, (x - y) / t, where x is a (sub)gradient of psi* at y."""
    return (X - Y) / t
