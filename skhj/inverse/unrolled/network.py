"""Unrolled networks: descent steps on a data misfit, regularised by learned parts."""

import math
from dataclasses import dataclass

import torch
from torch import nn

__all__ = [
    "EmbeddedNetwork",
    "Halving",
    "LiteralNetwork",
    "ProximalNetwork",
    "standard_normal",
]


@dataclass(frozen=True)
class Halving:
    """Steps that would rise are halved until they do not.

    Parameters
    ----------
    most : int, default=12
        A step is halved this often before it is given up.
    every : int, default=4
        In training only one sample of so many has its steps halved. Halving makes up
        for any scale of phi, which without the others would grow without end; but
        without halving, the weights learn to rise.
    """

    most: int = 12
    every: int = 4


def standard_normal(generator, *, common=False):
    """Source of noise for a network.

    Parameters
    ----------
    generator : torch.Generator
        A generator on the CPU.
    common : bool, default=False
        Whether all samples are given the same noise.

    Returns
    -------
    callable
        Maps a tensor to standard normal numbers of its shape, on its device.
    """

    def draw(z):
        shape = (1, *z.shape[1:]) if common else z.shape
        return torch.randn(shape, generator=generator, dtype=z.dtype).to(z.device)

    return draw


class UnrolledNetwork(nn.Module):
    """What both kinds of networks share; a subclass has ``_iterates``.

    Parameters
    ----------
    physics : nn.Module
        The misfit, see `skhj.inverse.unrolled.misfit`.
    n_layers : int
        Number of layers J.
    step : float
        The h_j at the start.
    noise_shape : tuple of int or None
        Shape of the sizes of the noise before each layer; None adds none.
    noise_size : float, default=0.5
        These at the start, where the start's errors are of size one.
    """

    def __init__(self, physics, n_layers, step, noise_shape, noise_size=0.5):
        super().__init__()
        self.physics, self.n_layers = physics, n_layers
        self.log_steps = _constant((n_layers,), math.log(step))
        self.noise_sizes = None
        if noise_shape is not None:
            self.noise_sizes = _constant((n_layers, *noise_shape), noise_size)

    @property
    def steps(self):
        """Step sizes h_j, positive."""
        return self.log_steps.exp()

    def forward(self, inputs, noise=None):
        """Models in standardised units, (n, k), from starts and data.

        ``noise`` maps a tensor to standard normal numbers of its shape; without it,
        none are added.
        """
        start, u = self._iterates(inputs, noise, {self.n_layers})
        return self.physics.to_model(u, start)

    def iterates(self, inputs, noise=None):
        """Models of all layers, a list of J + 1 tensors; the first is the start."""
        layers = range(1, self.n_layers + 1)
        start, *steps = self._iterates(inputs, noise, layers)
        return [self.physics.to_model(u, start) for u in (start, *steps)]

    def _perturbed(self, z, layer, noise):
        if noise is None or self.noise_sizes is None:
            return z
        return z + self.noise_sizes[layer] * noise(z)


