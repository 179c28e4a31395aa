"""Arrays at the door: what comes in, and in which type answers go out."""

import numpy as np
from sklearn.utils import check_array

__all__ = [
    "FLOATS",
    "check_gradient",
    "check_times",
    "in_dtype",
    "relative_misfit",
]

FLOATS = (np.float64, np.float32)


def check_gradient(gradient, X, *, dtype):
    """Check gradients given beside points.

    Parameters
    ----------
    gradient : array-like of shape (n, d) or None
        Gradients.
    X : ndarray of shape (n, d)
        Points.
    dtype : dtype or tuple of dtype
        Type of the array returned, or types that it may have.

    Returns
    -------
    ndarray of shape (n, d) or None
        The gradients; None where there are none.

    Raises
    ------
    ValueError
        If they are not of the shape of X.
    """
    if gradient is None:
        return None
    gradient = check_array(gradient, dtype=dtype, input_name="gradient")
    if gradient.shape != X.shape:
        raise ValueError(
            f"gradient must have the shape of X, {X.shape}, got {gradient.shape}"
        )
    return gradient


def check_times(time, n_points, t, *, zero):
    """Times of some points.

    Parameters
    ----------
    time : float or array-like of shape (n_points,)
        The time of all, or of each.
    n_points : int
        How many there are.
    t : float
        The largest.
    zero : bool
        Whether 0 is one.

    Returns
    -------
    ndarray of shape (n_points,)
        The times.

    Raises
    ------
    ValueError
        If one is out of range, or they are not as many as the points.
    """
    allowed = f"between 0 and t={t}" if zero else f"above 0 and at most t={t}"
    try:
        times = np.asarray(time)
    except ValueError:  # rows of several lengths
        times = np.array("")
    times = times.astype(np.float64) if times.dtype.kind in "iuf" else np.array(np.nan)
    inside = (times >= 0 if zero else times > 0) & (times <= t)
    if not inside.all():
        got = f"{time!r}" if times.ndim == 0 else f"{times[~inside].flat[0]} for a row"
        raise ValueError(f"time must be {allowed}, got {got}")
    if times.ndim > 0 and times.shape != (n_points,):
        raise ValueError(
            f"time must be a number or one for each of {n_points} rows, got an array "
            f"of shape {times.shape}"
        )
    return np.broadcast_to(times, (n_points,))


def in_dtype(values, dtype):
    """Values in the caller's dtype; those beyond its range become its largest.

    Parameters
    ----------
    values : ndarray
        Values in double precision.
    dtype : dtype
        A floating dtype.

    Returns
    -------
    ndarray
        The values.
    """
    limits = np.finfo(dtype)
    return np.clip(values, limits.min, limits.max).astype(dtype, copy=False)


def relative_misfit(data, measurements):
    """Relative misfit |A x - b| / |b| of each row; the norm of A x where b is zero.

    Parameters
    ----------
    data, measurements : ndarray of shape (n, M)
        The rows A x, and b.

    Returns
    -------
    ndarray of shape (n,)
        Misfits.
    """
    # In units of the largest entry, in which squares are numbers.
    unit = np.maximum(np.abs(data).max(axis=1), np.abs(measurements).max(axis=1))
    scale = np.where(unit > 0, unit, 1)[:, None]
    misfit = np.linalg.norm(data / scale - measurements / scale, axis=1)
    size = np.linalg.norm(measurements / scale, axis=1)
    return misfit / np.where(size > 0, size, 1 / scale[:, 0])
