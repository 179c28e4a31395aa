r"""The conjugate of a smooth convex potential, by solving grad psi(x) = y."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from scipy.optimize import minimize

__all__ = [
    "Conjugate",
    "NewtonConjugate",
    "invert_by_conjugate_gradients",
]


class Conjugate(NamedTuple):
    """Solutions of max_x <x, y> - psi(x), one for each row y.

    Attributes
    ----------
    value : Tensor of shape (n,)
        The conjugate psi*(y), a lower bound of it where the residual is not zero.
    point : Tensor of shape (n, d)
        The maximiser x, where grad psi(x) = y.
    n_iter : int
        Iterations of the slowest row.
    residual : Tensor of shape (n,)
        Norm of the gradient of the objective, grad psi(x) - y where it has no anchor.
    """

    value: torch.Tensor
    point: torch.Tensor
    n_iter: int
    residual: torch.Tensor


@dataclass(frozen=True)
class NewtonConjugate:
    """Solver by a damped Newton method on all rows at once.

    Parameters
    ----------
    tol : float, default=1e-8
        Largest residual, relative to the ``scale`` of the problem, of a solved row.
    max_iter : int, default=50
        Largest number of iterations.
    accept, trust : float, default=1e-4 and 0.5
        A step is taken where it lowers the objective by the first share of what the
        model promised, and the damping falls where by more than the second: the usual
        numbers of trust-region methods.
    raise_by, lower_by : float, default=10 and 8
        Factors of the damping after a step that failed, and after one that did well.
    first : float, default=1e-3
        The first damping, as a share of the mean curvature.
    forgotten : float, default=0.1
        Share of a majorant below which the Hessian is tried alone again.
    negligible : float, default=1e-14
        Promises below this part of the objective are rounding: a smaller residual
        decides.
    """

    tol: float = 1e-8
    max_iter: int = 50
    accept: float = 1e-4
    trust: float = 0.5
    raise_by: float = 10.0
    lower_by: float = 8.0
    first: float = 1e-3
    forgotten: float = 0.1
    negligible: float = 1e-14

    def solve(
        self, value_and_gradient, hessian, Y, X, *, majorant=None, anchor=0.0, scale=1.0
    ):
        r"""Conjugates of a smooth convex psi.

        Minimises :math:`\psi(x) - \langle x, y\rangle + \epsilon |x - x_0|^2 / 2`,
        where :math:`x_0` is the first guess, by steps
        :math:`-(\nabla^2 + \mu I)^{-1} \nabla`; each row has its own damping
        :math:`\mu`, raised when a step fails and lowered when it does well
        (Levenberg, Marquardt). With a ``majorant`` M, the steps are
        :math:`-((1 - \mu) \nabla^2 + \mu M)^{-1} \nabla` instead,
        :math:`\mu \le 1`: they keep their length along the kinks of psi, and at
        :math:`\mu = 1` never fail.

        Parameters
        ----------
        value_and_gradient : callable
            Maps points (m, d) to values (m,) and gradients (m, d) of psi.
        hessian : callable
            Maps points (m, d) to Hessians (m, d, d).
        Y : Tensor of shape (n, d)
            Where to evaluate the conjugate.
        X : Tensor of shape (n, d)
            First guesses of the maximisers.
        majorant : callable or None, default=None
            Maps points (m, d) to matrices (m, d, d) of quadratics that touch psi there
            and stay above it.
        anchor : float, default=0.0
            The number epsilon. Where y is in the range of grad psi, the solution barely
            moves; outside, it keeps x from running away from a good first guess.
        scale : float, default=1.0
            Typical length of ``Y``; the residual is measured against it.

        Returns
        -------
        Conjugate
            Values, points, iterations and residuals; the caller judges the residuals.
        """
        start, X = X, X.clone()

        def evaluate(x, rows):
            psi, gradient = value_and_gradient(x)
            away = x - start[rows]
            objective = psi - (x * Y[rows]).sum(1) + anchor * (away * away).sum(1) / 2
            return objective, gradient - Y[rows] + anchor * away

        objective, residual = evaluate(X, slice(None))
        damping = torch.zeros_like(objective)
        active = torch.arange(len(Y), device=Y.device)
        n_iter = 0
        for n_iter in range(1, self.max_iter + 1):
            norms = torch.linalg.vector_norm(residual[active], dim=1)
            active = active[norms > self.tol * scale]
            if not len(active):
                n_iter -= 1
                break
            x, held = X[active], damping[active]
            H = _anchored(hessian(x), anchor)
            damped, ridge = H, held
            if majorant is not None:
                damped, ridge = _blend(H, majorant, x, held, anchor), 0.0
            step, promised, curvature = _damped_step(H, damped, residual[active], ridge)
            trial = x + step
            trial_objective, trial_residual = evaluate(trial, active)
            ratio = (objective[active] - trial_objective) / promised
            smaller = (trial_residual**2).sum(1) < (residual[active] ** 2).sum(1)
            negligible = promised < self.negligible * objective[active].abs()
            accepted = torch.where(negligible, smaller, ratio > self.accept)
            rows = active[accepted]
            X[rows] = trial[accepted]
            objective[rows] = trial_objective[accepted]
            residual[rows] = trial_residual[accepted]
            change = self._share if majorant is not None else self._ridge
            damping[active] = change(held, ratio, accepted, curvature)
        away = X - start
        value = anchor * (away * away).sum(1) / 2 - objective
        return Conjugate(value, X, n_iter, torch.linalg.vector_norm(residual, dim=1))

    def _ridge(self, damping, ratio, accepted, curvature):
        """The next multiple of the identity."""
        raised = torch.maximum(self.raise_by * damping, self.first * curvature)
        lowered = torch.where(ratio > self.trust, damping / self.lower_by, damping)
        return torch.where(accepted, lowered, raised)

    def _share(self, damping, ratio, accepted, curvature):
        """The next share of the majorant: a half, then all of it."""
        raised = torch.where(damping > 0, 1.0, 0.5).to(damping)
        lowered = damping / 4
        lowered[lowered < self.forgotten] = 0.0
        return torch.where(accepted, lowered, raised)


def _anchored(H, anchor):
    """Hessians of psi with the anchor's."""
    return H + anchor * torch.eye(H.shape[1], dtype=H.dtype, device=H.device)


