"""The one training loop: torch modules fitted through skorch."""

import math
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer, PassthroughScoring, PrintLog
from skorch.helper import predefined_split
from threadpoolctl import threadpool_limits
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import TensorDataset

__all__ = [
    "TrainingResult",
    "hold_out",
    "learning_rate_factor",
    "resolve_device",
    "train",
]

# Multiplications in a step's forward pass below which one thread is the fastest.
SMALL_STEP = 50_000_000
# Share of the steps over which the learning rate rises: without it, large first steps
# push every unit of a convex network into its flat side.
WARM_UP = 0.1
# Samples, and numbers in their inputs, of a step of validation: few enough for memory.
VALIDATION_SAMPLES, VALIDATION_NUMBERS = 8192, 2**20
# Rise of the loss on the hold-out, relative to its smallest value, that may be chance:
# later weights, of smaller steps, are the better ones.
LOSS_TOLERANCE = 0.01
# Faster averages than Adam's usual ones lower the held-out error by a third.
BETAS = (0.95, 0.99)


class TrainingResult(NamedTuple):
    """Outcome of ``train``; the module itself holds the best weights.

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


class _NoLongerImproving(Exception):  # noqa: N818 - no error, but the way out
    """Ends the training: skorch has no other way out of its loop."""


class _Loop(Callback):
    """What skorch does not do: schedule, projection, best weights, finite losses."""

    def __init__(self, n_steps, patience, progress, max_norm, held_out):
        self.n_steps = n_steps
        self.patience = patience
        self.losses = ("train_loss", "valid_loss") if held_out else ("train_loss",)
        self.progress = progress
        self.max_norm = max_norm

    def on_train_begin(self, net, **kwargs):
        self.schedule = LambdaLR(
            net.optimizer_, partial(learning_rate_factor, n_steps=self.n_steps)
        )
        self.project = getattr(net.module_, "project_", lambda: None)
        self.best_loss, self.best_weights = np.inf, None
        self.smallest_loss, self.best_epoch = np.inf, 0

    def on_epoch_begin(self, net, **kwargs):
        if self.progress is not None:
            self.progress.begin("epoch")

    def on_grad_computed(self, net, named_parameters, **kwargs):
        if self.max_norm is not None:
            nn.utils.clip_grad_norm_(net.module_.parameters(), self.max_norm)

    def on_batch_end(self, net, training, **kwargs):
        if training:
            self.project()
            self.schedule.step()

    def on_epoch_end(self, net, **kwargs):
        epoch = net.history[-1, "epoch"]
        losses = [net.history[-1, name] for name in self.losses]
        for loss in losses:
            if not np.isfinite(loss):
                raise FloatingPointError(
                    f"the loss became {loss} in epoch {epoch}: lower learning_rate "
                    f"(it is {net.lr})"
                )
        loss = losses[-1]
        self.smallest_loss = min(loss, self.smallest_loss)
        if loss <= (1 + LOSS_TOLERANCE) * self.smallest_loss or len(losses) == 1:
            weights = net.module_.state_dict()
            self.best_weights = {name: w.clone() for name, w in weights.items()}
            self.best_loss, self.best_epoch = loss, epoch
        if self.progress is not None:
            self.progress.end()
        if epoch - self.best_epoch > self.patience:
            raise _NoLongerImproving


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
    n_places=1,
    max_norm=None,
    augment=None,
    verbose=0,
    progress=None,
):
    """Fit a torch module by Adam with a cosine schedule; keep its best weights.

    These are the last whose loss on the validation tensors is within a per cent of the
    smallest: what is less may be chance. Training ends early when half of ``max_iter``
    epochs pass without such a loss there.

    Parameters
    ----------
    module : nn.Module
        The module, already on its device. It is trained in place. If it has a
        method ``project_``, that is called after every step.
    criterion : nn.Module
        Loss of (outputs of the module, list of targets).
    training_tensors, validation_tensors : tuple of Tensor
        Inputs, then targets, on the module's device and in its dtype. The latter may
        be None: then all epochs are run and the last weights kept.
    max_iter : int
        Number of passes over the training tensors.
    batch_size : int
        Samples a step.
    learning_rate : float
        Largest step size of Adam; it is reached after a tenth of the steps and falls
        to zero along a half cosine.
    generator : torch.Generator
        Source of the shuffling, on the CPU.
    n_places : int, default=1
        Places at which each weight is applied, for convolutions the pixels.
    max_norm : float or None, default=None
        Norm to which longer gradients are clipped; None leaves them.
    augment : callable or None, default=None
        Maps the inputs of each training batch to those that the module is given.
    verbose : int, default=0
        Positive: print a line an epoch.
    progress : FitProgress or None, default=None
        Told of each epoch: its methods ``begin("epoch")`` and ``end()`` are called.

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
    held_out = validation_tensors is not None
    loop = _Loop(n_steps, max_iter // 2, progress, max_norm, held_out)
    callbacks = [
        ("train_loss", PassthroughScoring("train_loss", on_train=True)),
        ("loop", loop),
    ]
    if held_out:
        callbacks.insert(1, ("valid_loss", PassthroughScoring("valid_loss")))
    if verbose:
        callbacks = [("timer", EpochTimer()), *callbacks, ("print", PrintLog())]
    device = training_tensors[0].device
    net = _Net(
        module,
        criterion=criterion,
        optimizer=torch.optim.Adam,
        optimizer__betas=BETAS,
        optimizer__fused=True,
        lr=learning_rate,
        batch_size=batch_size,
        iterator_train=TensorBatches,
        iterator_train__generator=generator,
        iterator_train__augment=augment,
        iterator_valid=TensorBatches,
        iterator_valid__batch_size=_validation_batch(training_tensors[0]),
        train_split=predefined_split(TensorDataset(*validation_tensors))
        if held_out
        else None,
        callbacks=callbacks,
        device=device,
        verbose=verbose,
    ).initialize()
    threads = _enough_threads(module, batch_size * n_places)
    # Not net.fit: it swallows KeyboardInterrupt and would leave a half-fitted net.
    net.notify("on_train_begin")
    with suppress(_NoLongerImproving), threads:
        net.fit_loop(TensorDataset(*training_tensors), epochs=max_iter)
    net.notify("on_train_end")
    module.load_state_dict(loop.best_weights)
    return TrainingResult(
        np.array(net.history[:, "train_loss"]),
        np.array(net.history[:, "valid_loss"] if held_out else []),
        loop.best_loss,
    )


def hold_out(n_samples, fraction, rng):
    """Choose samples to hold out: two at least, where that leaves two, and not all.

    Parameters
    ----------
    n_samples : int
        Number of samples, two or more.
    fraction : float
        Share of them to hold out.
    rng : RandomState
        Source of the choice.

    Returns
    -------
    ndarray of shape (n_samples,), dtype bool
        Whether each is held out.
    """
    smallest = 2 if n_samples >= 4 else 1
    n_held_out = int(np.clip(np.ceil(fraction * n_samples), smallest, n_samples - 1))
    held_out = np.zeros(n_samples, dtype=bool)
    held_out[rng.permutation(n_samples)[:n_held_out]] = True
    return held_out


def learning_rate_factor(step, n_steps):
    """Share of the largest learning rate at a step: a short rise, then half a cosine.

    Parameters
    ----------
    step : int
        The step, from 0.
    n_steps : int
        How many there will be.

    Returns
    -------
    float
        A number from 0 to 1.
    """
    done = step / n_steps
    if done < WARM_UP:
        return (step + 1) / (WARM_UP * n_steps + 1)
    return (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2


def _validation_batch(inputs):
    n_samples = VALIDATION_NUMBERS // max(1, inputs[0].numel())
    return min(VALIDATION_SAMPLES, max(1, n_samples))


def _enough_threads(module, n_samples):
    """One thread for small steps: on more they wait for each other, and for others."""
    n_products = n_samples * sum(weight.numel() for weight in module.parameters())
    # OpenMP's limit belongs to this thread; that of BLAS would be the process's.
    limit = 1 if n_products < SMALL_STEP else None
    return threadpool_limits(limit, user_api="openmp")


def resolve_device(device):
    """Turn an estimator's ``device`` into a torch.device that exists here.

    Parameters
    ----------
    device : str, torch.device or None
        A device; None takes a CUDA device where there is one, else the CPU.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If torch does not know the device, or it is not on this machine.
    """
    has_cuda = torch.cuda.is_available()
    if device is None:
        return torch.device("cuda" if has_cuda else "cpu")
    try:
        resolved = torch.device(device)
        torch.zeros(1, dtype=torch.float64, device=resolved).item()
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ValueError(
            "device must be None, 'cpu', or a device that torch finds on this machine "
            f"(CUDA is {'' if has_cuda else 'not '}available), got {device!r}"
        ) from error
    return resolved
