"""Semiconvex functions: a convex module inside a change of units."""

from copy import deepcopy

import torch
from torch import nn

from skhj.priors.convex.derivatives import hessian, value_and_gradient
from skhj.priors.convex.standardisation import Standardisation
from skhj.priors.semiconvex_function import SemiconvexFunction

__all__ = ["SemiconvexNetwork"]


class SemiconvexNetwork(SemiconvexFunction):
    r"""A function w such that |x|^2 / 2 + t w(x) is convex, by construction.

    Both unknowns of the theory are of this kind: minus the value function, and the
    prior. In the units of a `skhj.priors.convex.standardisation.Standardisation`,

    .. math::

        w(x) = e_0 + \langle e, v\rangle + \frac{c}{2} |v|^2 + r \, f(A v), \qquad
        f(u) = k N(u) + \frac{|L u|^2}{2} + \langle a, u\rangle + b,

    with a convex module N, any matrix L, and k = 1, or 0 where the quadratic alone was
    the better. Only f is trained, in single precision;
    what surrounds it is kept in double.

    Parameters
    ----------
    core : nn.Module
        The convex module N, which maps (n, d) to (n,) or (n, 1).
    units : Standardisation
        The change of units.
    """

    def __init__(self, core, units):
        super().__init__()
        n_features, single = len(units.center), {"dtype": torch.float32}
        self.core = core
        self.factor = nn.Parameter(torch.zeros(n_features, n_features, **single))
        self.slope = nn.Parameter(torch.zeros(n_features, **single))
        self.intercept = nn.Parameter(torch.zeros((), **single))
        self.register_buffer("core_weight", torch.ones((), **single))
        for name, value in units._asdict().items():
            tensor = torch.tensor(value, dtype=torch.float64)
            self.register_buffer(f"unit_{name}", tensor)

    @torch.no_grad()
    def set_quadratic_(self, quadratic):
        """Set b, a and L^T L to those of a `QuadraticFit`, in place."""
        hessian = torch.as_tensor(quadratic.hessian)
        eigenvalues, vectors = torch.linalg.eigh(hessian)
        self.factor.copy_(eigenvalues.clamp(min=0).sqrt()[:, None] * vectors.T)
        self.slope.copy_(torch.as_tensor(quadratic.slope))
        self.intercept.fill_(quadratic.intercept)

    def project_(self):
        """Make the core convex again after a step, in place."""
        if hasattr(self.core, "project_"):
            self.core.project_()

    def forward(self, u):
        """Values f(u) in standardised units, shape (n,)."""
        quadratic, _ = self._quadratic(u)
        return quadratic + self.core_weight * self.core(u).reshape(len(u))

    def value_and_gradient(self, u):
        """Value and gradient of f at u, shapes (n,) and (n, d)."""
        value, gradient = value_and_gradient(
            self.core, u, create_graph=torch.is_grad_enabled()
        )
        quadratic, image = self._quadratic(u)
        return (
            quadratic + self.core_weight * value.reshape(len(u)),
            image @ self.factor + self.slope + self.core_weight * gradient,
        )

    def _quadratic(self, u):
        """Value of |L u|^2 / 2 + <a, u> + b, and L u."""
        image = u @ self.factor.T
        value = (image * image).sum(1) / 2 + u @ self.slope + self.intercept
        return value, image

    @torch.no_grad()
    def value_and_gradient_at(self, x):
        """Value and gradient of w at x, in the caller's units."""
        v = (x - self.unit_center) / self.unit_length
        value, gradient = self.value_and_gradient(v @ self.unit_whitening)
        base = v @ self.unit_slope + self.unit_curvature * (v * v).sum(1) / 2
        value = self.unit_intercept + base + self.unit_scale * value
        gradient = self.unit_scale * gradient @ self.unit_whitening
        gradient = gradient + self.unit_slope + self.unit_curvature * v
        return value, gradient / self.unit_length

    def curvature(self, u):
        """Hessian of f at u, shape (n, d, d)."""
        return self.core_weight * hessian(self.core, u) + self.factor.T @ self.factor

    @property
    def has_curvature_bound(self):
        """Whether there is a ``curvature_bound``: the core has a ``majorant``."""
        return hasattr(self.core, "majorant")

    def curvature_bound(self, u):
        """Matrices above it whose quadratics stay above f, shape (n, d, d)."""
        return self.core_weight * self.core.majorant(u) + self.factor.T @ self.factor

    @torch.no_grad()
    def hessian_at(self, x):
        """Hessian of w at x, in the caller's units, shape (n, d, d)."""
        A = self.unit_whitening
        convex = self.curvature((x - self.unit_center) @ A / self.unit_length)
        identity = torch.eye(len(A), dtype=A.dtype, device=A.device)
        curvature = self.unit_curvature * identity + self.unit_scale * (A @ convex @ A)
        return curvature / self.unit_length**2

    @torch.no_grad()
    def parameter_jacobian(self, u):
        """Derivatives of f(u) by the weights, as in ``parameters()``, shape (n, p).

        Of cores that have a method of that name.
        """
        _, image = self._quadratic(u)
        by_factor = (image[:, :, None] * u[:, None, :]).flatten(1)
        by_core = self.core_weight * self.core.parameter_jacobian(u)
        return torch.cat([by_factor, u, torch.ones_like(u[:, :1]), by_core], dim=1)

    @property
    def has_weight_gram(self):
        """Whether there is a ``weight_gram``: the core has one."""
        return hasattr(self.core, "weight_gram")

    def linear_weights(self):
        """Names and weights of ``weight_gram``: all but the softplus's sharpness."""
        for name, weight in self.named_parameters():
            if name != "core.log_beta":
                yield name, weight

    def weight_gram(self, u):
        """Products of the derivatives of f(u_i) and f(u_j) by the weights, (n, n)."""
        _, image = self._quadratic(u)
        by_point = u @ u.T
        of_quadratic = (1 + image @ image.T) * by_point + 1
        return of_quadratic + self.core_weight**2 * self.core.weight_gram(u)

    def smoothed(self, factor, largest):
        """The same function with more of the smoothing that its core has, if any.

        Parameters
        ----------
        factor : float
            By what it is multiplied.
        largest : float
            Its bound.

        Returns
        -------
        SemiconvexNetwork or None
            A copy; None where the core is as smooth as it is.
        """
        if not hasattr(self.core, "smoothing"):
            return None
        copy = deepcopy(self)
        copy.core.smoothing.mul_(factor).clamp_(max=largest)
        return copy

    @classmethod
    def from_arrays(cls, core, arrays):
        """Rebuild a network, in double precision, from ``to_arrays``."""
        units = {name: arrays[f"unit_{name}"] for name in Standardisation._fields}
        network = cls(core, Standardisation(**units)).double()
        network.load_state_dict({name: torch.tensor(a) for name, a in arrays.items()})
        return network.requires_grad_(False).eval()
