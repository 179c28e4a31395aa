r"""A potential of many features, fitted to proximal points.

Where the mean Hessian of a convex potential vanishes along a direction, so do all of
its Hessians: the potential is a function of the others. So a convex network sees the
directions in which the best linear prox responds, each stretched by the root of the
response, so that the mean Hessian is the identity there; elsewhere the potential is
quadratic.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from skhj.numerics.covariance import symmetric_eigh
from skhj.numerics.least_squares_quadratic import (
    QuadraticFit,
    fit_quadratic_to_gradients,
)
from skhj.numerics.tensors import to_tensor
from skhj.priors.convex.derivatives import value_and_gradient
from skhj.priors.convex.fit import SemiconvexFit, SemiconvexFitter
from skhj.priors.convex.linear_prox import fit_linear_prox
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.convex.standardisation import Standardisation
from skhj.priors.convex.subspace import SubspaceArchitecture

__all__ = ["SubspaceFitter"]


class _Prox(nn.Module):
    """The prox of a convex function f, in the coordinates of the subspace.

    Parameters
    ----------
    network : SemiconvexNetwork
        The function f of stretched coordinates.
    stretch : Tensor of shape (k,)
        Their stretch.
    strong : float
        Curvature of the potential beside f, in units of f.
    """

    def __init__(self, network, stretch, strong):
        super().__init__()
        self.network = network
        self.project_ = network.project_
        self.register_buffer("stretch", stretch)
        self.strong = strong

    def forward(self, u):
        _, gradient = self.network.value_and_gradient(u)
        return self.stretch * gradient + (self.strong / self.stretch) * u


class _ProxLoss(nn.Module):
    """Mean squared error."""

    def forward(self, predictions, targets):
        return nn.functional.mse_loss(predictions, targets[0])


@dataclass(frozen=True)
class SubspaceFitter:
    """A linear prox first, then a convex network where that responds.

    Parameters
    ----------
    responds : float, default=0.1
        Response of the linear prox, as a share of the largest, from which the network
        sees a direction.
    strong_convexity : float, default=1e-4
        Share of the curvature of |x|^2 / 2 that the potential keeps.
    narrowest : float, default=1e-6
        What the linear prox leaves, as a share of the proximal points' spread, at least
        in units: less is rounding.
    ending : SemiconvexFitter
        What counts as the end of the training.
    """

    responds: float = 0.1
    strong_convexity: float = 1e-4
    narrowest: float = 1e-6
    ending: SemiconvexFitter = SemiconvexFitter()

    def fit(self, samples, architecture, trainer, seed):
        """Fit minus a value function.

        Parameters
        ----------
        samples : Samples
            Gradients of the value function.
        architecture : Architecture
            Of the network, of as many features as it is shown.
        trainer : Trainer
            Trains it.
        seed : int
            Of its first weights.

        Returns
        -------
        SemiconvexFit
            The function and its training losses.
        SubspaceArchitecture
            Of its core.
        """
        task = self._task(samples)
        rank, device = len(task.stretch), trainer.device
        network = SemiconvexNetwork(architecture.core(rank, seed), task.units())
        network = network.to(device)
        quadratic = task.start(network, device)
        baseline = task.baseline
        if baseline < self.ending.rounding:
            trainer = trainer.scheduled(max_iter=1)
        strong = self.strong_convexity / task.scale
        module = _Prox(network, to_tensor(task.stretch, dtype=np.float32), strong)
        training, validation, augment = task.tensors(device, seed)
        result = trainer.train(
            module.to(device), _ProxLoss(), training, validation, augment=augment
        )
        if not result.best_loss < baseline:
            network.core_weight.zero_()
            network.set_quadratic_(quadratic)
        # Exchanged noise makes a training loss of each epoch its own.
        unseen = result._replace(loss_curve=result.validation_curve)
        max_iter = trainer.schedule.max_iter
        converged = self.ending.has_settled(unseen, max_iter, baseline)
        whole = SubspaceArchitecture(architecture, rank)
        lifted = task.lifted(network, whole, self.strong_convexity).to(device)
        return SemiconvexFit(lifted, result, converged), whole

    def _task(self, samples):
        """The samples by the coordinates in which the linear prox responds."""
        P = samples.targets()
        linear = fit_linear_prox(samples.X, P, samples.held_out)
        response, directions = symmetric_eigh(linear.hessian)
        rank = max(1, int((response > self.responds * response[0]).sum()))
        basis, seen = directions[:, :rank], samples.seen
        stretch = np.sqrt(response[:rank]) if response[0] > 0 else np.ones(rank)
        V, targets = (samples.X - linear.center) @ basis, (P - linear.image) @ basis
        length = float(np.sqrt(((V * stretch)[seen] ** 2).mean())) or 1.0
        V, targets = V / length, targets / length
        left = np.sqrt(((targets - V * response[:rank])[seen] ** 2).mean())
        scale = max(float(left), self.narrowest * float(targets.std())) or 1.0
        return _Task(
            linear, response, directions, stretch, length, scale, samples, V, targets
        )


class _Task(NamedTuple):
    """Pairs by the coordinates in which the linear prox responds.

    Attributes
    ----------
    linear : LinearProx
        The prox.
    response, directions : ndarray of shape (d,) and (d, d)
        Its eigenvalues and eigenvectors.
    stretch : ndarray of shape (k,)
        Of the coordinates.
    length, scale : float
        Units of points, and of what the linear prox leaves in units of these.
    samples : Samples
        The samples.
    V, targets : ndarray of shape (n, k)
        Points and proximal points.
    """

    linear: object
    response: np.ndarray
    directions: np.ndarray
    stretch: np.ndarray
    length: float
    scale: float
    samples: object
    V: np.ndarray
    targets: np.ndarray

    @property
    def baseline(self):
        """What the linear prox leaves on the hold-out."""
        left = self.targets - self.V * self.response[: len(self.stretch)]
        return float(((left[self.samples.held_out] / self.scale) ** 2).mean())

    def units(self):
        """Of a network of the coordinates, which are in its units already."""
        k = len(self.stretch)
        return Standardisation(
            np.zeros(k), 1.0, np.diag(self.stretch), 0.0, np.zeros(k), 0.0, self.scale
        )

    def start(self, network, device):
        """Give a network the quadratic part that its core leaves; return all of it."""
        U = (self.V * self.stretch)[self.samples.seen]
        u = to_tensor(U, dtype=np.float32, device=device)
        core = value_and_gradient(network.core, u)[1].cpu().numpy()
        whole = QuadraticFit(0.0, np.zeros(U.shape[1]), np.eye(U.shape[1]) / self.scale)
        left = fit_quadratic_to_gradients(U, U / self.scale - core, curvature_floor=0.0)
        network.set_quadratic_(left)
        return whole

    def tensors(self, device, seed):
        """What is trained on, what is held out, and how noise changes places."""
        seen, unseen = self.samples.seen, self.samples.held_out
        points = self.V
        if self.linear.is_exchangeable:
            points = self.targets
        training, validation, noise = (
            to_tensor(array, dtype=np.float32, device=device)
            for array in (
                points[seen] * self.stretch,
                self.V[unseen] * self.stretch,
                (self.V - self.targets)[seen] * self.stretch,
            )
        )
        targets = to_tensor(self.targets / self.scale, dtype=np.float32, device=device)
        augment = _Exchange(noise, seed) if self.linear.is_exchangeable else None
        return (training, targets[seen]), (validation, targets[unseen]), augment

    def lifted(self, network, architecture, strong_convexity):
        """The function of all features, from that of the coordinates."""
        d, k = self.directions.shape[0], len(self.stretch)
        squared = self.length**2 / self.samples.t
        units = Standardisation(
            center=self.linear.center,
            length=self.length,
            whitening=np.eye(d),
            intercept=0.0,
            slope=(self.linear.image - self.linear.center)
            * self.length
            / self.samples.t,
            curvature=-(1 - strong_convexity) * squared,
            scale=self.scale * squared,
        )
        network = network.double()
        core = architecture.core(d, 0).double()
        core.core.load_state_dict(network.core.state_dict())
        basis = self.directions[:, :k] * self.stretch
        core.map.copy_(to_tensor(basis))
        whole = SemiconvexNetwork(core, units).double()
        factor = network.factor.detach().cpu().numpy() @ basis.T
        rest = np.maximum(self.response[k:] - strong_convexity, 0) / self.scale
        others = self.directions[:, k:]
        hessian = factor.T @ factor + (others * rest) @ others.T
        slope = basis @ network.slope.detach().cpu().numpy()
        whole.set_quadratic_(QuadraticFit(0.0, slope, hessian))
        whole.core_weight.copy_(network.core_weight)
        return whole.requires_grad_(False).eval()


class _Exchange:
    """Adds the noise of other samples to a batch of clean ones."""

    def __init__(self, noise, seed):
        self.noise = noise
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, clean):
        """Noisy ones."""
        others = torch.randint(
            len(self.noise), (len(clean),), generator=self.generator
        ).to(clean.device)
        return clean + self.noise[others]