class EmbeddedNetwork(UnrolledNetwork):
    r"""Descent in an embedding z of the unknowns, u = r + E z.

    .. math::

        z_{j+1} = z_j - h_j E_j^T \nabla D(r + E_j z_j)
        - h_j \nabla\phi_j(z_j), \qquad z_0 = E_0^T u_0, \quad r = u_0 - E_0 z_0,

    with the misfit D of the physics. With one kernel and one potential for all layers
    it is OPTEnet, with its own for each layer EUnet.

    The remainder r is what the embedding leaves of the start, zero for a tight frame.
    It does not move: where the learned E_0 is no frame, the network still begins at
    exactly u_0, and what it has not learned to represent is kept.

    Parameters
    ----------
    physics : nn.Module
        The misfit, see `skhj.inverse.unrolled.misfit`.
    embedding : object
        `DenseEmbedding` or `ConvEmbedding`.
    kernels : Kernels
        The E_j.
    potentials : list of Potential
        One, or one a layer.
    n_layers : int
        Number of layers J.
    step : float, default=0.5
        The h_j at the start.
    halving : Halving or None, default=None
        Halves steps that would raise D + phi until they do not: the descent method,
        for one kernel and one potential. None leaves them.
    noise_shape : tuple of int or None, default=None
        Shape of the sizes of the noise that is added to z before each layer, one for
        each component or channel; None adds none.

    References
    ----------
    Eliasof, Haber, Treister, "An over complete deep learning method for inverse
    problems", arXiv 2402.04653.
    """

    def __init__(
        self,
        physics,
        embedding,
        kernels,
        potentials,
        n_layers,
        *,
        step=0.5,
        halving=None,
        noise_shape=None,
    ):
        super().__init__(physics, n_layers, step, noise_shape)
        self.embedding, self.kernels = embedding, kernels
        self.potentials = nn.ModuleList(potentials)
        self.halving = halving

    def _iterates(self, inputs, noise, layers):
        """The start, and the unknowns after some layers, counted from 1."""
        start, data = self.physics.split(inputs)
        kernels, steps = self.kernels(), self.steps
        z = self.embedding.restrict(kernels[0], start)
        start, rest = self._parts(start, self.embedding.expand(kernels[0], z))
        yield start
        for layer in range(self.n_layers):
            z = self._perturbed(z, layer, noise)
            misfit = self.physics.embed(self.embedding, kernels[layer], rest, data)
            potential = self.potentials[layer % len(self.potentials)]
            slope = misfit.gradient(z) + potential.gradient(z, layer / self.n_layers)
            step = steps[layer] * slope
            if self.halving is not None:
                step = self._halved(step, z, kernels[layer], rest, data)
            z = z - step
            if layer + 1 in layers:
                yield rest + self.embedding.expand(kernels[layer + 1], z)

    @staticmethod
    def _parts(start, embedded):
        """Where the iterates start, and what of it stays."""
        return start, start - embedded

    def _halved(self, step, z, kernel, rest, data):
        """The step, in rows where it would raise the objective times powers of 1/2."""
        rows = slice(None, None, self.halving.every if self.training else 1)
        whole, z = step[rows].detach(), z[rows]
        potential = self.potentials[0]
        share = torch.ones((len(step),) + (1,) * (z.ndim - 1)).to(z)
        part = share[rows]
        with torch.no_grad():
            misfit = self.physics.embed(self.embedding, kernel, rest[rows], data[rows])
            before = potential(z) + misfit(z)
            for _ in range(self.halving.most):
                trial = z - part * whole
                rises = potential(trial) + misfit(trial) > before
                if not rises.any():
                    break
                part[rises] /= 2
            else:
                part[rises] = 0.0
        return share * step


class LiteralNetwork(EmbeddedNetwork):
    """The same descent for u = E z, the iteration as the paper has it: r = 0.

    What it answers is in the range of the embedding, its start E_0 E_0^T u_0 too.
    """

    @staticmethod
    def _parts(start, embedded):
        return embedded, torch.zeros_like(start)


class ProximalNetwork(UnrolledNetwork):
    r"""Proximal gradient steps with learned proximal operators, without an embedding.

    .. math::

        u_{j+1} = \mathrm{Prox}_j(u_j - h_j \nabla D(u_j))

    Parameters
    ----------
    physics : nn.Module
        The misfit, see `skhj.inverse.unrolled.misfit`.
    proximal_operators : list of nn.Module
        One a layer.
    step : float, default=0.5
        The h_j at the start.
    noise_shape : tuple of int or None, default=None
        Shape of the sizes of the noise that is added to u before each layer; None
        adds none.

    References
    ----------
    Mardani et al., "Neural proximal gradient descent for compressive imaging",
    NeurIPS 2018.
    """

    def __init__(self, physics, proximal_operators, *, step=0.5, noise_shape=None):
        super().__init__(physics, len(proximal_operators), step, noise_shape)
        self.proximal_operators = nn.ModuleList(proximal_operators)

    def _iterates(self, inputs, noise, layers):
        u, data = self.physics.split(inputs)
        misfit = self.physics.misfit(data)
        yield u
        for layer, prox in enumerate(self.proximal_operators):
            u = self._perturbed(u, layer, noise)
            u = prox(u - self.steps[layer] * misfit.gradient(u))
            if layer + 1 in layers:
                yield u


def _constant(shape, value):
    return nn.Parameter(torch.full(shape, value, dtype=torch.float32))
