"""The end of a training on values: Gauss-Newton steps on batches, with momentum."""

import math
from dataclasses import dataclass

import torch

from skhj.numerics.threads import threads_for

__all__ = ["BatchGaussNewton"]


@dataclass(frozen=True)
class BatchGaussNewton:
    r"""Steps that would each solve a batch, were the network linear in its weights.

    With residuals r of a batch and J their derivatives by the weights, up to a factor
    the step is the d nearest to a multiple of the one before, m d', of those that solve
    the batch in least squares with damping,

    .. math:: d = m d' + J^T (J J^T + \lambda I)^{-1} (r - m J d').

    The matrix is one of samples, not of weights, and by layers it is a product of two,
    so that a step takes some ten times as long as one of Adam. Of as much time it
    leaves far less.

    Parameters
    ----------
    share : float, default=0.06
        Steps, as a share of those of Adam.
    batches : int, default=2
        Samples a step, in batches of Adam.
    rate : float, default=0.25
        Largest share of a step that is taken, reached after a twentieth of them; half a
        cosine leads to 0.
    momentum : float, default=0.9
        The number m.
    damping : float, default=1e-3
        Lambda, in units of the mean of the diagonal.
    warm_up : float, default=0.05
        Share of the steps over which the rate rises.

    References
    ----------
    Goldshlager, Abrahamsen, Lin, "A Kaczmarz-inspired approach to accelerate the
    optimization of neural network wavefunctions", J. Comput. Phys. 516 (2024).
    """

    share: float = 0.06
    batches: int = 2
    rate: float = 0.25
    momentum: float = 0.9
    damping: float = 1e-3
    warm_up: float = 0.05

    def run(self, network, points, values, trainer):
        """Change the weights of a network in place.

        Parameters
        ----------
        network : nn.Module
            With ``weight_gram(u)``, the products J J^T by ``linear_weights()``, and
            ``project_``.
        points, values : Tensor of shape (n, d) and (n,)
            What it is fitted to.
        trainer : Trainer
            Has trained it by Adam; tells the size of its batches.
        """
        weights = dict(network.linear_weights())
        moves = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        n_steps = math.ceil(self.share * trainer.schedule.n_steps(len(points)))
        n_rows = self.batches * trainer.schedule.batch_size
        n_weights = sum(weight.numel() for weight in weights.values())
        with threads_for(n_weights * n_rows):
            for step in range(n_steps):
                rows = torch.randperm(len(points), generator=trainer.generator)
                rows = rows[:n_rows].to(points.device)
                self._step(network, weights, moves, points[rows], values[rows])
                rate = self.rate * self._factor(step / n_steps)
                with torch.no_grad():
                    for name, weight in weights.items():
                        weight.add_(moves[name], alpha=rate)
                network.project_()

    def _factor(self, done):
        # The first step too is one.
        rise = min(1.0, (done + 1e-3) / self.warm_up)
        return rise * (1 + math.cos(math.pi * done)) / 2

    @torch.enable_grad()
    def _step(self, network, weights, moves, u, targets):
        """The next ``moves``, in place."""
        present = network(u)
        # J d' is the derivative of <J' v, d'> by v.
        v = torch.zeros_like(present, requires_grad=True)
        own, held = list(weights.values()), list(moves.values())
        slopes = torch.autograd.grad(present, own, v, create_graph=True)
        (moved,) = torch.autograd.grad(slopes, v, held, retain_graph=True)
        left = targets - present.detach() - self.momentum * moved
        shares = self._shares(network, u, left)
        steps = torch.autograd.grad(present, own, shares)
        for move, step in zip(held, steps, strict=True):
            move.mul_(self.momentum).add_(step)

    @torch.no_grad()
    def _shares(self, network, u, left):
        """Solve with the damped products of the derivatives."""
        gram = network.weight_gram(u)
        gram.diagonal().add_(self.damping * gram.diagonal().mean())
        # Where it is not positive the answer is no number, and nobody takes it.
        factor, _ = torch.linalg.cholesky_ex(gram)
        return torch.cholesky_solve(left[:, None], factor)[:, 0]
