"""Minus a minimum of quadratics, as a function that models are made of."""

from typing import NamedTuple

import numpy as np
import torch

from skhj.numerics.smallest_maximum import SmallestMaximum
from skhj.priors.semiconvex_function import SemiconvexFunction

__all__ = ["MinPlusFunction", "MinPlusTables"]


class MinPlusTables(NamedTuple):
    """The numbers of a `MinPlusFunction`, which has their formula.

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
    intercepts : ndarray of shape (m,)
        The c_i.
    slopes : ndarray of shape (m, d)
        The b_i.
    hessians : ndarray of shape (m, d, d)
        The H_i.
    """

    unit_center: np.ndarray
    unit_length: float
    unit_intercept: float
    time: float
    intercepts: np.ndarray
    slopes: np.ndarray
    hessians: np.ndarray

    @classmethod
    def of(cls, quadratics, units, spans):
        """Tables of a minimum of quadratics in some units.

        Parameters
        ----------
        quadratics : Quadratics
            Of the coordinates ``spans.T @ x``.
        units : Units
            In which values and coordinates are.
        spans : ndarray of shape (d, r)
            Orthonormal directions; along others the function is constant.

        Returns
        -------
        MinPlusTables
            Of minus that minimum.
        """
        return cls(
            spans @ units.center,
            units.length,
            -units.intercept,
            units.time,
            quadratics.intercepts,
            quadratics.slopes @ spans.T,
            spans @ quadratics.hessians @ spans.T,
        )


class MinPlusFunction(SemiconvexFunction):
    r"""A function w whose potential |x|^2 / 2 + t w(x) is a maximum of quadratics.

    With v = (x - m) / s,

    .. math::

        w(x) = e - \frac{s^2}{t} \min_i \Big( c_i + \langle b_i, v\rangle
            + \frac{\langle v, H_i v\rangle}{2} \Big), \qquad H_i < I.

    Parameters
    ----------
    tables : MinPlusTables
        The numbers above. Buffers of the function have their names.
    solver : SmallestMaximum or None, default=None
        Computes conjugates; None takes the defaults.
    """

    def __init__(self, tables, solver=None):
        super().__init__()
        self.solver = solver or SmallestMaximum()
        self.hold(tables)

    def _pieces(self, x):
        """Standardised points (n, d), values (n, m) and gradients (n, m, d)."""
        v = (x - self.unit_center) / self.unit_length
        image = torch.einsum("mde,ne->nmd", self.hessians, v)
        gradients = self.slopes + image
        values = self.intercepts + torch.einsum(
            "nmd,nd->nm", self.slopes + image / 2, v
        )
        return v, values, gradients

    @torch.no_grad()
    def value_and_gradient_at(self, x):
        """Value and gradient of w at x, in the caller's units."""
        _, values, gradients = self._pieces(x)
        value, active = values.min(dim=1)
        gradient = gradients[torch.arange(len(x), device=x.device), active]
        length, time = self.unit_length, self.time
        return (
            self.unit_intercept - length**2 / time * value,
            -length / time * gradient,
        )

    @torch.no_grad()
    def hessian_at(self, x):
        """Hessian of w at x, that of the active piece, shape (n, d, d)."""
        _, values, _ = self._pieces(x)
        return -self.hessians[values.argmin(dim=1)] / self.time

    def conjugate_start(self, y):
        """Point where the conjugate at y is attained."""
        return self.conjugate_at(y)[1]

    @torch.no_grad()
    def conjugate_at(self, y):
        """Conjugate of the potential, and the point where it is attained.

        Parameters
        ----------
        y : Tensor of shape (n, d)
            Points, in the units of x.

        Returns
        -------
        value : Tensor of shape (n,)
            The conjugate, the largest <x, y> - |x|^2 / 2 - t w(x).
        point : Tensor of shape (n, d)
            The maximiser x.
        """
        minimum = self._smallest(y, float(self.time))
        # With y as the origin it is |y|^2 / 2 minus the smallest maximum.
        value = self.unit_length**2 * self.to_own(minimum.value)
        half_square = (y * y).sum(1) / 2
        return half_square - self.time * self.unit_intercept - value, self._at(
            y, minimum
        )

    @torch.no_grad()
    def prox_at(self, y, tau):
        """Minimiser of tau w(x) + |x - y|^2 / 2 for each row y, for 0 < tau <= t."""
        return self._at(y, self._smallest(y, tau))

    @torch.no_grad()
    def prox_derivative_at(self, y, v, tau):
        """Derivative of `prox_at` at y along directions v, both of shape (n, d)."""
        minimum, curvatures = self._smallest(y, tau), self._curvatures(tau)
        derivative = self.solver.derivative(curvatures, minimum, v.cpu().numpy())
        return self.to_own(derivative)

    def _curvatures(self, tau):
        """Hessians of |v|^2 / 2 - (tau / t) q_i(v), or multiples of the identity."""
        hessians, share = self.hessians.cpu().numpy(), tau / float(self.time)
        identity = np.eye(hessians.shape[1])
        numbers = hessians[:, 0, 0]
        if np.array_equal(hessians, numbers[:, None, None] * identity):
            return 1 - share * numbers
        return identity - share * hessians

    def _smallest(self, y, tau):
        """Minimum over z of the largest of |z|^2 / 2 - (tau / t) q_i(q + z)."""
        share = tau / float(self.time)
        _, values, gradients = self._pieces(y)
        b, c = (-share * part.cpu().numpy() for part in (gradients, values))
        return self.solver.minimize(self._curvatures(tau), b, c)

    def _at(self, y, minimum):
        return y + self.unit_length * self.to_own(minimum.point)

    @classmethod
    def from_arrays(cls, arrays):
        """Rebuild a function from ``to_arrays``."""
        return cls(MinPlusTables(**arrays))
