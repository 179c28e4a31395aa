"""scikit-learn estimators for inverse problems: priors from Hamilton-Jacobi data."""

from skhj.embedded_solver import EmbeddedInverseSolver
from skhj.hj_prior import HJPriorRegressor
from skhj.pqm_prior import PQMPrior
from skhj.reachability import check_reachable

__version__ = "0.1.0"

__all__ = ["EmbeddedInverseSolver", "HJPriorRegressor", "PQMPrior", "check_reachable"]
