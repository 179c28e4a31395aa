"""The descent of a prior's weights: samples, damped steps, smoothings."""

from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from skhj.numerics.blocks import row_blocks
from skhj.numerics.threads import threads_for

__all__ = ["Descent", "Refinement", "Targets"]


class Refinement(NamedTuple):
    """How a refinement went.

    Attributes
    ----------
    loss_curve : ndarray of shape (n_iter,)
        Mean squared error of the samples in use after each step.
    validation_curve : ndarray of shape (n_iter,)
        That of the hold-out.
    best_loss : float
        The smallest of ``validation_curve``.
    ended : bool
        Whether progress ended before the steps did.
    """

    loss_curve: np.ndarray
    validation_curve: np.ndarray
    best_loss: float
    ended: bool


class Targets:
    """Samples of a value function, each with the minimiser that is kept for it.

    Parameters
    ----------
    envelope : MoreauEnvelope
        The minimisation.
    slopes, values, points : Tensor of shape (n, d), (n,) and (n, d)
        The slopes p, the minima they should have, and first guesses of minimisers.
    """

    def __init__(self, envelope, slopes, values, points):
        self.envelope = envelope
        self.slopes, self.values, self.points = slopes, values, points

    def first(self, n_samples, known=None):
        """The first samples, with the minimisers of those that are ``known``."""
        points = self.points[:n_samples].clone()
        if known is not None:
            points[: len(known.points)] = known.points
        rows = slice(n_samples)
        return Targets(self.envelope, self.slopes[rows], self.values[rows], points)

    def solve(self, tol, max_iter):
        """Errors of the minima, after some Newton steps of the minimisers."""
        minima = self.envelope.minimise(
            self.slopes, self.points, tol=tol, max_iter=max_iter
        )
        return minima.point, minima.value - self.values


