"""A semiconvex network fitted to samples: least squares first, then training."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.networks import SemiconvexNetwork
from skhj.quadratic import fit_quadratic
from skhj.standardisation import standardise
from skhj.training import TrainingResult, train

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
    training: TrainingResult
    converged: bool


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


class _WithGradient(nn.Module):
    """The network as a module whose output is its value and its gradient."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.project_ = network.project_

    def forward(self, u):
        return self.network.value_and_gradient(u)


def fit_semiconvex(
    core, X, w, gradient=None, *, t, held_out, device, gradient_weight=1.0, **training
):
    """Fit w, with |x|^2 / 2 + t w(x) convex, to its values and perhaps its gradients.

    Parameters
    ----------
    core : nn.Module
        Convex module in single precision, trained in place.
    X : ndarray of shape (n, d)
        Points.
    w : ndarray of shape (n,)
        Values.
    gradient : ndarray of shape (n, d) or None, default=None
        Gradients of w; None fits the values alone.
    t : float
        Time.
    held_out : ndarray of shape (n,), dtype bool
        Samples that choose the best weights and are not trained on.
    device : torch.device
        Where to train.
    gradient_weight : float, default=1.0
        Weight of the gradients where the values have 1, both in units of what the
        best quadratic leaves.
    **training : dict
        Passed to `skhj.training.train`.

    Returns
    -------
    SemiconvexFit
        The function and its training losses.
    """
    seen = ~held_out
    units = standardise(X[seen], w[seen], t)
    U = units.whiten(X)
    targets = [units.values(X, w)]
    quadratic = fit_quadratic(U[seen], targets[0][seen], curvature_floor=0.0)
    criterion = _ValueLoss()
    # The loss of the quadratic alone, the one to beat.
    remainders = [targets[0] - quadratic(U)]
    if gradient is not None:
        targets.append(units.gradients(X, gradient))
        remainders.append(targets[1] - quadratic.slope - U @ quadratic.hessian)
        # At least 1, as for any f of unit size that is not a rounding error.
        spread = (remainders[1][seen] ** 2).mean()
        criterion = _SobolevLoss(gradient_weight / max(spread, 1.0))

    network = SemiconvexNetwork(core, units).to(device)
    _start_from_least_squares(network, U[seen], targets[0][seen])
    tensors = [
        torch.as_tensor(np.ascontiguousarray(array, dtype=np.float32), device=device)
        for array in (U, *targets)
    ]
    rows = [
        torch.as_tensor(np.flatnonzero(mask), device=device)
        for mask in (seen, held_out)
    ]
    baseline = (remainders[0][held_out] ** 2).mean()
    if gradient is not None:
        baseline += criterion.gradient_weight * (remainders[1][held_out] ** 2).mean()
    if baseline < ROUNDING:
        training["max_iter"] = 1  # Only rounding is left to learn.
    result = train(
        network if gradient is None else _WithGradient(network),
        criterion,
        *(tuple(tensor[r] for tensor in tensors) for r in rows),
        **training,
    )
    if not result.best_loss < baseline:
        network.core_weight.zero_()
        network.double().set_quadratic_(quadratic)
    converged = _has_settled(result, training["max_iter"], baseline)
    return SemiconvexFit(
        network.double().requires_grad_(False).eval(), result, converged
    )


def _has_settled(result, max_iter, baseline):
    """Whether the last epoch changed little, or there is nothing left to improve."""
    n_iter = len(result.loss_curve)
    if n_iter < max_iter or min(result.best_loss, baseline) < NEGLIGIBLE:
        return True
    return n_iter > 1 and result.loss_curve[-1] >= (1 - SETTLED) * result.loss_curve[-2]


def _start_from_least_squares(network, U, values):
    """Fit the quadratic part to what the core leaves at its initial weights."""
    device = network.factor.device
    with torch.no_grad():
        u = torch.as_tensor(U, dtype=torch.float32, device=device)
        core = network.core(u).reshape(len(u)).cpu().numpy()
    network.set_quadratic_(fit_quadratic(U, values - core, curvature_floor=0.0))
