"""Potentials on an embedding, with their gradients written by hand."""

import math

import torch
from torch import nn
from torch.nn import functional

__all__ = [
    "ConvPotential",
    "DensePotential",
    "Potential",
    "log_cosh",
    "normal",
    "transposed_convolution",
]


def log_cosh(a):
    """Integral of tanh, without overflow."""
    size = a.abs()
    return size + functional.softplus(-2 * size) - math.log(2)


def transposed_convolution(a, weight):
    """Adjoint of the convolution with an odd kernel, zero outside the image."""
    # torch's own transposed convolution is many times slower on a CPU.
    weight = weight.flip(2, 3).transpose(0, 1)
    return functional.conv2d(a, weight, padding=weight.shape[-1] // 2)


def normal(shape, generator):
    """Standard normal numbers in single precision."""
    return torch.empty(shape, dtype=torch.float32).normal_(generator=generator)


class _LogCosh(torch.autograd.Function):
    """log cosh of a whose tanh is known: nothing of it is computed again backwards."""

    @staticmethod
    def forward(ctx, a, tanh):
        ctx.save_for_backward(tanh)
        size = a.abs()
        # In place: on large images, fresh memory costs more than the arithmetic.
        return (-2 * size).exp_().log1p_().add_(size).sub_(math.log(2))

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0], None


class Potential(nn.Module):
    r"""Scalar network of log cosh layers on an embedding z.

    .. math::

        \phi(z; \tau) = q \cdot s(K_n s(\dots s_\gamma(K_1 z + b_1 + \tau c)\dots)
        + b_n), \qquad s_\gamma(a) = \log\cosh(\gamma a) / \gamma,

    with s = s_1 and one sharpness gamma for each unit of the first layer: s_gamma goes
    from a parabola to the absolute value as gamma grows. Its gradient is the transposed
    network, :math:`K_1^T (s_\gamma'(a_1) \odot K_2^T (\dots K_n^T (s'(a_n) \odot q)))`:
    one forward and one transposed pass, so that training differentiates only once.

    A subclass says what :math:`K_l` and its transpose are.

    Parameters
    ----------
    weights, biases : list of Tensor
        The initial K_l and b_l.
    output_weight : Tensor
        The initial q.
    sharpness : Tensor
        The gamma of each unit of the first layer; it is not trained.
    timed : bool, default=False
        Whether there is a c, the dependence on time.

    References
    ----------
    Eliasof, Haber, Treister, "An over complete deep learning method for inverse
    problems", arXiv 2402.04653, section 3.
    """

    def __init__(self, weights, biases, output_weight, sharpness, *, timed=False):
        super().__init__()
        self.weights = nn.ParameterList(weights)
        self.biases = nn.ParameterList(biases)
        self.output_weight = nn.Parameter(output_weight)
        self.register_buffer("sharpness", sharpness)
        self.time_slope = nn.Parameter(torch.zeros_like(biases[0])) if timed else None

    def _forward_pass(self, z, time):
        """Output of the last layer, and the slope s' of every layer."""
        weights, (bias, *biases) = list(self.weights), self.biases
        if self.time_slope is not None:
            bias = bias + time * self.time_slope
        # The sharpness multiplies weights, which are smaller than outputs.
        gamma = self.sharpness.reshape(-1, *[1] * (weights[0].ndim - 1))
        a = self._layer(gamma * weights[0], z, self.sharpness * bias)
        slopes = [a.tanh()]
        if len(weights) > 1:
            weights[1] = weights[1] / gamma.transpose(0, 1)
        for weight, bias in zip(weights[1:], biases, strict=True):
            a = self._layer(weight, _LogCosh.apply(a, slopes[-1]), bias)
            slopes.append(a.tanh())
        return a, slopes

    def _value(self, a):
        q = self.output_weight
        if len(self.weights) == 1:
            q = q / self.sharpness
        return (log_cosh(a) * self._per_unit(q)).flatten(1).sum(1)

    def _gradient(self, slopes):
        sensitivity = slopes[-1] * self._per_unit(self.output_weight)
        for weight, slope in zip(self.weights[:0:-1], slopes[-2::-1], strict=True):
            sensitivity = self._transpose(weight, sensitivity) * slope
        return self._transpose(self.weights[0], sensitivity)

    def forward(self, z, time=0.0):
        """Value of the potential.

        Parameters
        ----------
        z : Tensor of shape (n, ...)
            Embeddings.
        time : float, default=0.0
            The tau of the formula.

        Returns
        -------
        Tensor of shape (n,)
            Values.
        """
        return self._value(self._forward_pass(z, time)[0])

    def gradient(self, z, time=0.0):
        """Gradient by z, of the shape of z."""
        return self._gradient(self._forward_pass(z, time)[1])


