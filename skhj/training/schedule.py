"""Length and step sizes of a training."""

import math
from dataclasses import dataclass

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Adam with a short rise of the step size, then half a cosine.

    Parameters
    ----------
    max_iter : int
        Largest number of passes over the samples.
    batch_size : int
        Samples a step.
    learning_rate : float
        Largest step size.
    warm_up : float, default=0.1
        Share of the steps over which the step size rises. Without it, large first steps
        push every unit of a convex network into its flat side.
    betas : tuple of float, default=(0.95, 0.99)
        Adam's averages. Faster ones than usual lower the held-out error by a third.
    loss_tolerance : float, default=0.01
        Rise of the loss on the hold-out, relative to its smallest value, that may be
        chance: of weights within it the last are kept, those of the smallest steps.
    patience : float, default=0.5
        Share of ``max_iter`` that may pass without such a loss before training ends:
        the loss may stay level while the schedule's steps are large.
    max_norm : float or None, default=None
        Norm to which longer gradients are clipped; None leaves them.
    """

    max_iter: int
    batch_size: int
    learning_rate: float
    warm_up: float = 0.1
    betas: tuple[float, float] = (0.95, 0.99)
    loss_tolerance: float = 0.01
    patience: float = 0.5
    max_norm: float | None = None

    def n_steps(self, n_samples):
        """Number of steps of all passes over so many samples."""
        return self.max_iter * math.ceil(n_samples / self.batch_size)

    def factor(self, step, n_steps):
        """Share of the largest step size at one of so many steps, from 0 to 1."""
        done = step / n_steps
        if done < self.warm_up:
            return (step + 1) / (self.warm_up * n_steps + 1)
        return (1 + math.cos(math.pi * (done - self.warm_up) / (1 - self.warm_up))) / 2
