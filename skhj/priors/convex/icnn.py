"""Input-convex neural networks."""

import math

import torch
from torch import nn

__all__ = ["ICNN"]


class ICNN(nn.Module):
    r"""Input-convex neural network with a wide shallow branch beside a deep one.

    The deep branch is the network of Amos, Xu and Kolter,

    .. math::

        z_1 = s(R_1 x + b_1), \quad
        z_{l+1} = s(W_l z_l + R_{l+1} x + b_{l+1}), \quad W_l \ge 0,

    with the softplus :math:`s(a) = \log(1 + e^{\beta a}) / \beta`, which is convex,
    non-decreasing and smooth. The shallow branch is one more layer
    :math:`z_0 = s(R_0 x + b_0)`, and the output
    :math:`w_0 \cdot z_0 + w \cdot z_L + r \cdot x + b` with :math:`w_0, w \ge 0`.

    Value, gradient and Hessian are written out by hand: each is a plain forward
    computation, so that training on gradients differentiates only once.

    Parameters
    ----------
    n_features : int
        Dimension d of the input.
    hidden_layer_sizes : tuple of int, default=(96, 96)
        Widths of the deep branch, first layer first; may be empty.
    wide_units : int, default=256
        Units of the shallow branch; 0 for none.
    softplus_beta : float, default=5.0
        Sharpness of the softplus at the start of training.
    learn_beta : bool, default=True
        Whether each layer's sharpness is trained.
    input_gain, positive_gain : float, default=3.0, 0.1
        Constants that multiply the weights on the input and the non-negative
        weights. They leave the functions at the start as they are and set how far
        one step of Adam moves each kind.
    generator : torch.Generator or None, default=None
        Source of the initial weights; None takes a new one, seeded with 0, so
        that torch's global generator is never touched.

    Notes
    -----
    The network is convex while the weights named above are non-negative. They
    are at the start, and ``project_`` makes them so again after a step.

    The network of the papers is ``ICNN(d, (256, 256, 256), wide_units=0,
    softplus_beta=5.0, learn_beta=False, input_gain=1.0, positive_gain=1.0)``.

    References
    ----------
    Amos, Xu, Kolter, "Input convex neural networks", ICML 2017.
    """

    def __init__(
        self,
        n_features,
        hidden_layer_sizes=(96, 96),
        *,
        wide_units=256,
        softplus_beta=5.0,
        learn_beta=True,
        input_gain=3.0,
        positive_gain=0.1,
        generator=None,
    ):
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        deep, single = tuple(hidden_layer_sizes), {"dtype": torch.float32}
        if not deep and not wide_units:
            raise ValueError("an ICNN needs hidden_layer_sizes or wide_units, got none")
        self.sizes = (wide_units, *deep)
        self.input_gain, self.positive_gain = input_gain, positive_gain
        # One product serves every layer: rows are R_0, R_1, ..., R_L, r.
        n_rows = sum(self.sizes) + 1
        self.input_weight = nn.Parameter(
            torch.empty(n_rows, n_features, **single).normal_(generator=generator)
        )
        self.input_bias = nn.Parameter(
            torch.empty(n_rows, **single).uniform_(-1.5, 1.5, generator=generator)
        )
        last = wide_units + (deep[-1] if deep else 0)
        self.hidden_weights = nn.ParameterList(
            self._positive_weight(generator, width, previous)
            for previous, width in zip(deep[:-1], deep[1:], strict=True)
        )
        self.output_weight = self._positive_weight(generator, last)
        self.log_beta = nn.Parameter(
            torch.full((1 + len(deep),), math.log(softplus_beta), **single),
            requires_grad=learn_beta,
        )
        with torch.no_grad():
            self.input_weight /= math.sqrt(n_features) * input_gain
            self.input_bias /= input_gain
            self.input_weight[-1] = 0.0
            self.input_bias[-1] = 0.0

    def _positive_weight(self, generator, *shape):
        """Weights with mean 1 / (number of inputs), so that layers average."""
        weight = torch.empty(shape, dtype=torch.float32).uniform_(
            0.0, 2.0, generator=generator
        )
        return nn.Parameter(weight / (shape[-1] * self.positive_gain))

    @torch.no_grad()
    def project_(self):
        """Make the constrained weights non-negative again, in place."""
        for weight in (*self.hidden_weights, self.output_weight):
            weight.clamp_(min=0.0)

    def _weights(self):
        """Weights of the formula: on the input, between layers, of the output."""
        return (
            self.input_gain * self.input_weight,
            [self.positive_gain * weight for weight in self.hidden_weights],
            self.positive_gain * self.output_weight,
        )

    def _forward_pass(self, x, weights):
        """Output, and beta times the input of every layer, the shallow one first."""
        on_input, between, of_output = weights
        beta = self.log_beta.exp()
        *inputs, output = nn.functional.linear(
            x, on_input, self.input_gain * self.input_bias
        ).split((*self.sizes, 1), dim=1)
        pre_activations, features = [], []
        for layer, a in enumerate(inputs):
            if layer > 1:
                a = torch.addmm(a, features.pop(), between[layer - 2].T)
            pre_activations.append(beta[layer] * a)
            features.append(_softplus(pre_activations[-1]) / beta[layer])
        value = torch.cat(features, dim=1) @ of_output + output[:, 0]
        return value, pre_activations

    def forward(self, x):
        """Value of the network.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Points.

        Returns
        -------
        Tensor of shape (n,)
            Values, convex in ``x``.
        """
        return self._forward_pass(x, self._weights())[0]

    def _backward_pass(self, slopes, weights):
        """Derivative of the output by each layer's input a_l, shallow first."""
        _, between, of_output = weights
        shallow, last = of_output.split((self.sizes[0], len(of_output) - self.sizes[0]))
        sensitivities = [shallow * slopes[0]]
        if len(slopes) > 1:
            deep = [last * slopes[-1]]
            for weight, slope in zip(between[::-1], slopes[-2:0:-1], strict=True):
                deep.append((deep[-1] @ weight) * slope)
            sensitivities += reversed(deep)
        return sensitivities

    def value_and_gradient(self, x):
        """Value and gradient, in one forward and one transposed pass.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Points.

        Returns
        -------
        value : Tensor of shape (n,)
            Values.
        gradient : Tensor of shape (n, d)
            Gradients.
        """
        weights = self._weights()
        value, pre_activations = self._forward_pass(x, weights)
        slopes = [a.sigmoid() for a in pre_activations]
        sensitivities = torch.cat(self._backward_pass(slopes, weights), dim=1)
        on_input = weights[0]
        return value, torch.addmm(on_input[-1], sensitivities, on_input[:-1])

    def weight_gram(self, x):
        """Products of the derivatives of f(x_i) and f(x_j) by the weights.

        Those of a layer are products of what goes into it and of what it does to the
        output, and so are their sums; the sharpness is left out.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Points.

        Returns
        -------
        Tensor of shape (n, n)
            Symmetric positive semi-definite matrix.
        """
        weights = self._weights()
        _, pre_activations = self._forward_pass(x, weights)
        sensitivities = self._backward_pass(
            [a.sigmoid() for a in pre_activations], weights
        )
        beta = self.log_beta.exp()
        features = [_softplus(a) / beta[i] for i, a in enumerate(pre_activations)]
        of_output = _products(features[0])
        if len(features) > 1:
            of_output = of_output + _products(features[-1])
        for into, after in zip(features[1:-1], sensitivities[2:], strict=True):
            of_output = of_output + _products(into) * _products(after)
        of_input = (1 + _products(torch.cat(sensitivities, dim=1))) * (1 + x @ x.T)
        return self.input_gain**2 * of_input + self.positive_gain**2 * of_output

    def hessian(self, x):
        """Hessian: the sum over layers of A_l^T diag(g_l s''(a_l)) A_l, A_l = da_l/dx.

        Parameters
        ----------
        x : Tensor of shape (n, d)
            Points.

        Returns
        -------
        Tensor of shape (n, d, d)
            Symmetric positive semi-definite matrices.
        """
        weights = on_input, between, _ = self._weights()
        beta = self.log_beta.exp()
        _, pre_activations = self._forward_pass(x, weights)
        slopes = [a.sigmoid() for a in pre_activations]
        sensitivities = self._backward_pass(slopes, weights)
        hessian, jacobian = 0.0, None
        for layer, block in enumerate(on_input[:-1].split(self.sizes)):
            # g_l s''(a) = (g_l s'(a)) beta (1 - s'(a)) for the softplus.
            curvature = sensitivities[layer] * beta[layer] * (1 - slopes[layer])
            jacobian = (
                block
                if layer < 2
                else between[layer - 2] @ (slopes[layer - 1][:, :, None] * jacobian)
                + block
            )
            hessian = hessian + jacobian.mT @ (curvature[:, :, None] * jacobian)
        return hessian


def _products(rows):
    return rows @ rows.T


def _softplus(a):
    # torch turns linear at 20, where e^-20 is still seen in double precision.
    return nn.functional.softplus(a, threshold=40)
