"""Semiconvex functions that are sums of splines along directions."""

import numpy as np
import torch

from skhj.numerics.profiles import Profiles
from skhj.numerics.tensors import to_tensor
from skhj.priors.semiconvex_function import SemiconvexFunction
from skhj.priors.splines.tables import SplineTables

__all__ = ["SplineNetwork"]


class SplineNetwork(SemiconvexFunction):
    r"""A function w whose potential |x|^2 / 2 + t w(x) is a sum of convex splines.

    With v = (x - m) / s and coordinates :math:`z_j = \langle a_j, v\rangle` along m
    directions,

    .. math::

        w(x) = e + \frac{s^2}{t} \Big( \frac{\langle v, C v\rangle}{2}
            + \sum_j f_j(z_j) \Big),

    where each f_j is a :math:`C^1` piecewise quadratic function. The potential is
    :math:`s^2 (\langle v, (I + C) v\rangle / 2 + \sum_j f_j(z_j))` but for an affine
    function. In d orthonormal directions C = 0: nothing cancels where t is small.

    Where the directions are a basis and :math:`I + C = \sum_j k_j a_j a_j^T`, the
    potential is a sum of functions :math:`k_j z_j^2 / 2 + f_j(z_j)` of one coordinate
    each, and so its conjugate is known in closed form.

    Parameters
    ----------
    tables : SplineTables
        The numbers above. Buffers of the network have their names.
    """

    def __init__(self, tables):
        super().__init__()
        for name, table in tables._asdict().items():
            dtype = bool if name == "additive" else np.float64
            self.register_buffer(name, to_tensor(table, dtype=dtype))
        self._prepare()

    def _prepare(self):
        """Derive what evaluation needs from the state."""
        starts = torch.cat([self.knots[:, :1], self.knots], dim=1)
        # No point lies beyond infinity, but 0 * inf would be nan.
        self.starts = torch.where(starts.isfinite(), starts, 0.0)
        if self.is_additive:
            self.inverse = torch.linalg.inv(self.directions)

    def _apply(self, *args, **kwargs):
        module = super()._apply(*args, **kwargs)
        module._prepare()
        return module

    @property
    def is_additive(self):
        """Whether the potential is a sum in a basis, and ``conjugate_at`` exact."""
        return bool(self.additive)

    def _coordinates(self, x):
        """Standardised points (n, d) and their coordinates (m, n)."""
        v = (x - self.unit_center) / self.unit_length
        return v, (self.directions @ v.T).contiguous()

    def _profiles(self, z):
        """Value, slope and curvature of every f_j at coordinates z, each (m, n)."""
        piece = torch.searchsorted(self.knots, z)
        offset = z - self.starts.gather(1, piece)
        slope, curvature = (
            self.slopes.gather(1, piece),
            self.curvatures.gather(1, piece),
        )
        value = self.values.gather(1, piece)
        value = value + offset * (slope + offset * curvature / 2)
        return value, slope + offset * curvature, curvature

    @torch.no_grad()
    def value_and_gradient_at(self, x):
        """Value and gradient of w at x, in the caller's units."""
        v, z = self._coordinates(x)
        value, slope, _ = self._profiles(z)
        image = v @ self.matrix
        value = value.sum(0) + (image * v).sum(1) / 2
        gradient = image + slope.T @ self.directions
        factor = self.unit_length**2 / self.time
        return self.unit_intercept + factor * value, gradient * (
            self.unit_length / self.time
        )

    @torch.no_grad()
    def profiles(self, n_points, margin=0.1):
        r"""The splines of minus w along their directions, in the caller's units.

        With the coordinates :math:`z_j = \langle a_j, x\rangle` of x itself, they are
        the functions in :math:`-w(x) = -e - \frac{s^2}{2t} \langle v, C v\rangle +
        \sum_j g_j(z_j)`.

        Parameters
        ----------
        n_points : int
            Points of each.
        margin : float, default=0.1
            How far beyond the outer knots they go, as a share of what lies between.

        Returns
        -------
        Profiles
            The functions, from below the first knot to above the last.
        """
        last = self.starts.gather(1, self.knots.isfinite().sum(1, keepdim=True))
        first = self.starts[:, :1]
        # A spline of one knot is a quadratic: any width of a unit or so shows it.
        beyond = torch.where(last > first, margin * (last - first), 1.0)
        steps = torch.linspace(0, 1, n_points).to(first)
        z = torch.lerp(first - beyond, last + beyond, steps)
        values = -(self.unit_length**2 / self.time) * self._profiles(z)[0]
        places = self.unit_length * z + (self.directions @ self.unit_center)[:, None]
        numbers = (self.directions, places, values)
        return Profiles.sorted(*(number.cpu().numpy() for number in numbers))

    @torch.no_grad()
    def hessian_at(self, x):
        """Hessian of w at x, in the caller's units, shape (n, d, d)."""
        _, z = self._coordinates(x)
        _, _, curvature = self._profiles(z)
        weighted = curvature.T[:, :, None] * self.directions
        return (self.matrix + self.directions.T @ weighted) / self.time

    @torch.no_grad()
    def conjugate_at(self, y):
        r"""Conjugate of the potential and the point where it is attained.

        Each coordinate's derivative is increasing and piecewise linear; its inverse
        is found by a binary search among its values at the knots.

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

        Raises
        ------
        RuntimeError
            If the potential is not additive in a basis.
        """
        if not self.is_additive:
            raise RuntimeError(
                "conjugate_at needs a potential that is additive in a basis"
            )
        q = (y - self.unit_center) / self.unit_length
        g = (self.inverse.T @ q.T).contiguous()
        z, profile = self._invert(g)
        point = self.unit_center + self.unit_length * (z.T @ self.inverse.T)
        m = self.unit_center
        affine = ((y - m / 2) * m).sum(1) - self.time * self.unit_intercept
        return affine + self.unit_length**2 * (g * z - profile).sum(0), point

    def _invert(self, g):
        """Coordinates where the derivatives of k z^2 / 2 + f(z) are g; its values."""
        k = self.base_curvature[:, None]
        rates = k + self.curvatures
        # Derivatives where each piece starts; the first two pieces share a knot.
        at_starts = self.slopes + k * self.starts
        at_knots = torch.where(self.knots.isfinite(), at_starts[:, 1:], torch.inf)
        piece = torch.searchsorted(at_knots, g)
        start = self.starts.gather(1, piece)
        slope, rate = at_starts.gather(1, piece), rates.gather(1, piece)
        offset = (g - slope) / rate
        value = self.values.gather(1, piece) + k * start * start / 2
        return start + offset, value + offset * (slope + offset * rate / 2)

    @torch.no_grad()
    def conjugate_start(self, y):
        """First guess of the point where the conjugate at y is attained.

        It is exact where the potential is additive; elsewhere it is the maximiser
        for the quadratic whose curvature along each direction is the mean of the
        pieces', of the same gradient at the centre.

        Parameters
        ----------
        y : Tensor of shape (n, d)
            Points, in the units of x.

        Returns
        -------
        Tensor of shape (n, d)
            Points x.
        """
        if self.is_additive:
            return self.conjugate_at(y)[1]
        zero = torch.zeros_like(self.unit_center)[None]
        mean, slope = (
            self._mean_curvature(),
            self._profiles(self.directions @ zero.T)[1],
        )
        identity = torch.eye(len(self.unit_center), dtype=y.dtype, device=y.device)
        hessian = identity + self.matrix
        hessian = hessian + self.directions.T @ (mean[:, None] * self.directions)
        q = (y - self.unit_center) / self.unit_length - slope.T @ self.directions
        v = torch.linalg.solve(hessian, q.T).T
        return self.unit_center + self.unit_length * v

    def _mean_curvature(self):
        """Mean curvature of each f_j between its first and its last knot."""
        last = self.knots.isfinite().sum(1, keepdim=True)
        rise = self.slopes.gather(1, last) - self.slopes[:, :1]
        width = self.starts.gather(1, last) - self.knots[:, :1]
        return torch.where(width > 0, rise / width, self.curvatures[:, :1]).squeeze(1)

    @classmethod
    def from_arrays(cls, arrays):
        """Rebuild a network from ``to_arrays``."""
        return cls(SplineTables(**arrays))
