"""The one training loop: torch modules fitted through skorch."""

import math
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer, PassthroughScoring, PrintLog
from skorch.helper import predefined_split
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import TensorDataset

from skhj.numerics.threads import threads_for

__all__ = ["Schedule", "Trainer", "TrainingResult"]


@dataclass(frozen=True)
class Schedule:
    """Adam with a short rise of the step size, then half a cosine.

    Parameters
    ----------
    max_iter : int
        Largest number of passes over the samples.
    batch_size : int
        Samples a step.
    learning_rate : float
        Largest step size.
    warm_up : float, default=0.1
        Share of the steps over which the step size rises. Without it, large first steps
        push every unit of a convex network into its flat side.
    betas : tuple of float, default=(0.95, 0.99)
        Adam's averages. Faster ones than usual lower the held-out error by a third
        (l1 in eight dimensions, at equal epochs).
    loss_tolerance : float, default=0.01
        Rise of the loss on the hold-out, relative to its smallest value, that may be
        chance: of weights within it the last are kept, those of the smallest steps.
    patience : float, default=0.5
        Share of ``max_iter`` that may pass without such a loss before training ends.
        Within the schedule's large steps the loss stays level for a third of it.
    max_norm : float or None, default=None
        Norm to which longer gradients are clipped; None leaves them.
    """

    max_iter: int
    batch_size: int
    learning_rate: float
    warm_up: float = 0.1
    betas: tuple[float, float] = (0.95, 0.99)
    loss_tolerance: float = 0.01
    patience: float = 0.5
    max_norm: float | None = None

    def n_steps(self, n_samples):
        """Number of steps of all passes over so many samples."""
        return self.max_iter * math.ceil(n_samples / self.batch_size)

    def factor(self, step, n_steps):
        """Share of the largest step size at one of so many steps, from 0 to 1."""
        done = step / n_steps
        if done < self.warm_up:
            return (step + 1) / (self.warm_up * n_steps + 1)
        return (1 + math.cos(math.pi * (done - self.warm_up) / (1 - self.warm_up))) / 2


class TrainingResult(NamedTuple):
    """Outcome of a training; the module itself holds the best weights.

    Attributes
    ----------
    loss_curve : ndarray of shape (n_iter,)
        Mean training loss of each epoch.
    validation_curve : ndarray of shape (n_iter,)
        Loss on the hold-out after each epoch; empty without one.
    best_loss : float
        The loss of the module's weights in ``validation_curve``; the last training
        loss without one.
    """

    loss_curve: np.ndarray
    validation_curve: np.ndarray
    best_loss: float