def _blend(H, majorant, X, damping, anchor):
    """Hessians moved towards the majorant by their damping."""
    blended, held = H.clone(), damping > 0
    if held.any():
        upper = _anchored(majorant(X[held]), anchor)
        blended[held] = torch.lerp(H[held], upper, damping[held, None, None])
    return blended


def _damped_step(H, damped, residual, damping):
    """Damped step, the decrease that H promises of it, and the mean curvature of H."""
    curvature = H.diagonal(dim1=1, dim2=2).mean(1)
    # A relative ridge at rounding level keeps the factorisation of flat H alive.
    ridge = damping + 1e-12 * curvature
    identity = torch.eye(H.shape[1], dtype=H.dtype, device=H.device)
    damped = damped + ridge[:, None, None] * identity
    factor, info = torch.linalg.cholesky_ex(damped)
    factor[info > 0] = identity * curvature[info > 0, None, None].sqrt()
    step = -torch.cholesky_solve(residual[:, :, None], factor)[:, :, 0]
    linear = (step * residual).sum(1)
    promised = -linear - (step * (H @ step[:, :, None])[:, :, 0]).sum(1) / 2
    return step, promised, curvature


def invert_by_conjugate_gradients(
    value_and_gradient, Y, *, regularisation=1e-6, scale=1.0, tol=1e-5
):
    r"""Conjugate by the regularised inversion of Fang, Buchanan and Sulam.

    For each row alone, minimises :math:`\psi(x) - \langle x, y\rangle
    + \epsilon |x - y|^2 / 2` by non-linear conjugate gradients from x = y. It is the
    baseline: slow, and the reference that the other methods are measured against.

    Parameters
    ----------
    value_and_gradient : callable
        Maps points (m, d) to values (m,) and gradients (m, d) of psi.
    Y : Tensor of shape (n, d)
        Where to evaluate the conjugate.
    regularisation : float, default=1e-6
        The number epsilon.
    scale : float, default=1.0
        Typical length of the points, the unit in which it is solved.
    tol : float, default=1e-5
        Largest component of the gradient at the end, relative to ``scale``.

    Returns
    -------
    Conjugate
        Values, points, iterations and residuals.

    References
    ----------
    Fang, Buchanan, Sulam, "What's in a prior? Learned proximal networks for inverse
    problems", ICLR 2024.
    """
    points, n_iter = torch.empty_like(Y), 0
    for row, y in enumerate(Y):
        target = y.cpu().numpy() / scale

        def objective(u, y=y, target=target):
            psi, gradient = value_and_gradient(scale * torch.as_tensor(u).to(y)[None])
            away = u - target
            value = psi.item() / scale**2 - u @ target
            slope = gradient[0].cpu().numpy() / scale - target
            value += regularisation * (away @ away) / 2
            return value, slope + regularisation * away

        solution = minimize(
            objective, target, jac=True, method="CG", options={"gtol": tol}
        )
        points[row] = scale * torch.as_tensor(solution.x)
        n_iter = max(n_iter, solution.nit)
    psi, gradient = value_and_gradient(points)
    residual = torch.linalg.vector_norm(gradient - Y, dim=1)
    return Conjugate((points * Y).sum(1) - psi, points, n_iter, residual)
