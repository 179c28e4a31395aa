"""A polyhedral prior, as a function that models are made of."""

from typing import NamedTuple

import numpy as np
import torch

from skhj.numerics.smallest_maximum import SmallestMaximum
from skhj.priors.polyhedral.affine_maximum import AffineMaximum
from skhj.priors.semiconvex_function import SemiconvexFunction

__all__ = ["PolyhedralFunction", "PolyhedralTables"]


class PolyhedralTables(NamedTuple):
    """The numbers of a `PolyhedralFunction`, which has their formula.

    Attributes
    ----------
    unit_center : ndarray of shape (d,)
        The point m.
    unit_length : float
        The scale s.
    unit_intercept : float
        The number e.
    time : float
        The time t.
    slopes : ndarray of shape (m, d)
        The a_k.
    offsets : ndarray of shape (m,)
        The b_k.
    """

    unit_center: np.ndarray
    unit_length: float
    unit_intercept: float
    time: float
    slopes: np.ndarray
    offsets: np.ndarray


class PolyhedralFunction(SemiconvexFunction):
    r"""A prior that is the largest of few affine functions.

    With v = (y - m) / s,

    .. math::

        J(y) = e + \frac{s^2}{t} \max_k \big(\langle a_k, v\rangle + b_k\big).

    Parameters
    ----------
    tables : PolyhedralTables
        The numbers above. Buffers of the function have their names.
    solver : SmallestMaximum or None, default=None
        Computes proximal points; None takes the defaults.
    """

    def __init__(self, tables, solver=None):
        super().__init__()
        self.solver = solver or SmallestMaximum()
        self.hold(tables)

    @torch.no_grad()
    def value_and_gradient_at(self, x):
        """Value and a gradient of J at x, in the caller's units."""
        v = (x - self.unit_center) / self.unit_length
        value, active = (v @ self.slopes.T + self.offsets).max(dim=1)
        length, time = self.unit_length, self.time
        return (
            self.unit_intercept + length**2 / time * value,
            length / time * self.slopes[active],
        )

    @torch.no_grad()
    def hessian_at(self, x):
        """Hessian of J at x, zero but on edges, shape (n, d, d)."""
        return torch.zeros(*x.shape, x.shape[1], dtype=x.dtype, device=x.device)

    @torch.no_grad()
    def prox_at(self, x, time):
        """Minimiser of J(y) + |x - y|^2 / (2 time), and whether it was solved."""
        minimum = self._envelope(x, time)
        converged = torch.as_tensor(minimum.converged, device=x.device)
        return x + self.unit_length * self.to_own(minimum.point), converged

    @torch.no_grad()
    def prox_derivative_at(self, x, v, time):
        """Derivative of `prox_at` along directions: the projection on the face."""
        minimum = self._envelope(x, time)
        ones = np.ones(len(self.offsets))
        moved = self.solver.derivative(ones, minimum, v.cpu().numpy())
        return self.to_own(moved)

    def _envelope(self, x, time):
        v = ((x - self.unit_center) / self.unit_length).cpu().numpy()
        pieces = AffineMaximum(self.slopes.cpu().numpy(), self.offsets.cpu().numpy())
        return pieces.envelope(v, time / float(self.time), self.solver)[1]

    @classmethod
    def from_arrays(cls, arrays):
        """Rebuild a function from ``to_arrays``."""
        return cls(PolyhedralTables(**arrays))
