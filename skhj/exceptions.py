"""Warnings of the estimators, and the one place that raises them."""

import sys
import warnings

__all__ = ["ExtrapolationWarning", "warn"]


class ExtrapolationWarning(UserWarning):
    """Queries lie far outside the data that a model was fitted to."""


def warn(message, category=UserWarning):
    """Warn at the line of the caller's own code, however deep the call.

    Parameters
    ----------
    message : str
        What is wrong, and what to do.
    category : type, default=UserWarning
        Class of the warning.
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_ours(frame):
    """Whether a frame is of this project, or of scikit-learn's wrappers of it."""
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package in {"skhj", "sklearn"}
