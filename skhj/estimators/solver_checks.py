"""Checks of what the solver with a prior is given, and what it says of its answers."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_consistent_length

from skhj.exceptions import warn
from skhj.numerics.given_numbers import check_size
from skhj.operators import as_operator, check_adjoint
from skhj.operators.image_shape import check_image_shape

__all__ = [
    "check_known_models",
    "check_solver_operator",
    "check_solver_shape",
    "noise_precision",
    "report_search",
    "report_unsolved",
]


def check_solver_shape(image_shape):
    """Shape of models as a tuple of ints.

    Parameters
    ----------
    image_shape : tuple of int or None
        The shape; None for vectors.

    Returns
    -------
    tuple of int or None
        The shape.
    """
    if image_shape is None:
        return None
    return check_image_shape(image_shape, n_axes=(1, 2, 3))


def noise_precision(noise_level, *, limit=1e150):
    """One over the variance of the noise.

    Parameters
    ----------
    noise_level : float or None
        Standard deviation, positive; None counts as one.
    limit : float, default=1e150
        It and one over it are the limits of what has a square.

    Returns
    -------
    float
        The precision.

    Raises
    ------
    ValueError
        If it is out of range.
    """
    if noise_level is None:
        return 1.0
    if not 1 / limit <= float(noise_level) <= limit:
        raise ValueError(
            f"noise_level must be from {1 / limit:g} to {limit:g}, or None, got "
            f"{noise_level!r}: choose other units"
        )
    return float(noise_level) ** -2


def check_known_models(X, B, n_unknowns):
    """Models that belong to measurements, as a float64 array.

    Parameters
    ----------
    X : array-like of shape (n, N) or None
        Models; None where none are known.
    B : ndarray of shape (n, M)
        Measurements.
    n_unknowns : int or None
        Number N of unknowns, where it is known.

    Returns
    -------
    ndarray of shape (n, N) or None
        The models.

    Raises
    ------
    ValueError
        If they are not as many as the measurements, or not of N unknowns, or too
        large for squares.
    """
    if X is None:
        return None
    X = check_array(X, dtype=np.float64, input_name="X")
    check_consistent_length(B, X)
    if n_unknowns and X.shape[1] != n_unknowns:
        raise ValueError(
            f"X must have {n_unknowns} columns, one an unknown, got {X.shape[1]}"
        )
    return check_size(X)


def check_solver_operator(operator, B, X, prior, image_shape):
    """Forward operator of the shape of measurements and models.

    Parameters
    ----------
    operator : object
        What describes it.
    B : ndarray of shape (n, M)
        Measurements.
    X : ndarray of shape (n, N) or None
        Models, if known.
    prior : object
        Their prior.
    image_shape : tuple of int or None
        Their shape, where they are images.

    Returns
    -------
    ForwardOperator
        The operator.

    Raises
    ------
    ValueError
        If the shapes do not match, or it does not match its own adjoint.
    """
    n_features = getattr(prior, "n_features_in_", None)
    if X is not None:
        n_unknowns = X.shape[1]
    elif image_shape is not None:
        n_unknowns = int(np.prod(image_shape))
    else:
        shape = getattr(operator, "shape", ())
        n_unknowns = shape[-1] if len(shape) == 2 else n_features
    shape = None if n_unknowns is None else (B.shape[1], n_unknowns)
    operator = as_operator(operator, shape=shape, image_shape=image_shape)
    check_adjoint(operator)
    if n_features not in {None, operator.shape[1]}:
        raise ValueError(
            f"prior must be one of {operator.shape[1]} unknowns, as the operator has, "
            f"got one of {n_features}"
        )
    return operator


def report_search(choice):
    """Warn of a search for the strength that found no minimum.

    Parameters
    ----------
    choice : Choice
        What was found.
    """
    if choice.inside:
        return
    warn(
        "strength='auto' found no best strength between two that are worse: of "
        f"{choice.strengths[0]:.3g} to {choice.strengths[-1]:.3g} it takes "
        f"{choice.strength:.3g}; check the units of operator and noise_level",
        ConvergenceWarning,
    )


def report_unsolved(found, solver, strength, limit):
    """Warn of rows that were not solved.

    Parameters
    ----------
    found : Reconstruction
        Answers.
    solver : Reconstructor
        What made them.
    strength : float
        Weight of the prior.
    limit : float
        Largest one for which the objective is known to be convex.
    """
    unsolved = ~(found.residual <= solver.tolerance)
    if not unsolved.any():
        return
    message = (
        f"{int(unsolved.sum())} of {len(unsolved)} rows were not solved to "
        f"tol={solver.tolerance:g} within max_iter={solver.max_iter}, the worst has "
        f"the residual {found.residual.max():.2g}"
    )
    if strength > limit:
        message += (
            f"; strength={strength:.3g} is beyond {limit:.3g}, up to which the "
            "objective is known to be convex: it may have several minima, or none"
        )
    warn(message, ConvergenceWarning)
