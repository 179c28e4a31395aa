"""Convex modules of a few linear functions of many features."""

from dataclasses import dataclass

import torch
from torch import nn

from skhj.priors.convex.architecture import Architecture
from skhj.priors.convex.derivatives import hessian, value_and_gradient

__all__ = ["OnSubspace", "SubspaceArchitecture"]


class OnSubspace(nn.Module):
    """The function v -> N(B' v), convex as N is.

    Parameters
    ----------
    core : nn.Module
        The convex module N of k features.
    n_features : int
        Dimension d of v.
    rank : int
        The number k.
    """

    def __init__(self, core, n_features, rank):
        super().__init__()
        self.core = core
        self.register_buffer("map", torch.zeros(n_features, rank, dtype=torch.float32))

    def forward(self, v):
        """Values of shape (n,)."""
        return self.core(v @ self.map)

    def value_and_gradient(self, v):
        """Values (n,) and gradients (n, d)."""
        value, gradient = value_and_gradient(
            self.core, v @ self.map, create_graph=torch.is_grad_enabled()
        )
        return value, gradient @ self.map.T

    def hessian(self, v):
        """Hessians of shape (n, d, d)."""
        return self.map @ hessian(self.core, v @ self.map) @ self.map.T


@dataclass(frozen=True)
class SubspaceArchitecture(Architecture):
    """Recipe of an `OnSubspace`.

    Parameters
    ----------
    inner : Architecture
        Of the module N.
    rank : int
        Its number of features.
    """

    inner: Architecture
    rank: int

    @property
    def name(self):
        """That of the module N."""
        return self.inner.name

    def core(self, n_features, seed):
        """Module with reproducible weights; its map is still to be set."""
        return OnSubspace(self.inner.core(self.rank, seed), n_features, self.rank)
