r"""The value function that a prior generates, in the units of the prior.

A prior w of unknown shape is a function f in the units of a `Standardisation`,
w(y) = e_0 + <e, v> + c |v|^2 / 2 + r f(u) with v = (y - m) / s, u = A v. There,

.. math::

    \frac{1}{r} \Big( S(x, t) - e_0 - \frac{|x - m|^2}{2t} \Big)
    = \min_u f(u) + \frac{\langle u, Q u\rangle}{2} - \langle p, u\rangle, \quad
    Q = \frac{1}{r} \Big( c + \frac{s^2}{t} \Big) A^{-2}, \quad
    p = \frac{1}{r} A^{-1} \Big( \frac{s}{t} (x - m) - e \Big),

minus a conjugate. By the envelope theorem, its derivative by a weight of f is that of
f at the minimiser, which counts as a constant.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from skhj import hamilton_jacobi as hj
from skhj.numerics.blocks import row_blocks
from skhj.numerics.conjugate import NewtonConjugate

__all__ = ["MoreauEnvelope", "Minima", "Smoothings", "lax_oleinik"]


@dataclass(frozen=True)
class Smoothings:
    """Kinks approached through smoothings that are multiples of the prior's own.

    From afar, Newton's method hardly sees a sharp kink.

    Parameters
    ----------
    factors : tuple of float, default=(100.0, 10.0)
        The multiples, in turn.
    largest : float, default=0.3
        Smoothing at most, in units in which the prior is of order one.
    tol, max_iter : float and int, default=1e-2, 10
        Each is solved roughly: only the prior's own counts.
    """

    factors: tuple[float, ...] = (100.0, 10.0)
    largest: float = 0.3
    tol: float = 1e-2
    max_iter: int = 10


class Minima(NamedTuple):
    """Minima of the envelope's objective, one for each row.

    Attributes
    ----------
    value : Tensor of shape (n,)
        The minima.
    point : Tensor of shape (n, d)
        Where they are, in the prior's units.
    residual : Tensor of shape (n,)
        Norm of the objective's gradient there.
    """

    value: torch.Tensor
    point: torch.Tensor
    residual: torch.Tensor


class MoreauEnvelope:
    """The minimisation over y that makes a value function of a prior.

    Parameters
    ----------
    network : SemiconvexNetwork
        The prior.
    t : float
        Time.
    """

    def __init__(self, network, t):
        self.network = network
        self.t = t
        self.unwhitening = torch.linalg.inv(network.unit_whitening)
        self.stiffness = network.unit_curvature + network.unit_length**2 / t
        quadratic = self.stiffness / network.unit_scale
        self.quadratic = quadratic * self.unwhitening @ self.unwhitening

    def slopes(self, X):
        """Slopes p of the points x, shape (n, d)."""
        network = self.network
        away = network.unit_length / self.t * (X - network.unit_center)
        return (away - network.unit_slope) @ self.unwhitening / network.unit_scale

    def values(self, X, S):
        """Values S(x, t) in the units of the minima, shape (n,)."""
        network = self.network
        away = ((X - network.unit_center) ** 2).sum(1) / (2 * self.t)
        return (S - network.unit_intercept - away) / network.unit_scale

    def points(self, Y):
        """Points u of the points y, shape (n, d)."""
        network = self.network
        return (Y - network.unit_center) @ network.unit_whitening / network.unit_length

    @torch.no_grad()
    def value_and_gradient(self, u):
        """Value and gradient of f(u) + <u, Q u> / 2."""
        value, gradient = self.network.value_and_gradient(u)
        image = u @ self.quadratic.to(u.dtype)
        return value + (u * image).sum(1) / 2, gradient + image

    @torch.no_grad()
    def hessian(self, u):
        """Hessian of the same."""
        return self.network.curvature(u) + self.quadratic.to(u.dtype)

    @torch.no_grad()
    def majorant(self, u):
        """Matrices above that Hessian whose quadratics stay above the function."""
        return self.network.curvature_bound(u) + self.quadratic.to(u.dtype)

    def minimise(self, slopes, start, *, tol=1e-7, max_iter=50):
        """Minimise f(u) + <u, Q u> / 2 - <p, u> for each row p.

        Parameters
        ----------
        slopes : Tensor of shape (n, d)
            The rows p.
        start : Tensor of shape (n, d)
            First guesses of the minimisers.
        tol : float, default=1e-7
            Norm of the gradient at which a row is solved.
        max_iter : int, default=50
            Largest number of Newton steps.

        Returns
        -------
        Minima
            Values, points and residuals.
        """
        d, newton = slopes.shape[1], NewtonConjugate(tol=tol, max_iter=max_iter)
        majorant = self.majorant if self.network.has_curvature_bound else None
        blocks = [
            newton.solve(
                self.value_and_gradient,
                self.hessian,
                slopes[rows],
                start[rows],
                majorant=majorant,
            )
            # The Hessians are what takes memory.
            for rows in row_blocks(len(slopes), max(d * d, 64), block_size=2**18)
        ]
        return Minima(
            -torch.cat([block.value for block in blocks]),
            torch.cat([block.point for block in blocks]),
            torch.cat([block.residual for block in blocks]),
        )

    def minimise_from_afar(
        self, slopes, start, *, tol=1e-7, max_iter=100, through=Smoothings()
    ):
        """Like ``minimise``, where the first guesses are rough."""
        for factor in through.factors:
            # A copy: other threads may be asking this prior too.
            smoothed = self.network.smoothed(factor, through.largest)
            if smoothed is None:
                break
            start = (
                MoreauEnvelope(smoothed, self.t)
                .minimise(slopes, start, tol=through.tol, max_iter=through.max_iter)
                .point
            )
        return self.minimise(slopes, start, tol=tol, max_iter=max_iter)


def lax_oleinik(network, X, start, t, *, tol=1e-7, max_iter=100):
    """Value function and prox that a prior generates.

    Parameters
    ----------
    network : SemiconvexNetwork
        The prior.
    X : Tensor of shape (n, d)
        Points.
    start : Tensor of shape (n, d)
        First guesses of the proximal points.
    t : float
        Time, for which |y|^2 / 2 + t J(y) is convex.
    tol : float, default=1e-7
        Norm of the gradient, in the prior's units, at which a point is solved.
    max_iter : int, default=100
        Largest number of Newton steps.

    Returns
    -------
    value : Tensor of shape (n,)
        Values S(x, t): an upper bound of the minimum where it is not solved.
    prox : Tensor of shape (n, d)
        Proximal points.
    solved : Tensor of shape (n,), dtype bool
        Whether the tolerance was met.
    """
    envelope = MoreauEnvelope(network, t)
    minima = envelope.minimise_from_afar(
        envelope.slopes(X), envelope.points(start), tol=tol, max_iter=max_iter
    )
    prox = minima.point @ envelope.unwhitening * network.unit_length
    prox = prox + network.unit_center
    J, _ = network.value_and_gradient_at(prox)
    value = J + hj.half_squared_norm(X - prox) / t
    # For short times the quadratic, and rounding errors with it, are large.
    rounding = torch.finfo(X.dtype).eps * float(envelope.quadratic.norm())
    return value, prox, minima.residual <= 10 * max(tol, rounding)
