"""The linear estimate that a network starts from, its units, and its data misfit."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.inverse.linear.dense import estimated_operator, statistics_of
from skhj.inverse.linear.selection import choose_linear_estimate
from skhj.inverse.linear.spectral import (
    spectral_estimate,
    spectral_statistics,
    transfer_function,
)
from skhj.inverse.units import DenseUnits, SpectralUnits, literal, precondition
from skhj.inverse.unrolled.misfit import DensePhysics, NonlinearPhysics, SpectralPhysics

__all__ = ["Setting", "estimated_data", "make_settings"]

# Images of more pixels than this are treated by their spectrum, not their covariance,
# and so are those with fewer samples a pixel: windows of one photograph overlap, and
# the hold-out does not show that a covariance has been learned by heart.
DENSE_PIXELS, DENSE_SAMPLES = 1024, 4
# Exponents of the models' covariance for the units, where it is a matrix.
EXPONENTS = 1.0, 0.25
# Share of the data's variance that an estimated convolution may leave.
UNEXPLAINED = 0.2


class Setting(NamedTuple):
    """What an unrolled network is built on.

    Attributes
    ----------
    linear : callable
        The linear estimate, a named tuple that maps data to models.
    units : DenseUnits or SpectralUnits
        Units of the network.
    physics : nn.Module
        Misfit in these units.
    refit : callable
        Maps pairs to the same kind of linear estimate.
    matrix : ndarray of shape (M, N) or None
        The operator, where it had to be estimated.
    """

    linear: object
    units: object
    physics: nn.Module
    refit: object
    matrix: np.ndarray | None


def make_settings(B, X, operator, image_shape, *, held_out, seen, preconditioned):
    """Choose the linear estimate, and make units and misfits of it.

    Parameters
    ----------
    B, X : ndarray of shape (n, M), (n, N)
        Data and models.
    operator : ForwardOperator or None
        The operator; None estimates it from the pairs.
    image_shape : tuple of int or None
        Shape (H, W) of models that are images.
    held_out, seen : ndarray of shape (n,), dtype bool
        Samples on which the linear estimate is chosen, and those that it and the units
        are made from.
    preconditioned : bool
        Whether the statistics of the data give the units and the start.

    Returns
    -------
    list of Setting
        The linear estimate, units and misfit, for several units where these come from
        covariance matrices.
    """
    split = {"held_out": held_out, "seen": seen}
    largest = min(DENSE_PIXELS, seen.sum() // DENSE_SAMPLES)
    if preconditioned and image_shape is not None and X.shape[1] > largest:
        setting = _spectral_setting(B, X, operator, image_shape, **split)
        if setting is not None:
            return [setting]
    return _dense_settings(
        B,
        X,
        operator,
        **split,
        preconditioned=preconditioned,
        keep_order=image_shape is not None,
    )


def _dense_settings(B, X, operator, *, held_out, seen, preconditioned, keep_order):
    """Settings from covariance matrices; arguments are those of ``make_settings``.

    With ``keep_order``, the units have one unknown for each one of the models.
    """
    is_linear = operator is not None and operator.is_linear
    known = operator.dense() if is_linear else None
    A = None if known is None else known.numpy()
    choice = choose_linear_estimate(B, X, A, held_out)
    statistics = statistics_of(B[seen], X[seen])
    linear = choice.refit(statistics)
    estimated = None
    if not is_linear:
        A = estimated = estimated_operator(statistics)
    apply_operator = partial(_apply, operator, A)
    if not preconditioned:
        units = literal(linear, apply_operator)
        linear = linear._replace(gain=units.gain)
        candidates = [units]
    else:
        candidates = [
            precondition(
                linear,
                apply_operator,
                choice.error,
                exponent=exponent,
                keep_order=keep_order,
                compress=operator is None or is_linear,
            )
            # Of one unknown there is only one size.
            for exponent in (EXPONENTS if X.shape[1] > 1 else (1.0,))
        ]
    linear = linear.without_covariances()

    def refit(B, X):
        if not preconditioned:
            return linear
        return choice.refit(statistics_of(B, X)).without_covariances()

    scale = _size(X[seen] - linear(B[seen]))
    bounds = X[seen].min(axis=0), X[seen].max(axis=0)
    matrix = estimated if operator is None else None
    settings = []
    for each in candidates:
        means = linear.data_mean, linear.model_mean
        units = DenseUnits(*means, each.start, each.whitening, each.basis, scale)
        physics = _physics(operator, linear, each, scale, bounds)
        settings.append(Setting(linear, units, physics, refit, matrix))
    return settings


def _physics(operator, linear, units, scale, bounds):
    """Misfit in units of vectors."""
    factor, spread = units.factor / scale, units.spread / scale
    if operator is None or operator.is_linear:
        return DensePhysics(*map(torch.as_tensor, (units.matrix, factor, spread)))
    arrays = (
        linear.model_mean,
        units.basis @ units.factor,
        linear.data_mean,
        units.whitening,
        *bounds,
        factor,
        spread,
    )
    return NonlinearPhysics(operator, *map(torch.as_tensor, arrays))


def estimated_data(linear, matrix, X):
    """Data (n, M) that an estimated operator makes of models (n, N)."""
    if matrix is None:
        return linear.data(X)
    return linear.data_mean + (X - linear.model_mean) @ matrix.T


def _spectral_setting(B, X, operator, image_shape, *, held_out, seen):
    """Setting from spectra, where the operator is a convolution, else None.

    One that is not known is taken for a convolution where that explains the data.
    """
    if B.shape != X.shape or (operator is not None and not operator.is_linear):
        return None
    apply_operator = partial(_apply, operator, None)
    candidates = []
    for kind in ("cosine", "fourier"):
        transfer = None
        if operator is not None:
            transfer = transfer_function(apply_operator, image_shape, kind)
            if transfer is None:
                continue
        for white in (True, False):
            refit = partial(
                _fit_spectrum,
                image_shape=image_shape,
                transfer=transfer,
                kind=kind,
                white=white,
            )
            estimate = refit(B[~held_out], X[~held_out])
            unexplained = np.var(B[held_out] - estimate.data(X[held_out]))
            if operator is None and unexplained > UNEXPLAINED * np.var(B[held_out]):
                continue
            misfit = estimate(B[held_out]) - X[held_out]
            candidates.append((np.mean(misfit**2), refit))
    if not candidates:
        return None
    _, refit = min(candidates, key=lambda candidate: candidate[0])
    linear = refit(B[seen], X[seen])
    scale = _size(X[seen] - linear(B[seen]))
    physics = SpectralPhysics(
        torch.as_tensor(linear.normal),
        torch.as_tensor(linear.factor / scale),
        image_shape,
        linear.kind,
    )
    units = SpectralUnits(
        linear.kind, linear.data_mean, linear.model_mean, linear.start, scale
    )
    return Setting(linear, units, physics, refit, None)


def _fit_spectrum(B, X, *, image_shape, transfer, kind, white):
    """Spectral estimate from pairs (n, N)."""
    B, X = (array.reshape(len(array), *image_shape) for array in (B, X))
    return spectral_estimate(spectral_statistics(B, X, transfer, kind), white=white)


def _size(remainders):
    """Root mean square of rows, 1 where they are zero."""
    return float(np.sqrt(np.mean(np.sum(remainders**2, axis=1)))) or 1.0


def _apply(operator, A, models):
    """Data (n, M) of models (n, N)."""
    if A is not None:
        return models @ A.T
    return operator.data(models)