class Descent:
    r"""A prior's weights on their way to those of a value function.

    The residuals :math:`\min_u f(u) + \langle u, Q u\rangle/2 - \langle p, u\rangle
    - \sigma` have the derivatives of f at the minimisers, by the envelope theorem.
    Steps are damped as by Levenberg and Marquardt; after each, the minimisers are
    moved by Newton's method.

    The smoothing of the core falls whenever progress at its present level has become
    slow: at a large one the minimisers do not yet sit in the kinks, and the directions
    of the units are found there. Once sharper is no better, the units' own widths are
    trained too.

    Parameters
    ----------
    envelope : MoreauEnvelope
        The minimisation; its network, in double precision, is changed in place. The
        network's core is a `NormUnits`, or a module like it.
    training, validation : Targets
        The samples, in random order, and the hold-out.
    solver : GaussNewton
        When to do what.
    """

    def __init__(self, envelope, training, validation, solver):
        self.solver = solver
        self.network = envelope.network
        self.smoothing = envelope.network.core.smoothing
        self.training = training
        self.validation = validation
        self.damping, self.settling, self.ended = solver.damping, False, False
        self.losses, self.validation_losses = [], []
        self.best = (np.inf, None)
        self.level_steps, self.slow_steps = 0, 0
        self.level_best, self.idle_levels = np.inf, 0
        self.network.core.widths_are_free = False
        self.use(training.first(solver.first_samples), solver.first_newton_steps)
        self.validation.points, _ = self._solve(validation, solver.first_newton_steps)

    def run(self, n_steps, task=None):
        """Take at most so many more steps.

        Parameters
        ----------
        n_steps : int
            How many.
        task : callable or None, default=None
            Makes a context of each step, ``task("step")``.
        """
        for _ in range(n_steps):
            if self.ended:
                break
            with (
                nullcontext() if task is None else task("step"),
                threads_for(self._n_products(len(self.errors))),
            ):
                self._advance()

    def _n_products(self, n_samples):
        """Multiplications of the normal equations, the largest part of a step."""
        n_weights = sum(weight.numel() for weight in self.network.parameters())
        return n_samples * n_weights**2

    def _advance(self):
        """A step, and what follows from how it went."""
        self.step()
        self.take_more_samples()
        if not self.settling and self.sharpen():
            self.settling = True
            self.back_to_best()
        elif self.settling:
            self.ended = self.settle()

    def result(self):
        """Losses so far."""
        return Refinement(
            np.array(self.losses),
            np.array(self.validation_losses),
            self.best[0],
            self.ended,
        )

    def _solve(self, samples, newton_steps=None):
        """Minimisers of some samples, moved by Newton's method, and errors."""
        n_steps = newton_steps or self.solver.newton_steps
        with threads_for(self._n_products(len(samples.values))):
            return samples.solve(self.solver.tolerance, n_steps)

    def use(self, samples, newton_steps):
        """Take these samples for the next steps."""
        self.samples = samples
        samples.points, self.errors = self._solve(samples, newton_steps)
        self.loss = float((self.errors**2).mean())

    def step(self):
        """One step that lowers the loss, or none; then the hold-out's error."""
        weights = parameters_to_vector(self.network.parameters())
        matrix, slope = self._normal_equations(len(weights))
        diagonal = torch.diagonal(matrix)
        unit = diagonal + 1e-7 * diagonal.mean()
        before, self.decrease = self.loss, 0.0
        for _ in range(self.solver.attempts):
            damped = matrix + torch.diag(self.damping * unit)
            step = torch.linalg.solve(damped, slope)
            self._set_weights(weights - step)
            points, errors = self._solve(self.samples)
            loss = float((errors**2).mean())
            if loss < before:
                self.samples.points, self.errors, self.loss = points, errors, loss
                self.damping = max(
                    self.damping / self.solver.factor, self.solver.least_damping
                )
                self.decrease = 1 - loss / before
                break
            self.damping *= self.solver.factor
        else:
            self._set_weights(weights)
            self.damping = self.solver.damping
        self._judge()

    def _normal_equations(self, n_weights):
        """J^T J and J^T e, with the products in single precision."""
        device = self.errors.device
        matrix = torch.zeros(n_weights, n_weights, device=device)
        slope = torch.zeros(n_weights, device=device)
        for rows in row_blocks(len(self.errors), n_weights, block_size=2**20):
            jacobian = self.network.parameter_jacobian(self.samples.points[rows])
            jacobian = jacobian.float()
            matrix += jacobian.T @ jacobian
            slope += jacobian.T @ self.errors[rows].float()
        return matrix.double(), slope.double()

    @torch.no_grad()
    def _set_weights(self, weights):
        vector_to_parameters(weights, self.network.parameters())
        self.network.project_()

    def _judge(self):
        self.validation.points, errors = self._solve(self.validation)
        error = float((errors**2).mean())
        self.losses.append(self.loss)
        self.validation_losses.append(error)
        if error < self.best[0]:
            weights = self.network.state_dict()
            self.best = (error, {name: w.clone() for name, w in weights.items()})

    def take_more_samples(self):
        """Twice as many, where those in use are fitted better than the hold-out."""
        if self.validation_losses[-1] > self.solver.overfit * self.loss:
            self._double_samples()

    def _double_samples(self):
        """Take twice as many samples; return whether there were more."""
        n_used = len(self.errors)
        if n_used == len(self.training.values):
            return False
        self.use(
            self.training.first(2 * n_used, self.samples), 2 * self.solver.newton_steps
        )
        return True

    def sharpen(self):
        """Sharpen where it is time; return whether that no longer helps."""
        self.level_steps += 1
        self.slow_steps = self.slow_steps + 1 if self.decrease < self.solver.slow else 0
        slow = self.slow_steps >= self.solver.slow_steps
        if not slow and self.level_steps < self.solver.patience:
            return False
        self.level_steps = self.slow_steps = 0
        better = (
            self.validation_losses[-1] < (1 - self.solver.progress) * self.level_best
        )
        self.level_best = min(self.level_best, self.validation_losses[-1])
        if not better and self._double_samples():
            return False  # Noise, perhaps: more samples may yet make it better.
        self.idle_levels = 0 if better else self.idle_levels + 1
        if self.idle_levels >= self.solver.idle_levels:
            return True
        if self.smoothing > self.solver.sharpest:
            self.smoothing.mul_(self.solver.sharpen)
            self.smoothing.clamp_(min=self.solver.sharpest)
            self.use(self.samples, 2 * self.solver.newton_steps)
        return False

    def settle(self):
        """Return whether the steps have become slow for good."""
        self.idle_levels = (
            self.idle_levels + 1 if self.decrease < self.solver.slow else 0
        )
        return self.idle_levels >= self.solver.idle_levels

    def back_to_best(self):
        """Go on from the best weights, with free widths."""
        self.set_best()
        self.network.core.widths_are_free = True
        self.idle_levels, self.damping = 0, self.solver.damping
        self.use(self.samples, self.solver.first_newton_steps)

    def set_best(self):
        """Set the best weights so far."""
        if self.best[1] is not None:
            self.network.load_state_dict(self.best[1])
