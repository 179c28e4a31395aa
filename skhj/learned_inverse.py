"""A fitted inverse: a linear estimate, and a network's correction of it."""

import numpy as np
import torch

__all__ = ["LearnedInverse"]

# Numbers at a time: enough to fill the processor, few enough for the memory.
BLOCK = 2**20
# Draws that are averaged to a mean: their noise is a hundredth of its variance.
N_DRAWS = 100


class LearnedInverse:
    """Models from data, on numpy arrays in float64.

    Parameters
    ----------
    linear : LinearEstimate or SpectralEstimate
        The estimate that the network corrects.
    units : DenseUnits or SpectralUnits
        Units of the network.
    network : nn.Module
        The network, in double precision.
    correction : float
        Share of the network's correction that is applied, from 0 to 1.
    seed : int, default=0
        Seed of the noise of a network that draws.
    """

    def __init__(self, linear, units, network, correction, *, seed=0):
        self.linear = linear
        self.units = units
        self.network = network
        self.correction = correction
        self.seed = seed

    @property
    def draws(self):
        """Whether the network's answers are draws from the posterior."""
        return self.network.noise_sizes is not None

    def predict(self, B):
        """Models (n, N) from data (n, M); means of draws, where these are made."""
        if self.draws:
            return self.sample(B, N_DRAWS, mean=True)[0]
        return self._corrected(B, lambda inputs: [self.network(inputs)])[0]

    def trajectory(self, B):
        """Iterates (J + 1, n, N), the linear estimate first, or their means."""
        if not self.draws:
            return self._corrected(B, self.network.iterates)
        generator = torch.Generator().manual_seed(self.seed)

        def mean_iterates(inputs):
            runs = [self.network.iterates(inputs, generator) for _ in range(N_DRAWS)]
            return [torch.stack(layer).mean(0) for layer in zip(*runs, strict=True)]

        return self._corrected(B, mean_iterates)

    def sample(self, B, n_samples, *, mean=False):
        """Draws (n_samples, n, N) from the posterior, or their mean (1, n, N)."""
        generator = torch.Generator().manual_seed(self.seed)

        def evaluate(inputs):
            draws = [self.network(inputs, generator) for _ in range(n_samples)]
            return [torch.stack(draws).mean(0)] if mean else draws

        return self._corrected(B, evaluate)

    @torch.no_grad()
    def _corrected(self, B, evaluate):
        """Linear estimates plus the network's corrections, a block of rows at a time.

        ``evaluate`` maps inputs to a list of answers.
        """
        n_rows = max(1, BLOCK // max(B.shape[1], self.linear(B[:1]).shape[1]))
        blocks = [
            self._corrected_block(B[first : first + n_rows], evaluate)
            for first in range(0, len(B), n_rows)
        ]
        return np.concatenate(blocks, axis=1)

    def _corrected_block(self, B, evaluate):
        physics = self.network.physics
        device = next(self.network.parameters()).device
        inputs = torch.as_tensor(self.units.inputs(B), device=device)
        start, _ = physics.split(inputs)
        start = physics.to_model(start, start)
        steps = torch.stack([answer - start for answer in evaluate(inputs)])
        differences = self.units.differences(steps.cpu().numpy())
        return self.linear(B) + self.correction * differences
