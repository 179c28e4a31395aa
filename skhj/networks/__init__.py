"""Torch modules that know nothing of scikit-learn."""

from skhj.networks.build import load_network, make_core
from skhj.networks.derivatives import hessian, value_and_gradient
from skhj.networks.icnn import ICNN
from skhj.networks.norm_units import NormUnits
from skhj.networks.ridge import RidgeNetwork
from skhj.networks.semiconvex import SemiconvexNetwork

__all__ = [
    "ICNN",
    "NormUnits",
    "RidgeNetwork",
    "SemiconvexNetwork",
    "hessian",
    "load_network",
    "make_core",
    "value_and_gradient",
]