@dataclass(frozen=True)
class Trainer:
    """Fits torch modules; it travels to where there is one to fit.

    Parameters
    ----------
    schedule : Schedule
        Length and step sizes.
    generator : torch.Generator
        Source of the shuffling, on the CPU.
    device : torch.device, default=torch.device("cpu")
        Where modules and tensors are put by those who train.
    verbose : int, default=0
        Positive: print a line an epoch.
    progress : FitProgress or None, default=None
        Its method ``task("epoch")`` is a context in which each epoch runs.
    validation_rows, validation_numbers : int, default=8192, 2**20
        Samples, and numbers in their inputs, of a step of validation: few enough for
        the memory of a network's hidden layers.
    """

    schedule: Schedule
    generator: torch.Generator
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    verbose: int = 0
    progress: Any = None
    validation_rows: int = 8192
    validation_numbers: int = 2**20

    def scheduled(self, **changes):
        """The same trainer with another schedule, such as another ``max_iter``."""
        return replace(self, schedule=replace(self.schedule, **changes))

    def seeded(self, seed):
        """The same trainer with a new generator."""
        return replace(self, generator=torch.Generator().manual_seed(seed))

    def silent(self):
        """The same trainer, telling nobody: for short trials."""
        return replace(self, verbose=0, progress=None)

    def task(self, name, n_subtasks=0):
        """Context of a task that progress is told of."""
        if self.progress is None:
            return nullcontext()
        return self.progress.task(name, n_subtasks)

    def train(
        self, module, criterion, training, validation=None, *, n_places=1, augment=None
    ):
        """Fit a module in place, and leave it with its best weights.

        Parameters
        ----------
        module : nn.Module
            The module, already on its device. If it has a method ``project_``, that is
            called after every step.
        criterion : nn.Module
            Loss of (outputs of the module, list of targets).
        training, validation : tuple of Tensor
            Inputs, then targets, on the module's device and in its dtype. Without the
            latter all epochs are run and the last weights kept.
        n_places : int, default=1
            Places at which each weight is applied, for convolutions the pixels.
        augment : callable or None, default=None
            Maps the inputs of each training batch to those that the module is given.

        Returns
        -------
        TrainingResult
            The loss curves.

        Raises
        ------
        FloatingPointError
            If a loss is not finite.
        """
        net = self._net(module, criterion, training, validation, augment)
        n_weights = sum(weight.numel() for weight in module.parameters())
        with threads_for(n_weights * n_places * self.schedule.batch_size):
            best = self._run(net, training, validation)
        module.load_state_dict(best.weights)
        return TrainingResult(
            np.array(net.history[:, "train_loss"]),
            np.array([] if validation is None else net.history[:, "valid_loss"]),
            best.loss,
        )

    def _net(self, module, criterion, training, validation, augment):
        schedule = self.schedule
        split, callbacks = None, [_losses("train_loss", on_train=True)]
        if validation is not None:
            split = predefined_split(TensorDataset(*validation))
            callbacks.append(_losses("valid_loss"))
        n_steps = schedule.n_steps(len(training[0]))
        callbacks.append(("steps", _Steps(n_steps, schedule)))
        if self.verbose:
            callbacks = [("timer", EpochTimer()), *callbacks, ("print", PrintLog())]
        row = max(1, training[0][0].numel())
        rows = min(self.validation_rows, max(1, self.validation_numbers // row))
        return _Net(
            module,
            criterion=criterion,
            optimizer=torch.optim.Adam,
            optimizer__betas=schedule.betas,
            optimizer__fused=True,
            lr=schedule.learning_rate,
            batch_size=schedule.batch_size,
            iterator_train=TensorBatches,
            iterator_train__generator=self.generator,
            iterator_train__augment=augment,
            iterator_valid=TensorBatches,
            iterator_valid__batch_size=rows,
            train_split=split,
            callbacks=callbacks,
            device=training[0].device,
            verbose=self.verbose,
        ).initialize()

    def _run(self, net, training, validation):
        """All epochs, or as many as the hold-out gains by; returns the best weights."""
        # Not net.fit: it swallows KeyboardInterrupt and would leave a half-fitted net.
        schedule, best = self.schedule, _BestWeights(self.schedule.loss_tolerance)
        data = TensorDataset(*training)
        unseen = None if validation is None else TensorDataset(*validation)
        batches = net.get_iterator(data, training=True)
        held_out = None if unseen is None else net.get_iterator(unseen)
        net.notify("on_train_begin", X=data, y=None)
        for epoch in range(1, schedule.max_iter + 1):
            with self.task("epoch"):
                net.notify("on_epoch_begin", dataset_train=data, dataset_valid=unseen)
                net.run_single_epoch(batches, True, "train", net.train_step)
                if held_out is not None:
                    net.run_single_epoch(held_out, False, "valid", net.validation_step)
                net.notify("on_epoch_end", dataset_train=data, dataset_valid=unseen)
                best.consider(net, epoch, judged=held_out is not None)
            if epoch - best.epoch > schedule.max_iter * schedule.patience:
                break
        net.notify("on_train_end", X=data, y=None)
        return best


class TensorBatches:
    """Iterate over a TensorDataset by slices of whole tensors.

    A DataLoader would fetch sample by sample, several times slower.
    """

    def __init__(self, dataset, batch_size, generator=None, augment=None):
        self.tensors = dataset.tensors
        self.batch_size = batch_size
        self.generator = generator
        self.augment = augment

    def __iter__(self):
        n_samples = len(self.tensors[0])
        if self.generator is None:
            order = torch.arange(n_samples)
        else:
            order = torch.randperm(n_samples, generator=self.generator)
        for rows in order.to(self.tensors[0].device).split(self.batch_size):
            inputs, *targets = (tensor[rows] for tensor in self.tensors)
            if self.augment is not None:
                inputs = self.augment(inputs)
            yield inputs, targets


class _Net(NeuralNet):
    """skorch's net with no callbacks but those it is given."""

    @property
    def _default_callbacks(self):
        return []

    def train_step_single(self, batch, **fit_params):
        """Gradients of the module's own weights: an operator may have others."""
        self._set_training(True)
        inputs, targets = batch
        answers = self.infer(inputs, **fit_params)
        loss = self.get_loss(answers, targets, X=inputs, training=True)
        weights = self.optimizer_.param_groups[0]["params"]
        loss.backward(inputs=[w for w in weights if w.requires_grad])
        return {"loss": loss, "y_pred": answers}


class _Steps(Callback):
    """What belongs to each step: clipped gradients, projection, the schedule."""

    def __init__(self, n_steps, schedule):
        self.n_steps, self.schedule = n_steps, schedule

    def on_train_begin(self, net, **kwargs):
        self.rates = LambdaLR(
            net.optimizer_, lambda step: self.schedule.factor(step, self.n_steps)
        )
        self.project = getattr(net.module_, "project_", lambda: None)

    def on_grad_computed(self, net, named_parameters, **kwargs):
        if self.schedule.max_norm is not None:
            nn.utils.clip_grad_norm_(net.module_.parameters(), self.schedule.max_norm)

    def on_batch_end(self, net, training, **kwargs):
        if training:
            self.project()
            self.rates.step()


class _BestWeights:
    """The last weights whose loss is as small as any but for chance."""

    def __init__(self, tolerance):
        self.tolerance = tolerance
        self.smallest, self.loss, self.epoch, self.weights = np.inf, np.inf, 0, None

    def consider(self, net, epoch, *, judged):
        """Take the net's weights where they are such, or there is no hold-out."""
        names = ("train_loss", "valid_loss")[: 1 + judged]
        losses = [net.history[-1, name] for name in names]
        for loss in losses:
            if not np.isfinite(loss):
                raise FloatingPointError(
                    f"the loss became {loss} in epoch {epoch}: lower learning_rate "
                    f"(it is {net.lr})"
                )
        loss = losses[-1]
        self.smallest = min(loss, self.smallest)
        if loss <= (1 + self.tolerance) * self.smallest or not judged:
            weights = net.module_.state_dict()
            self.weights = {name: w.clone() for name, w in weights.items()}
            self.loss, self.epoch = loss, epoch


def _losses(name, *, on_train=False):
    return name, PassthroughScoring(name, on_train=on_train)
