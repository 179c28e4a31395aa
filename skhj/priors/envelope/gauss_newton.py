"""Gauss and Newton's method for the weights of a prior, by its value function."""

from dataclasses import dataclass

from skhj.priors.envelope.descent import Descent

__all__ = ["GaussNewton"]


@dataclass(frozen=True)
class GaussNewton:
    """When to take a step, more samples, or a sharper prior.

    The defaults are those that ``benchmarks/bench_generalisation.py`` measures on sums
    of norms, with noise and without.

    Parameters
    ----------
    first_samples : int, default=4000
        Samples of the first steps; they are doubled where they are overfitted.
    overfit : float, default=1.15
        They are where the hold-out's error is this many times theirs.
    slow, slow_steps : float and int, default=0.05, 2
        Steps that lower the loss by less than this share are slow; after so many of
        them the prior is sharpened.
    patience : int, default=12
        It is sharpened after so many steps in any case.
    sharpen, sharpest : float, default=0.6, 1e-3
        Share of itself to which the smoothing falls, and its least: squared, it is the
        error of a value at a kink.
    idle_levels, progress : int and float, default=4, 0.02
        The descent ends after so many smoothings, or slow steps with free widths,
        without progress by this share on the hold-out.
    damping, factor, least_damping : float, default=1e-2, 6.0, 1e-8
        Damping of Levenberg and Marquardt at the start, by what it changes after a good
        step and a failed one, and its least.
    attempts : int, default=8
        Failed steps after which the weights stay.
    tolerance : float, default=1e-4
        Residual of the minimisers while training: values err by its square.
    newton_steps, first_newton_steps : int, default=10, 40
        Newton steps of each minimiser after a step, and where it is far away.
    """

    first_samples: int = 4000
    overfit: float = 1.15
    slow: float = 0.05
    slow_steps: int = 2
    patience: int = 12
    sharpen: float = 0.6
    sharpest: float = 1e-3
    idle_levels: int = 4
    progress: float = 0.02
    damping: float = 1e-2
    factor: float = 6.0
    least_damping: float = 1e-8
    attempts: int = 8
    tolerance: float = 1e-4
    newton_steps: int = 10
    first_newton_steps: int = 40

    def start(self, envelope, training, validation):
        """Descent from the present weights; see `Descent` for the parameters."""
        return Descent(envelope, training, validation, self)
