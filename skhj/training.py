"""The one training loop: torch modules fitted through skorch."""

from copy import deepcopy
from typing import NamedTuple

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import (
    Callback,
    EpochTimer,
    LRScheduler,
    PassthroughScoring,
    PrintLog,
)
from skorch.helper import predefined_split
from torch.utils.data import TensorDataset

__all__ = ["TrainingResult", "train"]


class TrainingResult(NamedTuple):
    """Outcome of ``train``; the module itself holds the best weights.

    Attributes
    ----------
    loss_curve : ndarray of shape (max_iter,)
        Mean training loss of each epoch.
    validation_curve : ndarray of shape (max_iter,)
        Loss on the hold-out after each epoch.
    best_loss : float
        The smallest of ``validation_curve``.
    """

    loss_curve: np.ndarray
    validation_curve: np.ndarray
    best_loss: float


class TensorBatches:
    """Iterate over a TensorDataset by slices of whole tensors.

    A DataLoader would fetch sample by sample, several times slower.
    """

    def __init__(self, dataset, batch_size, generator=None):
        self.tensors = dataset.tensors
        self.batch_size = batch_size
        self.generator = generator

    def __iter__(self):
        n_samples = len(self.tensors[0])
        if self.generator is None:
            order = torch.arange(n_samples)
        else:
            order = torch.randperm(n_samples, generator=self.generator)
        for rows in order.to(self.tensors[0].device).split(self.batch_size):
            inputs, *targets = (tensor[rows] for tensor in self.tensors)
            yield inputs, targets


class _Net(NeuralNet):
    """skorch's net with no callbacks but those it is given."""

    @property
    def _default_callbacks(self):
        return []


class _KeepBest(Callback):
    """Project after each step, stop at a loss that is not finite, keep the best."""

    def __init__(self, on_epoch_end):
        self.report = on_epoch_end

    def on_train_begin(self, net, **kwargs):
        self.project = getattr(net.module_, "project_", None)
        self.best_loss, self.best_weights = np.inf, None

    def on_batch_end(self, net, training=False, **kwargs):
        if training and self.project is not None:
            self.project()

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1]
        if not np.isfinite([epoch["train_loss"], epoch["valid_loss"]]).all():
            raise FloatingPointError(
                f"the loss became {epoch['train_loss']} in epoch {epoch['epoch']}: "
                f"lower learning_rate (it is {net.lr})"
            )
        if epoch["valid_loss"] < self.best_loss:
            self.best_loss = epoch["valid_loss"]
            self.best_weights = deepcopy(net.module_.state_dict())
        self.report(epoch["epoch"])


def train(
    module,
    criterion,
    training_tensors,
    validation_tensors,
    *,
    max_iter,
    batch_size,
    learning_rate,
    generator,
    verbose=0,
    on_epoch_end=lambda epoch: None,
):
    """Fit a torch module by Adam with a cosine schedule; keep its best weights.

    Parameters
    ----------
    module : nn.Module
        The module, already on its device. It is trained in place. If it has a
        method ``project_``, that is called after every step.
    criterion : nn.Module
        Loss of (outputs of the module, list of targets).
    training_tensors, validation_tensors : tuple of Tensor
        Inputs, then targets, on the module's device and in its dtype.
    max_iter : int
        Number of passes over the training tensors.
    batch_size : int
        Samples a step.
    learning_rate : float
        Step size of Adam at the start; it falls to zero along a half cosine.
    generator : torch.Generator
        Source of the shuffling, on the CPU.
    verbose : int, default=0
        Positive: print a line an epoch.
    on_epoch_end : callable, optional
        Called with the epoch's number, from 1.

    Returns
    -------
    TrainingResult
        The loss curves.

    Raises
    ------
    FloatingPointError
        If a loss is not finite.
    """
    n_steps = max_iter * -(-len(training_tensors[0]) // batch_size)
    keep_best = _KeepBest(on_epoch_end)
    callbacks = [
        ("timer", EpochTimer()),
        ("train_loss", PassthroughScoring("train_loss", on_train=True)),
        ("valid_loss", PassthroughScoring("valid_loss")),
        (
            "schedule",
            LRScheduler(
                torch.optim.lr_scheduler.CosineAnnealingLR,
                T_max=n_steps,
                step_every="batch",
                event_name=None,
            ),
        ),
        ("keep_best", keep_best),
    ]
    if verbose:
        callbacks.append(("print", PrintLog()))
    device = training_tensors[0].device
    net = _Net(
        module,
        criterion=criterion,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=learning_rate,
        batch_size=batch_size,
        iterator_train=TensorBatches,
        iterator_train__generator=generator,
        iterator_valid=TensorBatches,
        iterator_valid__batch_size=8192,
        train_split=predefined_split(TensorDataset(*validation_tensors)),
        callbacks=callbacks,
        device=device,
        verbose=verbose,
    ).initialize()
    # Not net.fit: it swallows KeyboardInterrupt and would leave a half-fitted net.
    net.notify("on_train_begin")
    net.fit_loop(TensorDataset(*training_tensors), epochs=max_iter)
    net.notify("on_train_end")
    module.load_state_dict(keep_best.best_weights)
    return TrainingResult(
        np.array(net.history[:, "train_loss"]),
        np.array(net.history[:, "valid_loss"]),
        keep_best.best_loss,
    )
