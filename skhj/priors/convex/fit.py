"""A semiconvex network fitted to samples: least squares first, then training."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.numerics.blocks import row_blocks
from skhj.numerics.least_squares_quadratic import (
    QuadraticFit,
    fit_quadratic,
    fit_quadratic_to_gradients,
)
from skhj.numerics.tensors import to_tensor
from skhj.priors.convex.batch_gauss_newton import BatchGaussNewton
from skhj.priors.convex.derivatives import value_and_gradient
from skhj.priors.convex.proximal_matching import ProximalMatching
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.convex.standardisation import standardise

__all__ = ["SemiconvexFit", "SemiconvexFitter"]


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


@dataclass(frozen=True)
class SemiconvexFitter:
    """Least squares first, then training; what counts as its end.

    Parameters
    ----------
    gradient_weight : float, default=1.0
        Weight of the gradients where the values have 1, both in units of what the
        best quadratic leaves.
    matching : ProximalMatching or None, default=None
        Where there are gradients alone, a continuation that narrows from their mean
        to their mode.
    ending : BatchGaussNewton or None, default=None
        Where there are values, what follows Adam; it is taken back where the hold-out
        does not gain.
    settled : float, default=1e-2
        Relative decrease of the loss in the last epoch up to which a training has
        settled: at the schedule's end one that has not falls by several per cent.
    negligible : float, default=1e-3
        Loss, where the best quadratic's is about 1, below which that does not matter.
    rounding : float, default=1e-12
        Loss of the best quadratic that is the rounding of single precision, squared:
        nothing is left to learn.
    """

    gradient_weight: float = 1.0
    matching: ProximalMatching | None = None
    ending: BatchGaussNewton | None = None
    settled: float = 1e-2
    negligible: float = 1e-3
    rounding: float = 1e-12

    def fit(self, core, samples, trainer):
        """Fit w, with |x|^2 / 2 + t w(x) convex, to values, gradients, or both.

        Parameters
        ----------
        core : nn.Module
            Convex module in single precision, trained in place.
        samples : Samples
            Samples of w; without values it is known up to a constant.
        trainer : Trainer
            Trains modules.

        Returns
        -------
        SemiconvexFit
            The function and its training losses.
        """
        task = _standardised(core, samples, trainer.device)
        network, sets = task.network, task.tensors(trainer.device)
        criterion, baseline = task.criterion(self.gradient_weight)
        if baseline < self.rounding:
            trainer = trainer.scheduled(max_iter=1)
        module = network if samples.gradients is None else _WithGradient(network)
        result = trainer.train(module, criterion, *sets)
        if self._has_ending(network, samples, trainer):
            result = self._end(module, network, criterion, result, sets, trainer)
        if not result.best_loss < baseline:
            network.core_weight.zero_()
            if self.matching is None:
                network.double()  # Only the quadratic is left: keep all its digits.
            network.set_quadratic_(task.quadratic)
        if self.matching is not None:
            metric = network.unit_whitening.to(torch.float32)
            result = self.matching.run(module, result, sets, trainer, metric)
        converged = self.has_settled(result, trainer.schedule.max_iter, baseline)
        network = network.double().requires_grad_(False).eval()
        return SemiconvexFit(network, result, converged)

    def _has_ending(self, network, samples, trainer):
        """Whether there is something to follow a training that the user left to us."""
        own = self.ending is not None and "optimizer" not in trainer.net_params
        return own and samples.values is not None and network.has_weight_gram

    def _end(self, module, network, criterion, result, sets, trainer):
        """Go on by the steps that follow, where they gain."""
        training, validation = sets
        before = {name: w.clone() for name, w in network.state_dict().items()}
        self.ending.run(network, *training[:2], trainer)
        loss = _mean_loss(module, criterion, validation, trainer.validation_rows)
        if loss < result.best_loss:
            return result._replace(best_loss=loss)
        network.load_state_dict(before)
        return result

    def has_settled(self, result, max_iter, baseline):
        """Whether the last epoch changed little, or nothing is left to improve.

        Parameters
        ----------
        result : TrainingResult
            How the training went.
        max_iter : int
            Epochs at most.
        baseline : float
            Loss of the best quadratic.

        Returns
        -------
        bool
            Whether more epochs would change little.
        """
        losses = result.loss_curve
        if len(losses) < max_iter or min(result.best_loss, baseline) < self.negligible:
            return True
        return len(losses) > 1 and losses[-1] >= (1 - self.settled) * losses[-2]


@torch.no_grad()
def _mean_loss(module, criterion, tensors, block_size):
    """Loss over all rows, a block at a time."""
    n, total = len(tensors[0]), 0.0
    for rows in row_blocks(n, 1, block_size=block_size):
        points, *targets = (tensor[rows] for tensor in tensors)
        total += len(points) * float(criterion(module(points), targets))
    return total / n


class _Task(NamedTuple):
    """Samples in the network's units, and the quadratic that fits them best."""

    network: SemiconvexNetwork
    quadratic: QuadraticFit
    U: np.ndarray
    values: np.ndarray | None
    slopes: np.ndarray | None
    held_out: np.ndarray

    def tensors(self, device):
        """Points and what is known there, of the samples to train on and of others."""
        tensors = [
            to_tensor(array, dtype=np.float32, device=device)
            for array in (self.U, self.values, self.slopes)
            if array is not None
        ]
        return [
            tuple(tensor[mask] for tensor in tensors)
            for mask in (~self.held_out, self.held_out)
        ]

    def criterion(self, gradient_weight):
        """The loss, and what the quadratic alone leaves of it on the hold-out."""
        U, values, slopes, held_out = self[2:]
        quadratic = self.quadratic
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


def _standardised(core, samples, device):
    """The samples in units of order one, and the network started in them."""
    seen = samples.take(samples.seen)
    units = standardise(seen.X, seen.values, samples.t, seen.gradients)
    U, values, slopes = units.whiten(samples.X), None, None
    if samples.values is not None:
        values = units.values(samples.X, samples.values)
    if samples.gradients is not None:
        slopes = units.gradients(samples.X, samples.gradients)
    network = SemiconvexNetwork(core, units).to(device)
    rows = [None if a is None else a[samples.seen] for a in (U, values, slopes)]
    quadratic = _start_from_least_squares(network, *rows)
    return _Task(network, quadratic, U, values, slopes, samples.held_out)


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
