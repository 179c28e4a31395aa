"""Training of a network's answers to be draws from the posterior."""

import torch
from torch import nn

from skhj.inverse.unrolled.network import standard_normal
from skhj.numerics.covariance import covariance, symmetric_power

__all__ = ["Draws", "EnergyScore", "whitening_of"]


class EnergyScore(nn.Module):
    r"""Energy score of draws y of x, E|y - x| - E|y - y'| / 2: a proper score.

    With a whitening W, the mean of it and of the score of W y and W x, proper too: the
    first alone hardly sees directions in which the posterior is narrow.

    Parameters
    ----------
    whitening : Tensor of shape (k, k) or None, default=None
        The W.
    smallest : float, default=1e-12
        Added to squared distances: the square root has no derivative at zero.

    References
    ----------
    Gneiting, Raftery, "Strictly proper scoring rules, prediction, and estimation",
    JASA 102 (2007), section 4.2.
    """

    def __init__(self, whitening=None, *, smallest=1e-12):
        super().__init__()
        self.smallest = smallest
        self.register_buffer("whitening", whitening)

    def forward(self, draws, targets):
        """Score of draws (m, n, k) of the n rows of the first target, a mean."""
        return self.of_samples(draws, targets[0]).mean()

    def of_samples(self, draws, x):
        """Scores (n,) of draws (m, n, k) of rows x (n, k)."""
        score = self._score(draws, x)
        if self.whitening is None:
            return score
        W = self.whitening.T
        return (score + self._score(draws @ W, x @ W)) / 2

    def _score(self, draws, x):
        first, second = torch.triu_indices(len(draws), len(draws), offset=1)
        error = self._distance(draws, x)
        return error - self._distance(draws[first], draws[second]) / 2

    def _distance(self, x, y):
        return (self.smallest + (x - y).square().sum(-1)).sqrt().mean(0)


def whitening_of(remainders, floor=1e-4):
    """Matrix W (k, k) that makes rows (n, k) white, and of mean squared norm 1.

    Directions in which they spread less than the root of ``floor``, relative to the
    widest, are whitened as if they spread by that; of rows that are zero W is 1.
    """
    C = covariance(remainders)
    W = symmetric_power(C, -1 / 2, floor=floor, rounding=None)
    return W / len(C) ** 0.5 if C.any() else W


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
    starts : MixtureStart or None, default=None
        Draws that the network starts from; None leaves those that it is given.
    """

    def __init__(self, network, n_draws, generator, starts=None):
        super().__init__()
        self.network, self.n_draws = network, n_draws
        self.generator, self.starts = generator, starts

    def forward(self, inputs):
        """Draws (m, n, k) for inputs (n, ...)."""
        generator = self.generator
        if not self.training:
            generator = torch.Generator().manual_seed(0)
        repeated = torch.cat([inputs] * self.n_draws)
        noise = standard_normal(generator)
        if self.starts is not None:
            repeated = self.starts.replace(repeated, noise)
        answers = self.network(repeated, noise)
        return answers.reshape(self.n_draws, len(inputs), -1)
