r"""Algorithms for :math:`|A x - b|^2/(2 s^2) + \lambda J(x)`, within bounds of x.

Each says by ``obstacle(problem)`` why it cannot serve a problem, or None.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from skhj.inverse.reconstruction.filtered import FilteredPrior, ImageEnergy
from skhj.inverse.reconstruction.misfit import NormalEquations
from skhj.inverse.reconstruction.regularisers import Regulariser
from skhj.numerics.memory_gradient import MemoryGradient, row_products
from skhj.numerics.proximal_gradient import ProximalGradient
from skhj.numerics.splitting import AlternatingDirections

__all__ = ["ALGORITHMS", "Problem", "choose_algorithm"]


@dataclass(frozen=True)
class Problem:
    """What does not change with the measurements and the strength.

    Parameters
    ----------
    operator : ForwardOperator
        The operator A.
    norm : float
        Its spectral norm, where it is linear.
    prior : Regulariser
        The prior J.
    precision : float
        One over the variance of the noise.
    bounds : tuple of float
        Smallest and largest entry of x; infinite for none.
    """

    operator: object
    norm: float
    prior: Regulariser
    precision: float
    bounds: tuple = (-np.inf, np.inf)

    @cached_property
    def equations(self):
        """The normal equations of a linear operator."""
        device = self.prior.device
        return NormalEquations(self.operator, self.precision, device=device)

    @property
    def largest_curvature(self):
        """That of the misfit of a linear operator; infinite beyond arithmetic."""
        return self.precision * self.norm * self.norm

    @property
    def strength_limit(self):
        """Largest strength for which the objective is known to be convex."""
        if not self.operator.is_linear or np.isinf(self.prior.concavity):
            return np.nan
        M, N = self.operator.shape
        return self.equations.smallest / self.prior.concavity if M >= N else 0.0

    @property
    def bounded(self):
        """Whether there are bounds."""
        return self.bounds != (-np.inf, np.inf)

    @property
    def by_filters(self):
        """Whether the energy is one of linear features."""
        linear = self.operator.is_linear and not self.bounded
        return linear and isinstance(self.prior, FilteredPrior)


class Gradient:
    """Gradient steps on the whole energy, accelerated.

    Parameters
    ----------
    problem : Problem
        The problem.
    limits : dict
        ``max_iter`` and ``tolerance`` of the minimiser.
    """

    def __init__(self, problem, limits):
        self.problem, self.limits = problem, limits

    @staticmethod
    def obstacle(problem):
        """Why the algorithm cannot serve."""
        if problem.prior.has_gradient:
            return None
        return "needs a prior with a method prior_gradient, and this one has none"

    def minimise(self, misfit, strength, start, scale):
        """Minimise the energy of some measurements, as a `Minimum`."""
        prior, energy = (
            self.problem.prior,
            _Energy(misfit, self.problem.prior, strength),
        )
        if self.problem.by_filters:
            images = ImageEnergy(misfit, prior, strength)
            unit = scale * (prior.t / strength)
            minimum = MemoryGradient(**self.limits).minimise(
                images, prior.images(start), unit
            )
            return minimum._replace(point=minimum.point.flatten(1))
        return ProximalGradient(**self.limits).minimise(
            energy,
            _Box(self.problem.bounds),
            start,
            scale,
            step=first_step(energy, start),
            search=True,
        )


class ForwardBackward:
    """Gradient steps on the misfit, proximal steps on the prior, accelerated.

    Parameters
    ----------
    problem : Problem
        The problem.
    limits : dict
        ``max_iter`` and ``tolerance`` of the minimiser.
    """

    def __init__(self, problem, limits):
        self.problem, self.limits = problem, limits

    @staticmethod
    def obstacle(problem):
        """Why the algorithm cannot serve."""
        if problem.bounded:
            return "takes no bounds: use 'admm' or 'gradient'"
        return None

    def minimise(self, misfit, strength, start, scale, *, share=0.99):
        """Minimise the energy of some measurements, as a `Minimum`.

        Steps are a ``share`` of one over the misfit's curvature.
        """
        longest = self.problem.prior.largest_time / strength
        linear = self.problem.operator.is_linear
        if linear:
            curvature = self.problem.largest_curvature
            step = torch.full_like(scale, share / curvature if curvature else longest)
        else:
            step = first_step(misfit, start)
        return ProximalGradient(**self.limits).minimise(
            misfit,
            _Scaled(self.problem.prior, strength),
            start,
            scale,
            step=step.clamp(max=longest),
            search=not linear,
            longest=longest,
        )


class Alternating:
    """Alternating directions: exact steps on the misfit and on the prior.

    Parameters
    ----------
    problem : Problem
        The problem.
    limits : dict
        ``max_iter`` and ``tolerance`` of the minimiser.
    """

    def __init__(self, problem, limits):
        self.problem, self.limits = problem, limits

    @staticmethod
    def obstacle(problem):
        """Why the algorithm cannot serve."""
        if not problem.operator.is_linear:
            return "needs a linear operator"
        return None

    def penalty(self, strength, *, patience=30):
        """The number rho: the prior's prox is asked for at the time strength / rho.

        The best one for a quadratic is the geometric mean of the extreme curvatures. A
        learned prior's prox at its own time is direct, at others a minimisation that
        takes some ``patience`` times as long (splines of 8 features).
        """
        largest = self.problem.largest_curvature
        smallest = max(self.problem.equations.smallest, 1e-4 * largest)
        # Of an operator that is zero, any number.
        best = largest**0.5 * smallest**0.5 or strength
        direct = strength / self.problem.prior.largest_time
        return direct if best < patience * direct else best

    def minimise(self, misfit, strength, start, scale):
        """Minimise the energy of some measurements, as a `Minimum`."""
        problem, target = self.problem, misfit.back_projected()
        proxes = [lambda x, time: problem.prior.prox(x, strength * time)]
        if problem.bounded:
            proxes.append(lambda x, time: x.clamp(*problem.bounds))

        def solve(total, guess, rho):
            target_here = target + rho[:, None] * total
            return problem.equations.solve(len(proxes) * rho, target_here, guess)

        return AlternatingDirections(**self.limits).minimise(
            solve,
            proxes,
            start,
            scale,
            penalty=torch.full_like(scale, self.penalty(strength)),
            largest=problem.largest_curvature,
        )


ALGORITHMS = {
    "gradient": Gradient,
    "forward-backward": ForwardBackward,
    "admm": Alternating,
}


def choose_algorithm(problem):
    """Name of the algorithm that suits a problem.

    Priors of images have cheap gradients and costly proximal points; priors of vectors
    may have kinks, at which gradient steps stall.
    """
    if isinstance(problem.prior, FilteredPrior):
        return "gradient"
    return "admm" if problem.operator.is_linear else "forward-backward"


class _Energy(NamedTuple):
    """The whole energy, f + strength J."""

    misfit: object
    prior: Regulariser
    strength: float

    def value(self, x):
        return self.misfit.value(x) + self.strength * self.prior.value(x)

    def value_and_gradient(self, x):
        value, gradient = self.misfit.value_and_gradient(x)
        value = value + self.strength * self.prior.value(x)
        return value, gradient + self.strength * self.prior.gradient(x)


class _Scaled(NamedTuple):
    """The prior times its strength."""

    prior: Regulariser
    strength: float

    def value(self, x):
        return self.strength * self.prior.value(x)

    def prox(self, x, step):
        return self.prior.prox(x, self.strength * step)


class _Box(NamedTuple):
    """Zero within bounds, infinite outside; its prox does not leave them."""

    bounds: tuple

    def value(self, x):
        return x.new_zeros(len(x))

    def prox(self, x, step):
        return x.clamp(*self.bounds)


def first_step(smooth, x, *, part=1e-3):
    """One over the curvature of a function along its gradient, (n,).

    From a difference of gradients over a ``part`` of the size of x, or of one.
    """
    _, gradient = smooth.value_and_gradient(x)
    size = row_products(gradient, gradient).sqrt().clamp(min=torch.finfo(x.dtype).tiny)
    length = part * row_products(x, x).sqrt().clamp(min=1)
    direction = gradient / size[:, None]
    _, moved = smooth.value_and_gradient(x - length[:, None] * direction)
    curvature = row_products(gradient - moved, gradient - moved).sqrt() / length
    return 1 / curvature.clamp(min=torch.finfo(x.dtype).eps)
