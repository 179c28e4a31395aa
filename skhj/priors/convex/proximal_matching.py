"""Proximal matching: train a prox towards the mode of what it is shown."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

__all__ = ["MatchingLoss", "ProximalMatching"]


class MatchingLoss(nn.Module):
    r"""Proximal matching loss, the mean of :math:`1 - \exp(-|p - y|^2 / \gamma^2)`.

    As the width tends to zero, its minimiser tends to the mode of y given x, where the
    squared error gives the mean.

    Parameters
    ----------
    metric : Tensor of shape (d, d)
        Takes an error of the standardised gradient to one of the proximal point.
    width : float
        The width gamma.

    References
    ----------
    Fang, Buchanan, Sulam, "What's in a prior? Learned proximal networks for inverse
    problems", ICLR 2024, equation 3.1.
    """

    def __init__(self, metric, width):
        super().__init__()
        self.metric = metric
        self.width = width

    def forward(self, predictions, targets):
        """Mean loss.

        Parameters
        ----------
        predictions : tuple of Tensor
            Values (n,) and gradients (n, d); only the latter count.
        targets : list of Tensor
            Gradients (n, d) alone.

        Returns
        -------
        Tensor of shape ()
            The loss.
        """
        errors = (predictions[1] - targets[0]) @ self.metric
        return -torch.expm1(-(errors**2).sum(1) / self.width**2).mean()


@dataclass(frozen=True)
class ProximalMatching:
    """A training by the squared error, continued towards the mode.

    Parameters
    ----------
    width : float, default=0.5
        Last width, in units of the root mean squared proximal error.
    first_width : float, default=2.0
        Width at the start, at least: with twice the error, all samples count.
    n_stages : int, default=4
        Stages in which the width narrows, each a fresh schedule; all of them together
        take as many epochs as the first training.
    slower : float, default=0.3
        Share of its step size.
    """

    width: float = 0.5
    first_width: float = 2.0
    n_stages: int = 4
    slower: float = 0.3

    def run(self, module, result, sets, trainer, metric):
        """Continue a training, in place.

        Parameters
        ----------
        module : nn.Module
            Maps points to values and gradients; already fitted by the squared error.
        result : TrainingResult
            Outcome of that fit.
        sets : tuple
            Standardised points and gradients, a tuple of tensors to train on and one
            of the hold-out.
        trainer : Trainer
            Trained it so far.
        metric : Tensor of shape (d, d)
            Takes an error of the standardised gradient to one of the proximal point.

        Returns
        -------
        TrainingResult
            The curves of all stages; losses of different widths do not compare.
        """
        points, slopes = sets[1]
        with torch.no_grad():
            errors = (module(points)[1] - slopes) @ metric
        typical = float((errors**2).sum(1).mean().sqrt())
        if not typical > 0:
            return result
        schedule = trainer.schedule
        trainer = trainer.scheduled(
            max_iter=-(-schedule.max_iter // self.n_stages),
            learning_rate=self.slower * schedule.learning_rate,
        )
        curves, held_out = [result.loss_curve], [result.validation_curve]
        first = max(self.first_width, self.width)
        for scale in np.geomspace(first, self.width, self.n_stages):
            loss = MatchingLoss(metric, scale * typical)
            stage = trainer.train(module, loss, *sets)
            curves.append(stage.loss_curve)
            held_out.append(stage.validation_curve)
        return stage._replace(
            loss_curve=np.concatenate(curves), validation_curve=np.concatenate(held_out)
        )
