"""Draws that a network starts from: a mixture of linear estimates."""

import numpy as np
import torch
from torch import nn

from skhj.numerics.gaussian_mixture import GaussianMixture, conditional
from skhj.numerics.tensors import to_tensor

__all__ = ["MixtureStart"]


class MixtureStart(nn.Module):
    """Starts u_0 drawn given a network's inputs.

    Parameters
    ----------
    parts : ConditionalMixture
        Of u given statistics t of the data.
    statistic : ndarray of shape (r, k + m)
        Maps inputs to t.
    """

    def __init__(self, parts, statistic):
        super().__init__()
        for name, array in parts._asdict().items():
            self.register_buffer(name, to_tensor(array))
        self.register_buffer("statistic", to_tensor(statistic))

    @classmethod
    def of(cls, joint, units, factor):
        """Make starts in a network's units.

        Parameters
        ----------
        joint : JointMixture
            The mixture of models, over their sizes, and statistics.
        units : DenseUnits
            Units of the network.
        factor : ndarray of shape (k, k)
            Models in the scale of its answers are ``u @ factor.T``.

        Returns
        -------
        MixtureStart
            The starts, in double precision.
        """
        mixture, T = joint
        from_data = np.concatenate([units.start, units.whitening])
        statistic = T @ np.linalg.pinv(from_data)
        to_start = np.linalg.pinv((units.synthesis.T / units.sizes).T @ factor)
        (k, N), r = to_start.shape, len(T)
        change = np.zeros((k + r, N + r))
        change[:k, :N], change[k:, N:] = to_start, np.eye(r)
        mapped = GaussianMixture(
            mixture.weights,
            mixture.means @ change.T,
            change @ mixture.covariances @ change.T,
        )
        return cls(conditional(mapped, k), statistic)

    def forward(self, inputs, noise):
        """Draws (n, k) given inputs (n, k + m).

        ``noise`` maps a tensor to standard normal numbers of its shape.
        """
        centred = self._centred(inputs)
        logits = self._logits(centred)
        # The largest of logits with Gumbel's noise is a draw of the components.
        gumbel = -(-torch.special.log_ndtr(noise(logits))).log()
        k = (logits + gumbel).argmax(1)
        centred = centred[torch.arange(len(k), device=k.device), k]
        mean = self.means[k] + _times(self.gains[k], centred)
        return mean + _times(self.factors[k], noise(mean))

    def replace(self, inputs, noise):
        """Inputs with draws as their starts."""
        starts = self(inputs, noise)
        return torch.cat([starts, inputs[:, starts.shape[1] :]], dim=1)

    def mean(self, inputs):
        """Conditional means (n, k) given inputs (n, k + m)."""
        centred = self._centred(inputs)
        means = self.means + torch.einsum("kdr,nkr->nkd", self.gains, centred)
        return torch.einsum("nk,nkd->nd", self._logits(centred).softmax(1), means)

    def _centred(self, inputs):
        return (inputs @ self.statistic.T)[:, None] - self.offsets

    def _logits(self, centred):
        white = torch.einsum("kqr,nkr->nkq", self.whitenings, centred)
        return self.constants - white.square().sum(-1) / 2


def _times(matrices, rows):
    return (matrices @ rows[..., None])[..., 0]
