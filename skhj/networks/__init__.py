"""Torch modules that know nothing of scikit-learn."""

from skhj.networks.derivatives import hessian, value_and_gradient
from skhj.networks.icnn import ICNN

__all__ = ["ICNN", "hessian", "value_and_gradient"]
