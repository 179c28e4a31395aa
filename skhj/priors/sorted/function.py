"""A prior of sorted singular values, as a function that models are made of."""

from typing import NamedTuple

import numpy as np
import torch

from skhj.priors.semiconvex_function import SemiconvexFunction
from skhj.priors.sorted.singular_values import Layout
from skhj.priors.sorted.sorted_norm import SortedNorm

__all__ = ["SortedFunction", "SortedTables"]


class SortedTables(NamedTuple):
    """The numbers of a `SortedFunction`, which has their formula.

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
    layout : ndarray of shape (3,), dtype int
        Number, rows and columns of the matrices.
    basis : ndarray of shape (d, d)
        The rotation Q.
    weights : ndarray of shape (k,)
        The w_i.
    """

    unit_center: np.ndarray
    unit_length: float
    unit_intercept: float
    time: float
    layout: np.ndarray
    basis: np.ndarray
    weights: np.ndarray


class SortedFunction(SemiconvexFunction):
    r"""A prior that is a weighted sum of singular values, the largest first.

    With v = (y - m) / s,

    .. math:: J(y) = e + \frac{s^2}{t} \sum_i w_i \sigma_i(Q v).

    Parameters
    ----------
    tables : SortedTables
        The numbers above. Buffers of the function have their names.
    """

    def __init__(self, tables):
        super().__init__()
        self.hold(tables)

    @classmethod
    def of(cls, norm, units):
        """The function of a sorted norm in units."""
        scale = units.length**2 / units.time
        return cls(
            SortedTables(
                units.center + units.length * norm.center,
                units.length,
                units.intercept + scale * norm.offset,
                units.time,
                np.array(norm.layout),
                norm.basis,
                norm.weights,
            )
        )

    @torch.no_grad()
    def value_and_gradient_at(self, x):
        """Value and a gradient of J at x, in the caller's units."""
        value, gradient = map(
            self.to_own, self._norm.value_and_gradient(self._scaled(x))
        )
        length, time = self.unit_length, self.time
        return self.unit_intercept + length**2 / time * value, length / time * gradient

    @torch.no_grad()
    def prox_at(self, x, time):
        """Minimiser of J(y) + |x - y|^2 / (2 time), and whether it was solved."""
        way = self._norm.way_to_prox(self._scaled(x), time / float(self.time))
        solved = torch.ones(len(x), dtype=torch.bool, device=x.device)
        return x + self.unit_length * self.to_own(way), solved

    @torch.no_grad()
    def prox_derivative_at(self, x, v, time):
        """Derivative of `prox_at` along directions."""
        moved = self._norm.prox_derivative(
            self._scaled(x), v.cpu().numpy(), time / float(self.time)
        )
        return self.to_own(moved)

    def _scaled(self, x):
        return ((x - self.unit_center) / self.unit_length).cpu().numpy()

    @property
    def _norm(self):
        """The norm at v."""
        basis, weights = self.basis.cpu().numpy(), self.weights.cpu().numpy()
        layout = Layout(*(int(number) for number in self.layout))
        return SortedNorm(layout, basis, weights, np.zeros(len(basis)), 0.0)

    @classmethod
    def from_arrays(cls, arrays):
        """Rebuild a function from ``to_arrays``."""
        return cls(SortedTables(**arrays))
