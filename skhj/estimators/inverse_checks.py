"""Checks of what an estimator of models is given, beyond those of scikit-learn."""

from math import prod

import numpy as np
from scipy.sparse import issparse

from skhj.estimators.arrays import FLOATS
from skhj.exceptions import warn
from skhj.inverse.explanation import Explanation
from skhj.numerics.memory_maps import is_mapped
from skhj.numerics.rows import extent, total
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for
from skhj.operators import as_operator, check_adjoint
from skhj.operators.image_shape import check_image_shape, with_channels

__all__ = ["check_bounds", "check_models", "check_operator", "check_shape_of_models"]


def check_models(X, y):
    """Models as a float array, of a size that can be squared as that of the data is.

    Parameters
    ----------
    X : ndarray of shape (n, M)
        Measurements.
    y : array-like of shape (n, N) or (n,)
        Models.

    Returns
    -------
    ndarray of shape (n, N) or (n,)
        The models; those of a large memory map are of any real type.

    Raises
    ------
    TypeError
        If y is sparse.
    ValueError
        If the variances of either have no number in double precision, or a measurement
        was made in fewer than two samples.
    """
    if issparse(y):
        raise TypeError(
            "y must be a dense array, got a sparse one: use its method toarray"
        )
    _check_measured(X)
    if not is_mapped(y):
        y = np.asarray(y)
        y = y.astype(y.dtype if y.dtype in FLOATS else np.float64, copy=False)
    _check_size("X", X)
    _check_size("y", y.reshape(len(y), -1))
    return y


def check_shape_of_models(image_shape, n_unknowns):
    """Shape (C, H, W) of models that are images or signals, as ints, or None.

    Parameters
    ----------
    image_shape : tuple of int or None
        The shape; None for vectors.
    n_unknowns : int
        Number of unknowns of a model.

    Returns
    -------
    tuple of int or None
        The shape.

    Raises
    ------
    ValueError
        If it is no shape, or not that of the models.
    """
    if image_shape is None:
        return None
    image_shape = check_image_shape(image_shape, n_axes=(1, 2, 3))
    if prod(image_shape) != n_unknowns:
        raise ValueError(
            f"image_shape must be that of the models, {n_unknowns} pixels, got "
            f"{image_shape}, {prod(image_shape)} pixels"
        )
    return with_channels(image_shape)


def check_operator(
    operator, X, models, image_shape, *, preconditioned=True, missing="error"
):
    """Forward operator that matches data, after a warning if it does not explain them.

    Parameters
    ----------
    operator : object or None
        What describes it; None stays None.
    X, models : ndarray or Rows of shape (n, M), (n, N)
        Measurements and models.
    image_shape : tuple of int or None
        Shape of models that are images.
    preconditioned : bool, default=True
        Whether the operator is used in units in which it does no harm.
    missing : {"error", "allow"}, default="error"
        Whether measurements may be missing.

    Returns
    -------
    ForwardOperator or None
        The operator.

    Raises
    ------
    ValueError
        If it does not match the data or its own adjoint; does not explain them and is
        used in their units; or is no matrix, some of whose rows can be missing.
    """
    if operator is None:
        return None
    shape = X.shape[1], models.shape[1]
    with threads_for(len(X) * prod(shape)):
        operator = as_operator(operator, shape=shape, image_shape=image_shape)
        explanation = Explanation()
        X, models = explanation.samples(X, models)
        at = None if operator.is_linear else to_tensor(models)
        check_adjoint(operator, models=at)
        data = operator.data(models)
        if missing == "allow":
            _check_matrix(operator)
            X = np.where(np.isnan(X), data, X)
        _check_size("operator", X, data, must="map models to measurements")
        misfit = explanation.misfit(X, models, data)
    if misfit is None:
        return operator
    message = (
        f"operator does not explain the measurements: b - A(x) has {misfit.left:.3g} "
        f"times the variance of b, of which {misfit.attainable:.3g} is attainable; "
        "check its sign and units, and whether a scaler changed those of X or y"
    )
    if misfit.factor:
        message += f" ({misfit.factor:.3g} times the operator would fit best)"
    if not preconditioned:
        raise ValueError(message + "; precondition=False must have one that does")
    warn(message)
    return operator


def check_bounds(bounds):
    """Smallest and largest value of a model, as floats.

    Parameters
    ----------
    bounds : tuple of float or None
        The values; None for none.

    Returns
    -------
    tuple of float
        The values.

    Raises
    ------
    ValueError
        If they are not two numbers, the second the larger one.
    """
    if bounds is None:
        return -np.inf, np.inf
    try:
        numbers = np.asarray(bounds, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    if numbers.shape != (2,) or not numbers[0] < numbers[1]:
        raise ValueError(
            "bounds must be two numbers, the smallest value of a model and a "
            f"larger one, got {bounds!r}"
        )
    return tuple(numbers.tolist())


def _check_matrix(operator):
    """Refuse an operator whose rows are not at hand."""
    if not operator.is_linear or operator.dense() is None:
        raise ValueError(
            "missing must be 'error' unless the operator is linear and of at most "
            "four million entries, got 'allow'"
        )


def _check_measured(X):
    """Refuse measurements that were hardly ever made."""
    n_made = total(lambda rows: (~np.isnan(rows)).sum(axis=0), X)
    if (n_made < 2).any():
        raise ValueError(
            "X must have each measurement in at least two samples, got "
            f"{n_made.min()} for column {n_made.argmin()}: leave it out"
        )


def _check_size(name, *arrays, must="be"):
    """Refuse rows that have no variance in double precision although they vary."""
    with np.errstate(over="ignore", invalid="ignore"):
        # These leave out NaN, measurements that were not made.
        smallest, largest = zip(*map(extent, arrays), strict=True)
        largest, smallest = np.max(largest, axis=0), np.min(smallest, axis=0)
        spread = (largest - smallest).max()
        square = np.square(spread) * sum(map(len, arrays))
    if not np.isfinite(square) or (spread > 0 and square < np.finfo(float).tiny):
        raise ValueError(
            f"{name} must {must} of a size whose square is a finite number and not "
            f"zero, got values that spread by {spread:.3g}: scale it"
        )
