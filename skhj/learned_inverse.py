"""A fitted inverse: a linear estimate, and a network's correction of it."""

from typing import NamedTuple

import numpy as np
import torch

__all__ = ["LearnedInverse", "Units"]

# Numbers at a time: enough to fill the processor, few enough for the memory.
BLOCK = 2**22


class Units(NamedTuple):
    """Standardised units: what a network is given, and what its answers mean.

    Attributes
    ----------
    data_mean : ndarray of shape (M,)
        Data at which the inputs are zero.
    start, whitening : ndarray of shape (k, M), (m, M)
        Map centred data to the network's inputs, the start and the data.
    basis : ndarray of shape (N, k)
        Directions of the models.
    scale : float
        Size of one unit of the network's answers.
    """

    data_mean: np.ndarray
    start: np.ndarray
    whitening: np.ndarray
    basis: np.ndarray
    scale: float

    def inputs(self, B):
        """Inputs of the network, (n, k + m), from data (n, M)."""
        centred = B - self.data_mean
        return np.concatenate(
            [centred @ self.start.T, centred @ self.whitening.T], axis=1
        )

    def noise_inputs(self):
        """Matrix (M, k + m) that maps noise in the data to its part of the inputs."""
        return np.concatenate([self.start, self.whitening]).T

    def targets(self, X, model_mean):
        """What the network should answer, (n, k), for models (n, N)."""
        return (X - model_mean) @ self.basis / self.scale

    def models(self, answers):
        """Differences of models (n, N) from differences of answers (n, k)."""
        return self.scale * answers @ self.basis.T


class LearnedInverse:
    """Models from data, on numpy arrays in float64.

    Parameters
    ----------
    linear : LinearEstimate
        The estimate that the network corrects.
    units : Units
        Units of the network.
    network : nn.Module
        The network, in double precision.
    correction : float
        Share of the network's correction that is applied, from 0 to 1.
    """

    def __init__(self, linear, units, network, correction):
        self.linear = linear
        self.units = units
        self.network = network
        self.correction = correction

    def predict(self, B):
        """Models (n, N) from data (n, M)."""
        return self._corrected(B, lambda inputs: self.network.iterates(inputs)[-1:])[0]

    def trajectory(self, B):
        """Iterates (J + 1, n, N), the linear estimate first."""
        return self._corrected(B, self.network.iterates)

    @torch.no_grad()
    def _corrected(self, B, evaluate):
        """Linear estimates plus the network's corrections, a block of rows at a time.

        ``evaluate`` maps inputs to a list of answers.
        """
        linear = self.linear(B)
        device = next(self.network.parameters()).device
        inputs = torch.as_tensor(self.units.inputs(B), device=device)
        k = self.units.basis.shape[1]
        blocks = []
        for rows in inputs.split(max(1, BLOCK // inputs.shape[1])):
            start = self.network.physics.to_model(rows[:, :k])
            steps = [answer - start for answer in evaluate(rows)]
            blocks.append(torch.stack(steps).cpu().numpy())
        steps = np.concatenate(blocks, axis=1)
        return linear + self.correction * self.units.models(steps)
