r"""The time at which a sum of norms generates samples, found with its weights.

The value function of a given prior obeys the Hamilton-Jacobi equation,

.. math:: \frac{\partial S}{\partial t} = -\frac{|\nabla S|^2}{2}
    = -\frac{|x - y|^2}{2 t^2},

so that the time is one more weight of the least squares: between steps of the others it
takes those of Gauss and Newton on what they leave.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from skhj.numerics.tensors import to_tensor
from skhj.priors.convex.fit import SemiconvexFitter
from skhj.priors.envelope.descent import Targets
from skhj.priors.envelope.fit import NormEnvelope
from skhj.priors.envelope.lax_oleinik import MoreauEnvelope
from skhj.priors.envelope.norm_units import NormsArchitecture

__all__ = ["FreeTime", "TimedDescent"]


class TimedDescent:
    """A descent of a prior's weights in which the time moves as well.

    Parameters
    ----------
    network : SemiconvexNetwork
        The prior to start from, for which |y|^2 / 2 + t J(y) is convex at all times up
        to ``largest``.
    samples : Samples
        Values of the value function, and the time to start from.
    points : ndarray of shape (n, d)
        First guesses of the proximal points.
    solver : GaussNewton
        How the weights improve.
    largest : float
        The largest time.
    """

    def __init__(self, network, samples, points, solver, largest):
        self.t, self.largest, self.time_step = samples.t, largest, np.inf
        masks = samples.seen, samples.held_out
        self.data = [
            (to_tensor(samples.X[rows]), to_tensor(samples.values[rows]))
            for rows in masks
        ]
        envelope = MoreauEnvelope(network, self.t)
        starts = [envelope.points(to_tensor(points[rows])) for rows in masks]
        sets = (
            _targets(envelope, *pair) for pair in zip(self.data, starts, strict=True)
        )
        self.descent = solver.start(envelope, *sets)

    @property
    def error(self):
        """Mean squared error on the hold-out, of S."""
        scale = float(self.descent.network.unit_scale)
        return self.descent.validation_losses[-1] * scale**2

    def run(self, n_steps):
        """Take some steps of the weights, and one of the time."""
        self.descent.run(n_steps)
        self.time_step = self.find_time_step()
        self.move(self.time_step)

    def find_time_step(self, *, damping=1e-7):
        """Step of log t by Gauss and Newton, with all weights moving along.

        Parameters
        ----------
        damping : float, default=1e-7
            Added to the normal equations of columns of unit norm: half the digits are
            left to directions of the weights that change nothing.

        Returns
        -------
        float
            The step.
        """
        network, samples = self.descent.network, self.descent.samples
        envelope, X = samples.envelope, self.data[0][0][: len(samples.points)]
        Y = samples.points @ envelope.unwhitening * network.unit_length
        away = X - Y - network.unit_center
        by_time = -(away**2).sum(1) / (2 * self.t * network.unit_scale)
        columns = network.parameter_jacobian(samples.points)
        columns = torch.cat([columns, by_time[:, None]], dim=1)
        norms = columns.norm(dim=0).clamp(min=torch.finfo(columns.dtype).tiny)
        columns = columns / norms
        matrix = columns.T @ columns
        matrix.diagonal().add_(damping)
        step = torch.linalg.solve(matrix, columns.T @ self.descent.errors)
        return -float(step[-1] / norms[-1])

    def move(self, step, *, longest=0.3):
        """Move the time and go on from the present weights.

        Parameters
        ----------
        step : float
            By which log t changes.
        longest : float, default=0.3
            Its size at most: the weights have to follow.
        """
        step = float(np.exp(np.clip(step, -longest, longest)))
        self.t = min(self.t * step, self.largest)
        descent, n_steps = self.descent, 2 * self.descent.solver.newton_steps
        envelope = MoreauEnvelope(descent.network, self.t)
        used, sets = descent.samples, (descent.training, descent.validation)
        descent.training, descent.validation = (
            _targets(envelope, pair, old.points)
            for pair, old in zip(self.data, sets, strict=True)
        )
        # What was best was so at another time.
        descent.best, descent.level_best = (np.inf, None), np.inf
        descent.idle_levels, descent.ended = 0, False
        descent.use(descent.training.first(len(used.points), used), n_steps)


def _targets(envelope, data, points):
    X, S = data
    return Targets(envelope, envelope.slopes(X), envelope.values(X, S), points)


@dataclass(frozen=True)
class FreeTime:
    """Sums of norms with a free time, of which the best one's is taken.

    Parameters
    ----------
    solver : NormEnvelope
        Which sums of norms there are, and how they are fitted.
    first_steps, more_steps : int, default=10, 5
        Steps of the weights before the time moves, and between.
    trial_rounds, most_rounds : int, default=8, 20
        Moves of the time before sums that are hopelessly behind are dropped, and at
        most.
    tolerance : float, default=2e-3
        Step of log t at which the time is found.
    steady : int, default=2
        Number of such steps, one after the other, that this takes.
    """

    solver: NormEnvelope = field(default_factory=NormEnvelope)
    first_steps: int = 10
    more_steps: int = 5
    trial_rounds: int = 8
    most_rounds: int = 20
    tolerance: float = 2e-3
    steady: int = 2

    def find(self, samples, of_prior, trainer, largest):
        """Time, and the mean squared error on the hold-out there.

        Parameters
        ----------
        samples : Samples
            Values of the value function, and the time to start from.
        of_prior : Samples
            Rough proximal points, priors and gradients there.
        trainer : Trainer
            Fits modules to the samples of the prior.
        largest : float
            The largest time.

        Returns
        -------
        tuple of float
            The two.
        """
        *sums, _ = self.solver.candidates(samples.X.shape[1], samples.n_seen)
        rivals = [
            self._begin(norms, samples, of_prior, trainer, largest) for norms in sums
        ]
        found = [self._run(rival, self.trial_rounds) for rival in rivals]
        hopeless = self.solver.hopeless * min(rival.error for rival in rivals)
        for rival, is_found in zip(rivals, found, strict=True):
            if not is_found and rival.error <= hopeless:
                self._run(rival, self.most_rounds - self.trial_rounds)
        best = min(rivals, key=lambda rival: rival.error)
        return best.t, best.error

    def _run(self, rival, n_rounds):
        """Move the time some times; return whether it is found."""
        n_small = 0
        for _ in range(n_rounds):
            rival.run(self.more_steps)
            n_small = n_small + 1 if abs(rival.time_step) < self.tolerance else 0
            if n_small == self.steady:
                return True
        return False

    def _begin(self, norms, samples, of_prior, trainer, largest):
        generator = trainer.generator
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        core = NormsArchitecture(norms.n_units, norms.rank).core(
            samples.X.shape[1], seed
        )
        n_epochs = max(1, round(norms.pair_share * self.solver.pair_iter))
        trainer = trainer.scheduled(max_iter=n_epochs)
        pairs = SemiconvexFitter().fit(core, of_prior._replace(t=largest), trainer)
        rival = TimedDescent(
            pairs.network, samples, of_prior.X, self.solver.descent, largest
        )
        rival.descent.run(self.first_steps)
        return rival
