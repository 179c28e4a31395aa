"""scikit-learn estimators for inverse problems: priors from Hamilton-Jacobi data."""

from skhj.hj_prior import HJPriorRegressor

__version__ = "0.1.0"

__all__ = ["HJPriorRegressor"]
