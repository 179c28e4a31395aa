"""A fitted inverse: a linear estimate, and a network's correction of it."""

import warnings
from functools import partial

import numpy as np
import torch

from skhj.inverse.linear.dense import LinearEstimate
from skhj.inverse.linear.spectral import SpectralEstimate
from skhj.inverse.units import DenseUnits, SpectralUnits
from skhj.inverse.unrolled.build import make_unrolled
from skhj.inverse.unrolled.misfit import physics_from_arrays
from skhj.inverse.unrolled.network import standard_normal

__all__ = ["LearnedInverse", "load_inverse"]

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
        return self._corrected(B, lambda inputs: [self._mean(self.network, inputs)])[0]

    def trajectory(self, B):
        """Iterates (J + 1, n, N), the linear estimate first, or their means."""

        def stacked_iterates(inputs, noise=None):
            return torch.stack(self.network.iterates(inputs, noise))

        return self._corrected(B, partial(self._mean, stacked_iterates))

    def _mean(self, evaluate, inputs):
        """Mean over draws whose noise is that of every sample: rows do not matter."""
        if not self.draws:
            return evaluate(inputs)
        noise = standard_normal(self._generator(), common=True)
        return sum(evaluate(inputs, noise) for _ in range(N_DRAWS)) / N_DRAWS

    def sample(self, B, n_samples):
        """Draws (n_samples, n, N) from the posterior."""
        noise = standard_normal(self._generator())

        def draw(inputs):
            return [self.network(inputs, noise) for _ in range(n_samples)]

        return self._corrected(B, draw)

    def _generator(self):
        return torch.Generator().manual_seed(self.seed)

    @torch.no_grad()
    def _corrected(self, B, evaluate):
        """Linear estimates plus the network's corrections, a block of rows at a time.

        ``evaluate`` maps inputs to a list of answers.
        """
        width = max(max(weight.shape) for weight in self.network.parameters())
        n_rows = max(1, BLOCK // max(B.shape[1], self.linear.model_mean.size, width))
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
        if self.correction == 0:
            return self.linear(B) + np.zeros_like(differences)
        finite = np.isfinite(differences).all(axis=(0, 2))
        if not finite.all():
            warnings.warn(
                f"the network's answers to {int((~finite).sum())} samples are not "
                "finite: these get the linear estimate",
                RuntimeWarning,
                stacklevel=6,
            )
            differences[:, ~finite] = 0
        return self.linear(B) + self.correction * differences


def load_inverse(weights, linear, units, operator, architecture, *, correction, device):
    """Make an inverse of what was kept of it.

    Parameters
    ----------
    weights : dict of str to ndarray
        State of the network.
    linear, units : dict
        Fields of the linear estimate and of the units.
    operator : ForwardOperator or None
        The operator, which only a non-linear one needs.
    architecture : dict
        Passed to `skhj.inverse.unrolled.build.make_unrolled`.
    correction : float
        Share of the network's correction that is applied.
    device : torch.device
        Where to compute.

    Returns
    -------
    LearnedInverse
        The inverse.
    """
    kind = units.get("kind")
    if kind is None:
        linear, units = LinearEstimate(**linear), DenseUnits(**units)
    else:
        linear, units = SpectralEstimate(**linear), SpectralUnits(**units)
    physics = physics_from_arrays(weights, operator, architecture["image_shape"], kind)
    network = make_unrolled(physics, **architecture).double()
    network.load_state_dict(
        {name: torch.tensor(array) for name, array in weights.items()}
    )
    network.requires_grad_(False).eval().to(device)
    return LearnedInverse(linear, units, network, correction, seed=architecture["seed"])
