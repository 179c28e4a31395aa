"""Warnings of the estimators, and the one place that raises them."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

__all__ = ["ExtrapolationWarning", "held_back", "warn"]

_HELD = ContextVar("_HELD", default=False)


class ExtrapolationWarning(UserWarning):
    """Queries lie far outside the data that a model was fitted to."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the caller's own code, however deep the call.

    Parameters
    ----------
    message : str
        What is wrong, and what to do.
    category : type, default=UserWarning
        Class of the warning.
    """
    if _HELD.get():
        return
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_between(frame):
        frame = frame.f_back
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=frame.f_globals.get("__name__"),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


@contextmanager
def held_back() -> Iterator[None]:
    """Leave out the project's warnings, such as those of a prior at each iterate.

    In this thread alone, unlike `warnings.catch_warnings`.
    """
    before = _HELD.get()
    # Twice: an interrupt on the way to the first finds the second.
    try:
        try:
            _HELD.set(True)
            yield
        finally:
            _HELD.set(before)
    finally:
        _HELD.set(before)


def _is_between(frame: FrameType) -> bool:
    """Whether a frame is of this project, or of what calls it on the user's behalf."""
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    return package in {"skhj", "sklearn", "joblib", "skorch", "torch", "contextlib"}
