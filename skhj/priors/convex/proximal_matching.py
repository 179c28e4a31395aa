"""Proximal matching: train a prox towards the mode of what it is shown."""

import numpy as np
import torch
from torch import nn

from skhj.training import TrainingResult, train

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
    module,
    result,
    training_tensors,
    validation_tensors,
    *,
    units,
    width,
    max_iter,
    learning_rate,
    **training,
):
    """Continue a training by the squared error with proximal matching, in place.

    Parameters
    ----------
    module : nn.Module
        Maps points to values and gradients; already fitted by the squared error.
    result : TrainingResult
        Outcome of that fit.
    training_tensors, validation_tensors : tuple of Tensor
        Standardised points and gradients.
    units : Standardisation
        Their units.
    width : float
        Last width, in units of the root mean squared proximal error.
    max_iter : int
        Epochs in all.
    learning_rate : float
        Largest step size of the first training.
    **training : dict
        Passed to `skhj.training.train`.

    Returns
    -------
    TrainingResult
        The curves of all stages; losses of different widths do not compare.
    """
    points, slopes = validation_tensors
    metric = torch.as_tensor(units.whitening, dtype=points.dtype, device=points.device)
    with torch.no_grad():
        errors = (module(points)[1] - slopes) @ metric
    typical = float((errors**2).sum(1).mean().sqrt())
    if not typical > 0:
        return result
    curves, validation = [result.loss_curve], [result.validation_curve]
    for scale in np.geomspace(max(FIRST_WIDTH, width), width, N_STAGES):
        stage = train(
            module,
            MatchingLoss(metric, scale * typical),
            training_tensors,
            validation_tensors,
            max_iter=-(-max_iter // N_STAGES),
            learning_rate=SLOWER * learning_rate,
            **training,
        )
        curves.append(stage.loss_curve)
        validation.append(stage.validation_curve)
    return TrainingResult(
        np.concatenate(curves), np.concatenate(validation), stage.best_loss
    )
