"""A semiconvex network fitted to samples: least squares first, then training."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.numerics.least_squares_quadratic import (
    fit_quadratic,
    fit_quadratic_to_gradients,
)
from skhj.numerics.tensors import to_tensor
from skhj.priors.convex.derivatives import value_and_gradient
from skhj.priors.convex.proximal_matching import match_proximal_points
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.convex.standardisation import standardise

__all__ = ["SemiconvexFit", "fit_semiconvex"]


# Largest relative decrease of the loss in the last epoch of a training that has
# settled, the loss below which it does not matter, and the one that is rounding.
SETTLED, NEGLIGIBLE, ROUNDING = 1e-2, 1e-3, 1e-12


class SemiconvexFit(NamedTuple):
    """A fitted function w, and how its training went.

    Attributes
    ----------
    network : SemiconvexNetwork
        The function, in double precision.
    training : TrainingResult
        Losses; that of the best quadratic is about 1, plus ``gradient_weight`` where
        gradients are given.
    converged : bool
        Whether the loss had settled, or is negligible.
    """

    network: SemiconvexNetwork
    training: Any
    converged: bool

    @property
    def loss_curve(self):
        """Training loss of each epoch."""
        return self.training.loss_curve


class _ValueLoss(nn.Module):
    def forward(self, predictions, targets):
        return nn.functional.mse_loss(predictions, targets[0])


class _SobolevLoss(nn.Module):
    """Mean squared error of the values, plus a multiple of that of the gradients."""

    def __init__(self, gradient_weight):
        super().__init__()
        self.gradient_weight = gradient_weight

    def forward(self, predictions, targets):
        of_value, of_gradient = map(nn.functional.mse_loss, predictions, targets)
        return of_value + self.gradient_weight * of_gradient


class _GradientLoss(nn.Module):
    """Mean squared error of the gradients alone."""

    def forward(self, predictions, targets):
        return nn.functional.mse_loss(predictions[1], targets[0])


class _WithGradient(nn.Module):
    """The network as a module whose output is its value and its gradient."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.project_ = network.project_

    def forward(self, u):
        return self.network.value_and_gradient(u)


def fit_semiconvex(core, samples, trainer, *, gradient_weight=1.0, matching_width=None):
    """Fit w, with |x|^2 / 2 + t w(x) convex, to its values, its gradients, or both.

    Parameters
    ----------
    core : nn.Module
        Convex module in single precision, trained in place.
    samples : Samples
        Samples of w; without values it is known up to a constant.
    trainer : Trainer
        Trains modules.
    gradient_weight : float, default=1.0
        Weight of the gradients where the values have 1, both in units of what the
        best quadratic leaves.
    matching_width : float or None, default=None
        Where there are gradients alone, the width to which proximal matching narrows
        after the squared error, in units of the proximal error that this leaves.

    Returns
    -------
    SemiconvexFit
        The function and its training losses.
    """
    X, w, gradient, t, held_out = samples
    seen = ~held_out
    slopes = None if gradient is None else gradient[seen]
    units = standardise(X[seen], None if w is None else w[seen], t, slopes)
    U = units.whiten(X)
    values = None if w is None else units.values(X, w)
    slopes = None if gradient is None else units.gradients(X, gradient)
    network = SemiconvexNetwork(core, units).to(trainer.device)
    quadratic = _start_from_least_squares(
        network, U[seen], *_rows(seen, values, slopes)
    )
    criterion, baseline = _criterion(
        quadratic, U, values, slopes, held_out, gradient_weight
    )
    tensors = [
        to_tensor(array, dtype=np.float32, device=trainer.device)
        for array in (U, values, slopes)
        if array is not None
    ]
    sets = [tuple(tensor[mask] for tensor in tensors) for mask in (seen, held_out)]
    if baseline < ROUNDING:
        trainer = trainer.scheduled(max_iter=1)  # Only rounding is left to learn.
    module = network if gradient is None else _WithGradient(network)
    result = trainer.train(module, criterion, *sets)
    if not result.best_loss < baseline:
        network.core_weight.zero_()
        if matching_width is None:
            network.double()  # Only the quadratic is left: keep all its digits.
        network.set_quadratic_(quadratic)
    if matching_width is not None:
        metric = to_tensor(units.whitening, dtype=np.float32, device=trainer.device)
        result = match_proximal_points(
            module, result, *sets, trainer=trainer, metric=metric, width=matching_width
        )
    converged = _has_settled(result, trainer.schedule.max_iter, baseline)
    return SemiconvexFit(
        network.double().requires_grad_(False).eval(), result, converged
    )


def _rows(mask, *arrays):
    return [None if array is None else array[mask] for array in arrays]


def _criterion(quadratic, U, values, slopes, held_out, gradient_weight):
    """Return the loss, and what the quadratic alone leaves of it on the hold-out."""
    if slopes is not None:
        remainder = slopes - quadratic.slope - U @ quadratic.hessian
        of_gradient = (remainder[held_out] ** 2).mean()
        if values is None:
            return _GradientLoss(), of_gradient
    of_value = ((values - quadratic(U))[held_out] ** 2).mean()
    if slopes is None:
        return _ValueLoss(), of_value
    # At least 1, as for any f of unit size that is not a rounding error.
    spread = (remainder[~held_out] ** 2).mean()
    weight = gradient_weight / max(spread, 1.0)
    return _SobolevLoss(weight), of_value + weight * of_gradient


def _has_settled(result, max_iter, baseline):
    """Whether the last epoch changed little, or there is nothing left to improve."""
    n_iter = len(result.loss_curve)
    if n_iter < max_iter or min(result.best_loss, baseline) < NEGLIGIBLE:
        return True
    return n_iter > 1 and result.loss_curve[-1] >= (1 - SETTLED) * result.loss_curve[-2]


def _start_from_least_squares(network, U, values, slopes):
    """Fit the quadratic part to what the core leaves; return that without a core."""
    u = torch.as_tensor(U, dtype=torch.float32, device=network.factor.device)
    if values is None:
        _, core = value_and_gradient(network.core, u)
        fit, samples = fit_quadratic_to_gradients, slopes
    else:
        with torch.no_grad():
            core = network.core(u).reshape(len(u))
        fit, samples = fit_quadratic, values
    remainder = samples - core.cpu().numpy()
    network.set_quadratic_(fit(U, remainder, curvature_floor=0.0))
    return fit(U, samples, curvature_floor=0.0)
