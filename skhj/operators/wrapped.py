"""Operators that functions of tensors carry out."""

from typing import NamedTuple

import numpy as np
import torch

from skhj.operators.base import ForwardOperator

__all__ = [
    "CallableOperator",
    "LinearFunctionOperator",
    "PhysicsOperator",
    "Signature",
]


class Signature(NamedTuple):
    """What a function of tensors takes and returns.

    Attributes
    ----------
    domain : tuple of int
        Shape of one model as the function takes it, such as (1, H, W).
    codomain : tuple of int
        Shape of one measurement as it returns it.
    dtype : torch.dtype or None, default=None
        What it calculates in; None follows its argument.
    device : torch.device or None, default=None
        Where it does; None follows its argument.
    """

    domain: tuple
    codomain: tuple
    dtype: torch.dtype | None = None
    device: torch.device | None = None

    @property
    def matrix_shape(self):
        """Shape (M, N) of the operator on flattened models and measurements."""
        return int(np.prod(self.codomain)), int(np.prod(self.domain))

    def call(self, function, rows, shape):
        """Apply a function of samples of a shape to flattened ones."""
        samples = rows.to(dtype=self.dtype, device=self.device)
        values = function(samples.reshape(len(rows), *shape))
        return values.reshape(len(rows), -1).to(rows)

    def call_adjoint(self, function, rows):
        """Apply the adjoint to flattened measurements, and check what it returns."""
        models = self.call(function, rows, self.codomain)
        if models.shape[1] != self.matrix_shape[1]:
            raise ValueError(
                f"operator must have an adjoint that maps shape {self.codomain} to "
                f"{self.domain}, got {models.shape[1]} values a sample from it"
            )
        return models


class PhysicsOperator(ForwardOperator):
    """Linear operator of an object with methods ``A`` and ``A_adjoint``, as deepinv's.

    They map tensors whose first axis counts samples. Models and measurements are
    flattened here, and given back their shapes there.

    Parameters
    ----------
    physics : object
        The object.
    signature : Signature
        What its method ``A`` takes and returns.
    """

    def __init__(self, physics, signature):
        super().__init__(signature.matrix_shape)
        self.physics = physics
        self.signature = signature

    def _apply(self, x):
        return self.signature.call(self.physics.A, x, self.signature.domain)

    def _apply_adjoint(self, r):
        return self.signature.call_adjoint(self.physics.A_adjoint, r)


class LinearFunctionOperator(ForwardOperator):
    """Linear operator, a function of torch tensors that is differentiable once.

    Such as a `torch.autograd.Function` around another library. Its adjoint is that of
    its derivative, the same everywhere.

    Parameters
    ----------
    function : callable
        The function; the first axis counts samples.
    signature : Signature
        What it takes and returns.
    """

    def __init__(self, function, signature):
        super().__init__(signature.matrix_shape)
        self.function = function
        self.signature = signature

    def _apply(self, x):
        return self.signature.call(self.function, x, self.signature.domain).detach()

    def _apply_adjoint(self, r):
        with torch.enable_grad():
            x = r.new_zeros(len(r), self.shape[1], requires_grad=True)
            values = self.signature.call(self.function, x, self.signature.domain)
            (gradient,) = torch.autograd.grad(values, x, r.detach())
        return gradient


class CallableOperator(ForwardOperator):
    """Non-linear operator, a differentiable function of torch tensors.

    Its adjoint at an iterate x is that of its derivative there, by autograd.

    Parameters
    ----------
    function : callable
        The function; the first axis counts samples.
    signature : Signature
        What it takes and returns.

    Examples
    --------
    >>> import torch
    >>> from skhj.operators import as_operator
    >>> square = as_operator(torch.square, shape=(2, 2))
    >>> square.adjoint(torch.ones(1, 2), torch.tensor([[1.0, 3.0]]))
    tensor([[2., 6.]])
    """

    is_linear = False

    def __init__(self, function, signature):
        super().__init__(signature.matrix_shape)
        self.function = function
        self.signature = signature

    def forward(self, x):
        """Measurements A(x) of models.

        Parameters
        ----------
        x : Tensor of shape (n, N)
            Models.

        Returns
        -------
        Tensor of shape (n, M)
            Measurements.

        Raises
        ------
        ValueError
            If x is not of shape (n, N).
        """
        self._check_rows("x", x, self.shape[1])
        return self.signature.call(self.function, x, self.signature.domain)

    def adjoint(self, r=None, x=None):
        """Adjoint of the derivative of A at x, applied to residuals.

        Parameters
        ----------
        r : Tensor of shape (n, M)
            Residuals.
        x : Tensor of shape (n, N)
            Iterates.

        Returns
        -------
        Tensor of shape (n, N)
            Back-projected residuals.

        Raises
        ------
        ValueError
            If r is not of shape (n, M), or x is missing or not of shape (n, N).
        """
        if r is None:
            return super().adjoint()
        self._check_rows("r", r, self.shape[0])
        if x is None:
            raise ValueError(
                "x must be given to the adjoint of a non-linear operator: the iterates "
                "to differentiate it at, got None"
            )
        keep_graph = torch.is_grad_enabled() and (x.requires_grad or r.requires_grad)
        with torch.enable_grad():
            if not x.requires_grad:
                x = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(
                self.forward(x), x, r, create_graph=keep_graph
            )
        return gradient