class DensePotential(Potential):
    """Potential on vectors: the K_l are matrices.

    Parameters
    ----------
    n_features : int
        Dimension K of the embedding.
    n_units : int
        Rows of each K_l.
    depth : int
        Number of layers n.
    sharpness : tuple of float, default=(1.0, 1.0)
        Smallest and largest gamma; the units' are between, at equal ratios.
    output_size : float, default=0.1
        Size of the entries of q at the start.
    timed : bool, default=False
        Whether the potential depends on time.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(
        self,
        n_features,
        n_units,
        depth,
        *,
        sharpness=(1.0, 1.0),
        output_size=0.1,
        timed=False,
        generator,
    ):
        parts = _initial_parts(
            (n_features, n_units, depth), output_size=output_size, generator=generator
        )
        super().__init__(*parts, _ladder(*sharpness, n_units), timed=timed)

    @staticmethod
    def _layer(weight, z, bias):
        return functional.linear(z, weight, bias)

    @staticmethod
    def _transpose(weight, a):
        return a @ weight

    @staticmethod
    def _per_unit(vector):
        return vector


class ConvPotential(Potential):
    """Potential on images with channels: the K_l are 3 x 3 convolutions.

    Parameters
    ----------
    n_channels : int
        Channels of the embedding.
    n_units : int
        Filters of each K_l.
    depth : int
        Number of layers n.
    sharpness : tuple of float, default=(0.3, 10.0)
        Smallest and largest gamma; the filters' are between, at equal ratios.
    output_size : float, default=0.1
        Size of the entries of q at the start.
    bias_size : float, default=0.1
        Size of the entries of the b_l at the start.
    timed : bool, default=False
        Whether the potential depends on time.
    generator : torch.Generator
        Source of the initial weights.
    """

    def __init__(
        self,
        n_channels,
        n_units,
        depth,
        *,
        sharpness=(0.3, 10.0),
        output_size=0.1,
        bias_size=0.1,
        timed=False,
        generator,
    ):
        parts = _initial_parts(
            (n_channels, n_units, depth),
            side=3,
            bias_size=bias_size,
            output_size=output_size,
            generator=generator,
        )
        super().__init__(*parts, _ladder(*sharpness, n_units), timed=timed)

    def _layer(self, weight, z, bias):
        return functional.conv2d(z, weight, bias, padding=weight.shape[-1] // 2)

    def _transpose(self, weight, a):
        return transposed_convolution(a, weight)

    @staticmethod
    def _per_unit(vector):
        return vector[:, None, None]


def _initial_parts(sizes, *, side=None, bias_size=1.0, output_size, generator):
    """Weights that keep the size of z, then biases, then q: matrices, or kernels."""
    n_inputs, n_units, depth = sizes
    widths = [n_inputs, *[n_units] * depth]
    window = () if side is None else (side, side)
    weights = [
        normal((rows, columns, *window), generator) / ((side or 1) * math.sqrt(columns))
        for columns, rows in zip(widths[:-1], widths[1:], strict=True)
    ]
    biases = [bias_size * normal((n_units,), generator) for _ in weights]
    return weights, biases, output_size * normal((n_units,), generator)


def _ladder(smallest, largest, n):
    """Numbers at equal ratios, all of them ``smallest`` where the ends agree."""
    return torch.logspace(
        math.log10(smallest), math.log10(largest), n, dtype=torch.float32
    )
