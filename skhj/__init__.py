"""scikit-learn estimators for inverse problems: priors from Hamilton-Jacobi data."""

__version__ = "0.1.0"
