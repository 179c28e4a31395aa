"""scikit-learn estimators for inverse problems: priors from Hamilton-Jacobi data."""

from skhj.estimators.check_reachable import check_reachable
from skhj.estimators.embedded_solver import EmbeddedInverseSolver
from skhj.estimators.hj_prior import HJPriorRegressor
from skhj.estimators.pqm_prior import PQMPrior
from skhj.estimators.prior_inverse_solver import PriorInverseSolver

__version__ = "0.1.0"

__all__ = [
    "EmbeddedInverseSolver",
    "HJPriorRegressor",
    "PQMPrior",
    "PriorInverseSolver",
    "check_reachable",
]
