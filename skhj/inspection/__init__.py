"""Displays of what an estimator has learned; matplotlib is imported when they plot."""

from skhj.inspection.convergence import ConvergenceDisplay
from skhj.inspection.cross_section import CrossSectionDisplay

__all__ = ["ConvergenceDisplay", "CrossSectionDisplay"]
