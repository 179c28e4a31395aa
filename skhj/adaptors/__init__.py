"""Fitted priors as objects of torch, pyproximal and deepinv."""

from skhj.adaptors.deepinv_prior import to_deepinv
from skhj.adaptors.proximal_operator import to_pyproximal
from skhj.adaptors.torch_prior import TorchPrior, to_torch

__all__ = ["TorchPrior", "to_deepinv", "to_pyproximal", "to_torch"]
