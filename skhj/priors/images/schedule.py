"""Steps of Adam that make a prior steeper as they go."""

import math
from dataclasses import dataclass

import torch

__all__ = ["ImageSchedule"]


@dataclass(frozen=True)
class ImageSchedule:
    """Adam with half a cosine, and a bound of the slopes that rises.

    Parameters
    ----------
    n_steps : int, default=6000
        Number of steps, of 0.06 to 0.08 seconds each: 48 filters 7 x 7, six windows
        40 x 40, one core.
    batch_size : int, default=6
        Windows a step.
    learning_rate : float, default=3e-3
        Largest step size of the filters, which start with entries of order 0.1.
    profile_rate : float, default=2e-2
        Largest step size of the profiles' numbers, logarithms and logits.
    warm_up : float, default=0.03
        Share of the steps over which the step sizes rise.
    slopes : tuple of float, default=(12.0, 40.0)
        First and last bound of the profiles' slopes at the origin. Free from the start,
        the minimisers' problems stiffen faster than kept minimisers follow.
    rise : float, default=0.8
        Share of the steps over which the bound rises, geometrically.
    betas : tuple of float, default=(0.9, 0.99)
        Adam's averages.
    """

    n_steps: int = 6000
    batch_size: int = 6
    learning_rate: float = 3e-3
    profile_rate: float = 2e-2
    warm_up: float = 0.03
    slopes: tuple[float, float] = (12.0, 40.0)
    rise: float = 0.8
    betas: tuple[float, float] = (0.9, 0.99)

    def factor(self, step):
        """Share of the largest step size at a step, from 0 to 1."""
        done = step / self.n_steps
        return min(1.0, (done + 1 / self.n_steps) / self.warm_up) * (
            (1 + math.cos(math.pi * done)) / 2
        )

    def bound(self, step):
        """Bound of the slopes at a step."""
        first, last = self.slopes
        return first * (last / first) ** min(1.0, step / (self.rise * self.n_steps))

    def steps(self, prior, n_samples, generator):
        """Rows of each step; what has become the gradients by the next is followed.

        Parameters
        ----------
        prior : ImagePrior
            The prior, whose weights are changed.
        n_samples : int
            Number of samples.
        generator : torch.Generator
            Source of their order.

        Yields
        ------
        Tensor of shape (batch_size,), dtype int64
            Samples of the step.
        """
        groups = [
            {"params": [prior.filters], "lr": self.learning_rate},
            {"params": prior.profile_parameters, "lr": self.profile_rate},
        ]
        adam = torch.optim.Adam(groups, betas=self.betas)
        rates = torch.optim.lr_scheduler.LambdaLR(adam, self.factor)
        order = self._order(n_samples, generator)
        for step in range(self.n_steps):
            prior.max_slope.fill_(self.bound(step))
            adam.zero_grad()
            yield next(order)
            adam.step()
            rates.step()

    def _order(self, n_samples, generator):
        while True:
            order = torch.randperm(n_samples, generator=generator)
            size = min(self.batch_size, n_samples)
            yield from order[: n_samples - n_samples % size].split(size)
