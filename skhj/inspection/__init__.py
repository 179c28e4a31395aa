"""Displays of what an estimator has learned; matplotlib is imported when they plot."""

from skhj.inspection.convergence import ConvergenceDisplay
from skhj.inspection.cross_section import CrossSectionDisplay
from skhj.inspection.loss_curve import LossCurveDisplay
from skhj.inspection.posterior import PosteriorDisplay
from skhj.inspection.profiles import ProfilesDisplay

__all__ = [
    "ConvergenceDisplay",
    "CrossSectionDisplay",
    "LossCurveDisplay",
    "PosteriorDisplay",
    "ProfilesDisplay",
]
