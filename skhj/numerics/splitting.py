r"""Alternating directions: a quadratic and functions that are given by their prox.

Minimises :math:`f(x) + \sum_i g_i(x)` for many rows at once, f quadratic, by the
alternating direction method of multipliers on copies :math:`z_i = x`,

.. math::

    x &= \operatorname{argmin} f(x) + \tfrac{\rho}{2} \sum_i |x - z_i + u_i|^2, \\
    z_i &= \operatorname{prox}_{g_i/\rho}(x + u_i), \qquad u_i \mathrel{+}= x - z_i.

Convex g converge with any penalty :math:`\rho`, others where it is at least the largest
curvature of f [2]_, which is slow. So each row begins with a penalty that suits convex
functions, and raises it towards that one whenever its residual
grows or is stuck.

References
----------
.. [1] Boyd, Parikh, Chu, Peleato, Eckstein, "Distributed optimization and statistical
   learning via the alternating direction method of multipliers", Found. Trends Mach.
   Learn. 3, 2011.
.. [2] Themelis, Patrinos, "Douglas-Rachford splitting and ADMM for nonconvex
   optimization: tight convergence results", SIAM J. Optim. 30, 2020.
"""

from dataclasses import dataclass

import torch

from skhj.numerics.memory_gradient import Minimum

__all__ = ["AlternatingDirections"]


@dataclass(frozen=True)
class AlternatingDirections:
    """The alternating direction method of multipliers.

    Parameters
    ----------
    max_iter : int, default=5000
        Largest number of steps.
    tolerance : float, default=1e-5
        Residual at which a row is solved, and left as it is.
    relaxation : float, default=1.6
        Over-relaxation of x, from 1 (none) to below 2; the value that section 3.4.3 of
        [1]_ recommends.
    growth : float, default=10.0
        Growth of a row's residual, over its smallest, at which the penalty is raised.
    patience : int, default=100
        Steps without a smaller residual after which it is raised, too: learned priors
        that are not quite convex at their kinks lead to cycles.
    raised : float, default=4.0
        Factor by which it is raised.
    diverged : float, default=1e8
        Residual at which a row is given up: there is no minimum.
    """

    max_iter: int = 5000
    tolerance: float = 1e-5
    relaxation: float = 1.6
    growth: float = 10.0
    patience: int = 100
    raised: float = 4.0
    diverged: float = 1e8

    @torch.no_grad()
    def minimise(self, solve, proxes, start, scale, *, penalty, largest):
        r"""Minimise from a point.

        Parameters
        ----------
        solve : callable
            Maps :math:`\sum_i (z_i - u_i)` of shape (n, N), the last x, and
            :math:`\rho` of shape (n,) to the minimiser x above.
        proxes : list of callable
            The proximal operators of the g, of points (n, N) and times (n,).
        start : Tensor of shape (n, N)
            First guesses.
        scale : Tensor of shape (n,)
            What the residual is measured by: the largest norm of
            :math:`\rho (x - z_i)` and :math:`\rho` times the last change of a
            :math:`z_i`.
        penalty : Tensor of shape (n,)
            First penalties :math:`\rho`.
        largest : float
            The largest, for functions that are not convex.

        Returns
        -------
        Minimum
            The last of the copies z, residuals and numbers of steps.
        """
        x, rho, copies = start, penalty, [start] * len(proxes)
        duals = [torch.zeros_like(start) for _ in proxes]
        residual = smallest = torch.full_like(scale, torch.inf)
        n_iter = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        waited = torch.zeros_like(n_iter)
        unsolved = torch.ones(len(x), dtype=torch.bool, device=x.device)
        for _ in range(self.max_iter):
            x = solve(sum(z - u for z, u in zip(copies, duals, strict=True)), x, rho)
            moved = torch.zeros_like(scale)
            for i, (prox, z, u) in enumerate(zip(proxes, copies, duals, strict=True)):
                relaxed = self.relaxation * x + (1 - self.relaxation) * z + u
                new = torch.where(unsolved[:, None], prox(relaxed, 1 / rho), z)
                duals[i] = torch.where(unsolved[:, None], relaxed - new, u)
                copies[i] = new
                for change in (new - z, new - x):
                    moved = torch.maximum(moved, change.norm(dim=1))
            residual = torch.where(unsolved, rho * moved / scale, residual)
            n_iter += unsolved
            unsolved = (residual > self.tolerance) & (residual < self.diverged)
            if not unsolved.any():
                break
            waited = torch.where(residual < smallest, 0, waited + 1)
            stuck = (residual > self.growth * smallest) | (waited > self.patience)
            grown = unsolved & stuck & (rho < largest)
            factor = torch.where(grown, (largest / rho).clamp(max=self.raised), 1)
            rho, duals = rho * factor, [u / factor[:, None] for u in duals]
            waited = torch.where(grown, 0, waited)
            smallest = torch.where(grown, residual, torch.minimum(smallest, residual))
        return Minimum(copies[-1], residual, n_iter)
