"""What skorch's net does otherwise here: whole batches, own weights, the schedule."""

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

__all__ = ["Net", "Steps", "TensorBatches", "checked_net_params"]

# What the trainer itself decides.
_OWN = (
    "module", "criterion", "dataset", "iterator_train", "iterator_valid",
    "train_split", "device", "lr", "batch_size", "max_epochs", "verbose",
)  # fmt: skip


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
        for rows in order.to(self.tensors[0].device).split(
            int(min(self.batch_size, len(order)))
        ):
            inputs, *targets = (tensor[rows] for tensor in self.tensors)
            if self.augment is not None:
                inputs = self.augment(inputs)
            yield inputs, targets


class Net(NeuralNet):
    """skorch's net with no callbacks but those it is given.

    Parameters
    ----------
    args, kwargs : object
        Of skorch's net.
    processes : Alone or Processes
        Who shares the batches.
    """

    def __init__(self, *args, processes, **kwargs):
        super().__init__(*args, **kwargs)
        self.processes = processes

    @property
    def _default_callbacks(self):
        return []

    def train_step_single(self, batch, **fit_params):
        """Gradients of the module's own weights: an operator may have others."""
        step = self._part(batch, training=True, **fit_params)
        weights = self.optimizer_.param_groups[0]["params"]
        weights = [w for w in weights if w.requires_grad]
        step["loss"].backward(inputs=weights)
        self.processes.add_gradients(weights)
        return self._of_all(step)

    def validation_step(self, batch, **fit_params):
        """Loss of a batch, without gradients."""
        with torch.no_grad():
            return self._of_all(self._part(batch, training=False, **fit_params))

    def _part(self, batch, *, training, **fit_params):
        """Answers to this process's part of a batch, and its part of the mean loss."""
        self._set_training(training)
        inputs, targets, weight = self.processes.share(*batch)
        answers = self.infer(inputs, **fit_params)
        loss = self.get_loss(answers, targets, X=inputs, training=training)
        return {"loss": weight * loss, "y_pred": answers}

    def _of_all(self, step):
        """A step with the loss of the whole batch."""
        return step | {"loss": self.processes.total(step["loss"].detach())}


def checked_net_params(net_params):
    """Parameters of skorch's net that a user may give.

    Parameters
    ----------
    net_params : dict or None
        As given.

    Returns
    -------
    dict
        The parameters.

    Raises
    ------
    ValueError
        If skorch has no such parameter, or the trainer sets it itself.
    """
    params = dict(net_params or {})
    kinds = {name.split("__")[0] for name in params}
    known = set(NeuralNet(nn.Identity, nn.MSELoss).get_params(deep=False))
    wrong = sorted(map(str, kinds.intersection(_OWN) | (kinds - known)))
    if wrong:
        raise ValueError(
            "net_params must be parameters of skorch.NeuralNet other than "
            f"{', '.join(_OWN)}, got {', '.join(wrong)}"
        )
    return params


class Steps(Callback):
    """What belongs to each step: clipped gradients, projection, the schedule."""

    def __init__(self, n_steps, schedule):
        self.n_steps, self.schedule = n_steps, schedule

    def on_train_begin(self, net, **kwargs):
        """Begin the schedule."""
        self.rates = LambdaLR(
            net.optimizer_, lambda step: self.schedule.factor(step, self.n_steps)
        )
        self.project = getattr(net.module_, "project_", lambda: None)

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Clip gradients."""
        if self.schedule.max_norm is not None:
            nn.utils.clip_grad_norm_(net.module_.parameters(), self.schedule.max_norm)

    def on_batch_end(self, net, training, **kwargs):
        """Project the weights, and go on in the schedule."""
        if training:
            self.project()
            self.rates.step()
