"""A training that several processes share, each with a part of every batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch

from skhj.numerics.tensors import TensorRows

__all__ = ["Alone", "Processes", "current_processes", "share_training"]


class Alone:
    """The one process there is."""

    def check_agreement(self, *tensors):
        """Agree with oneself."""

    def share(self, inputs, targets):
        """All rows of a batch, and their weight in its mean."""
        return inputs, targets, 1.0

    def total(self, number):
        """Sum over the processes."""
        return number

    def add_gradients(self, weights):
        """Sum gradients over the processes, in place."""


@dataclass(frozen=True)
class Processes:
    """Those that an accelerator has started.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        Knows which of how many processes this is, and sums over all.
    """

    accelerator: Any

    @torch.no_grad()
    def check_agreement(self, *tensors):
        """Refuse processes that would train different modules, or by other samples.

        Parameters
        ----------
        tensors : Tensor or TensorRows
            What must be the same in all processes.

        Raises
        ------
        ValueError
            If something is not.
        """
        sums = [_sums(tensor) for tensor in tensors]
        own = torch.tensor(sums, dtype=torch.float64, device=self.accelerator.device)
        mean = self.total(own) / self.accelerator.num_processes
        # A difference is seen by all processes, or else those that see none would wait.
        worst = self.total((own - mean).abs())
        # Sums of a device in another order differ by rounding.
        if (worst > 1e-6 * (1 + mean.abs())).any():
            raise ValueError(
                "random_state must be an int, and the samples the same, in all "
                "processes that share a training, got processes that differ"
            )

    def share(self, inputs, targets):
        """Rows of a batch for this process, and their weight in its mean.

        Parameters
        ----------
        inputs : Tensor
            Inputs.
        targets : list of Tensor
            Targets.

        Returns
        -------
        inputs : Tensor
            Its inputs; all of them where there are fewer than processes.
        targets : list of Tensor
            Its targets.
        weight : float
            Their number over that in all processes.
        """
        n, n_processes = len(inputs), self.accelerator.num_processes
        if n < n_processes:
            return inputs, targets, 1 / n_processes
        index = self.accelerator.process_index
        inputs, *targets = (
            tensor.tensor_split(n_processes)[index] for tensor in (inputs, *targets)
        )
        return inputs, targets, len(inputs) / n

    def total(self, number):
        """Sum of a tensor over the processes."""
        return self.accelerator.reduce(number, reduction="sum")

    def add_gradients(self, weights):
        """Sum gradients over the processes, in place, as one vector."""
        gradients = [w.grad for w in weights if w.grad is not None]
        total = self.total(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = total.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


def _sums(tensor):
    """Sum of a tensor's numbers, and of their squares."""
    blocks = tensor.blocks() if isinstance(tensor, TensorRows) else [tensor]
    sums = ((b.double().sum(), b.double().square().sum()) for b in blocks)
    return [sum(parts) for parts in zip(*sums, strict=True)]


_CURRENT: ContextVar[Processes | None] = ContextVar("processes", default=None)


def current_processes():
    """Processes that share the trainings of this context; `Alone` without one."""
    return _CURRENT.get() or Alone()


@contextmanager
def share_training(accelerator: Any) -> Iterator[None]:
    """Share trainings with the other processes of an accelerator.

    Within this context, in each of the processes that ``accelerate launch`` or
    ``torchrun`` has started with the same script, `fit` of `HJPriorRegressor` and of
    `EmbeddedInverseSolver` trains one network: every process takes a part of each
    batch, gradients and losses are summed, and all end with the same weights, those of
    one process up to rounding. What is not trained by such batches, splines and the
    last steps of convex networks, each process computes for itself.

    Parameters
    ----------
    accelerator : accelerate.Accelerator
        The accelerator, of the extra ``accelerate``.

    Yields
    ------
    None
        Estimators fitted inside must have an int as ``random_state`` and the same data
        in all processes, which is checked when a training begins.

    Raises
    ------
    TypeError
        If ``accelerator`` is none.

    Notes
    -----
    Where ``device`` is None, each process trains on the GPU that the accelerator has
    made its own. Networks that draw noise as they train draw it for each part.

    Examples
    --------
    >>> from accelerate import Accelerator
    >>> from skhj import HJPriorRegressor
    >>> from skhj.datasets import make_value_samples
    >>> from skhj.problems import L1
    >>> from skhj.training import share_training
    >>> X, y, G = make_value_samples(L1(), 200, 2, t=0.5, random_state=0)
    >>> est = HJPriorRegressor(0.5, random_state=0)
    >>> with share_training(Accelerator(cpu=True)):
    ...     est = est.fit(X, y, gradient=G)
    """
    if isinstance(accelerator, type):
        raise TypeError(
            "accelerator must be an accelerate.Accelerator, got the class "
            f"{accelerator!r} itself"
        )
    missing = [
        name
        for name in ("num_processes", "process_index", "reduce", "device")
        if not hasattr(accelerator, name)
    ]
    if missing:
        raise TypeError(
            f"accelerator must be an accelerate.Accelerator, got {accelerator!r}, "
            f"without {', '.join(missing)}"
        )
    token = _CURRENT.set(Processes(accelerator))
    try:
        yield
    finally:
        _CURRENT.reset(token)
