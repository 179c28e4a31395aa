"""Warnings of the estimators."""

__all__ = ["ExtrapolationWarning"]


class ExtrapolationWarning(UserWarning):
    """Queries lie far outside the data that a model was fitted to."""
