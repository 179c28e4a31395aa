"""Training of a network's answers to be draws from the posterior."""

import numpy as np
import torch
from torch import nn

from skhj.inverse.unrolled.network import standard_normal

__all__ = ["Draws", "EnergyScore", "whitening_of"]

SMALLEST = 1e-12
# Directions in which rows spread less than the root of this, relative to the widest,
# are whitened as if they spread by that.
FLOOR = 1e-4


class EnergyScore(nn.Module):
    r"""Energy score of draws y of x, E|y - x| - E|y - y'| / 2: a proper score.

    With a whitening W, the mean of it and of the score of W y and W x, proper too: the
    first alone hardly sees directions in which the posterior is narrow.

    Parameters
    ----------
    whitening : Tensor of shape (k, k) or None, default=None
        The W.

    References
    ----------
    Gneiting, Raftery, "Strictly proper scoring rules, prediction, and estimation",
    JASA 102 (2007), section 4.2.
    """

    def __init__(self, whitening=None):
        super().__init__()
        self.register_buffer("whitening", whitening)

    def forward(self, draws, targets):
        """Score of draws (m, n, k) of the n rows of the first target, a mean."""
        x = targets[0]
        score = _energy_score(draws, x)
        if self.whitening is None:
            return score
        W = self.whitening.T
        return (score + _energy_score(draws @ W, x @ W)) / 2


def _energy_score(draws, x):
    first, second = torch.triu_indices(len(draws), len(draws), offset=1)
    return _distance(draws, x) - _distance(draws[first], draws[second]) / 2


def _distance(x, y):
    # The square root has no derivative at zero.
    return (SMALLEST + (x - y).square().sum(-1)).sqrt().mean()


def whitening_of(remainders):
    """Matrix W (k, k) that makes rows (n, k) white, and of mean squared norm 1."""
    values, vectors = np.linalg.eigh(remainders.T @ remainders / len(remainders))
    values = np.maximum(values, FLOOR * values[-1])
    if values[-1] == 0:
        return np.eye(len(values))
    return (vectors / np.sqrt(len(values) * values)) @ vectors.T


class Draws(nn.Module):
    """A network as a module whose output is draws, the same ones in validation.

    Parameters
    ----------
    network : UnrolledNetwork
        The network, with noise of learned size.
    n_draws : int
        Number of draws m.
    generator : torch.Generator
        Source of the noise, on the CPU.
    """

    def __init__(self, network, n_draws, generator):
        super().__init__()
        self.network, self.n_draws = network, n_draws
        self.generator = generator

    def forward(self, inputs):
        """Draws (m, n, k) for inputs (n, ...)."""
        generator = self.generator
        if not self.training:
            generator = torch.Generator().manual_seed(0)
        repeated = torch.cat([inputs] * self.n_draws)
        answers = self.network(repeated, standard_normal(generator))
        return answers.reshape(self.n_draws, len(inputs), -1)
