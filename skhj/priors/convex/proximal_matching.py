"""Proximal matching: train a prox towards the mode of what it is shown."""

import numpy as np
import torch
from torch import nn

__all__ = ["MatchingLoss", "match_proximal_points"]

# The width starts at twice the error of the squared loss, so that all samples count,
# and narrows in so many stages, each a fresh schedule of smaller steps.
FIRST_WIDTH, N_STAGES, SLOWER = 2.0, 4, 0.3


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


def match_proximal_points(
    module, result, training, validation, *, trainer, metric, width
):
    """Continue a training by the squared error with proximal matching, in place.

    Parameters
    ----------
    module : nn.Module
        Maps points to values and gradients; already fitted by the squared error.
    result : TrainingResult
        Outcome of that fit.
    training, validation : tuple of Tensor
        Standardised points and gradients.
    trainer : Trainer
        Trained it so far; all stages together take as many epochs again.
    metric : Tensor of shape (d, d)
        Takes an error of the standardised gradient to one of the proximal point.
    width : float
        Last width, in units of the root mean squared proximal error.

    Returns
    -------
    TrainingResult
        The curves of all stages; losses of different widths do not compare.
    """
    points, slopes = validation
    with torch.no_grad():
        errors = (module(points)[1] - slopes) @ metric
    typical = float((errors**2).sum(1).mean().sqrt())
    if not typical > 0:
        return result
    schedule = trainer.schedule
    trainer = trainer.scheduled(
        max_iter=-(-schedule.max_iter // N_STAGES),
        learning_rate=SLOWER * schedule.learning_rate,
    )
    curves, held_out = [result.loss_curve], [result.validation_curve]
    for scale in np.geomspace(max(FIRST_WIDTH, width), width, N_STAGES):
        loss = MatchingLoss(metric, scale * typical)
        stage = trainer.train(module, loss, training, validation)
        curves.append(stage.loss_curve)
        held_out.append(stage.validation_curve)
    return stage._replace(
        loss_curve=np.concatenate(curves), validation_curve=np.concatenate(held_out)
    )
