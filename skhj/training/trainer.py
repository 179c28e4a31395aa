"""The one training loop: torch modules fitted through skorch."""

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from skorch.callbacks import EpochTimer, PassthroughScoring, PrintLog
from skorch.helper import predefined_split
from torch.utils.data import TensorDataset

from skhj.numerics.threads import threads_for
from skhj.training.net import Net, Steps, TensorBatches
from skhj.training.processes import current_processes
from skhj.training.schedule import Schedule

__all__ = ["Trainer", "TrainingResult"]


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
        Above 1: print a line an epoch.
    progress : FitProgress or None, default=None
        Its method ``task("epoch")`` is a context in which each epoch runs.
    net_params : dict, default={}
        Parameters of skorch's net, beside those set here or in their place.
    validation_rows, validation_numbers : int, default=8192, 2**20
        Samples, and numbers in their inputs, of a step of validation: few enough for
        the memory of a network's hidden layers.
    """

    schedule: Schedule
    generator: torch.Generator
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    verbose: int = 0
    progress: Any = None
    net_params: dict = field(default_factory=dict)
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
        training, validation : tuple of Tensor or TensorRows
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
        net.processes.check_agreement(*module.parameters(), *training)
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
        callbacks.append(("steps", Steps(n_steps, schedule)))
        if self.verbose > 1:
            callbacks = [("timer", EpochTimer()), *callbacks, ("print", PrintLog())]
        row = max(1, training[0][:1].numel())
        rows = min(self.validation_rows, max(1, self.validation_numbers // row))
        given = dict(self.net_params)
        adam = {"betas": schedule.betas, "fused": True}
        if "optimizer" not in given:
            given = {f"optimizer__{name}": adam[name] for name in adam} | given
        callbacks += given.pop("callbacks", None) or []
        return Net(
            module,
            criterion=criterion,
            optimizer=given.pop("optimizer", torch.optim.Adam),
            lr=schedule.learning_rate,
            batch_size=schedule.batch_size,
            processes=current_processes(),
            iterator_train=TensorBatches,
            iterator_train__generator=self.generator,
            iterator_train__augment=augment,
            iterator_valid=TensorBatches,
            iterator_valid__batch_size=rows,
            train_split=split,
            callbacks=callbacks,
            device=training[0].device,
            verbose=max(0, self.verbose - 1),
            **given,
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
            # A compiled module is one around the module.
            weights = getattr(net.module_, "_orig_mod", net.module_).state_dict()
            self.weights = {name: w.clone() for name, w in weights.items()}
            self.loss, self.epoch = loss, epoch


def _losses(name, *, on_train=False):
    return name, PassthroughScoring(name, on_train=on_train)
