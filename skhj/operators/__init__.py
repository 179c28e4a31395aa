"""Forward operators: numpy's and torch's, linear or not, under one interface."""

from skhj.operators.adjointness import adjoint_mismatch, check_adjoint
from skhj.operators.base import ForwardOperator
from skhj.operators.blur import ExponentialBlur, GaussianBlur
from skhj.operators.convert import as_operator
from skhj.operators.magnetics import MagneticProfile
from skhj.operators.matrices import DenseOperator, SparseOperator
from skhj.operators.numpy_operator import NumpyOperator
from skhj.operators.sampling import FourierSampling, Inpainting
from skhj.operators.spectral_norm import spectral_norm
from skhj.operators.tomography import ParallelBeam

__all__ = [
    "DenseOperator",
    "ExponentialBlur",
    "ForwardOperator",
    "FourierSampling",
    "GaussianBlur",
    "Inpainting",
    "MagneticProfile",
    "NumpyOperator",
    "ParallelBeam",
    "SparseOperator",
    "adjoint_mismatch",
    "as_operator",
    "check_adjoint",
    "spectral_norm",
]
