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
    softplus_beta : float, default=2.0
        Sharpness of the softplus at the start of training.
    learn_beta : bool, default=True
        Whether each layer's sharpness is trained.
    generator : torch.Generator or None, default=None
        Source of the initial weights; None takes a new one, seeded with 0, so
        that torch's global generator is never touched.

    Notes
    -----
    Weights are stored divided by a constant of each kind (3 for the input, 0.1 for
    the rest), which gives them the step sizes that Adam needs.

    The network is convex while the weights named above are non-negative. They
    are at the start, and ``project_`` makes them so again after a step.

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
        softplus_beta=2.0,
        learn_beta=True,
        generator=None,
    ):
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        deep = tuple(hidden_layer_sizes)
        if not deep and not wide_units:
            raise ValueError("an ICNN needs hidden_layer_sizes or wide_units, got none")
        self.sizes = (wide_units, *deep)
        # One product serves every layer: rows are R_0, R_1, ..., R_L, r.
        self.input_weight = _normal((sum(self.sizes) + 1, n_features), generator)
        self.input_bias = _uniform((sum(self.sizes) + 1,), -1.5, 1.5, generator)
        self.hidden_weights = nn.ParameterList(
            _uniform((width, previous), 0.0, 2.0 / previous, generator)
            for previous, width in zip(deep[:-1], deep[1:], strict=True)
        )
        last = wide_units + (deep[-1] if deep else 0)
        self.output_weight = _uniform((last,), 0.0, 2.0 / last, generator)
        self.log_beta = nn.Parameter(
            torch.full((1 + len(deep),), math.log(softplus_beta)),
            requires_grad=learn_beta,
        )
        with torch.no_grad():
            self.input_weight /= math.sqrt(n_features)
            self.input_weight[-1] = 0.0
            self.input_bias[-1] = 0.0

    @torch.no_grad()
    def project_(self):
        """Make the constrained weights non-negative again, in place."""
        for weight in (*self.hidden_weights, self.output_weight):
            weight.clamp_(min=0.0)

    def _forward_pass(self, x):
        """Output, and the slope s'(a) of every layer, the shallow one first."""
        beta = self.log_beta.exp()
        *inputs, output = nn.functional.linear(
            x, self.input_weight, self.input_bias
        ).split((*self.sizes, 1), dim=1)
        pre_activations = [beta[0] * inputs[0]]
        shallow = nn.functional.softplus(pre_activations[0]) / beta[0]
        z = None
        for layer, a in enumerate(inputs[1:], start=1):
            if z is not None:
                a = torch.addmm(a, z, self.hidden_weights[layer - 2].T)
            pre_activations.append(beta[layer] * a)
            z = nn.functional.softplus(pre_activations[-1]) / beta[layer]
        features = shallow if z is None else torch.cat((shallow, z), dim=1)
        value = features @ self.output_weight + output[:, 0]
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
        return self._forward_pass(x)[0]

    def _backward_pass(self, slopes):
        """Derivative of the output by each layer's input a_l, shallow first."""
        n_shallow = self.sizes[0]
        sensitivities = [self.output_weight[:n_shallow] * slopes[0]]
        if len(slopes) > 1:
            deep = [self.output_weight[n_shallow:] * slopes[-1]]
            for weight, slope in zip(
                reversed(list(self.hidden_weights)), reversed(slopes[1:-1]), strict=True
            ):
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
        value, pre_activations = self._forward_pass(x)
        sensitivities = self._backward_pass([a.sigmoid() for a in pre_activations])
        gradient = torch.addmm(
            self.input_weight[-1],
            torch.cat(sensitivities, dim=1),
            self.input_weight[:-1],
        )
        return value, gradient

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
        beta = self.log_beta.exp()
        _, pre_activations = self._forward_pass(x)
        slopes = [a.sigmoid() for a in pre_activations]
        sensitivities = self._backward_pass(slopes)
        blocks = self.input_weight[:-1].split(self.sizes)
        hessian, jacobian = 0.0, None
        for layer, (slope, sensitivity, block) in enumerate(
            zip(slopes, sensitivities, blocks, strict=True)
        ):
            # g_l s''(a) = (g_l s'(a)) beta (1 - s'(a)) for the softplus.
            curvature = sensitivity * beta[layer] * (1 - slope)
            if layer < 2:
                jacobian = block
                hessian = hessian + (block.T * curvature[:, None, :]) @ block
            else:
                inner = slopes[layer - 1][:, :, None] * jacobian
                jacobian = self.hidden_weights[layer - 2] @ inner + block
                hessian = hessian + jacobian.mT @ (curvature[:, :, None] * jacobian)
        return hessian


def _normal(shape, generator):
    return nn.Parameter(torch.empty(shape).normal_(generator=generator))


def _uniform(shape, low, high, generator):
    return nn.Parameter(torch.empty(shape).uniform_(low, high, generator=generator))
