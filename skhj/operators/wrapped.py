"""Operators that other libraries' objects and functions carry out."""

from typing import NamedTuple

import numpy as np
import torch

from skhj.numerics.tensors import to_tensor
from skhj.operators.base import ForwardOperator

__all__ = ["CallableOperator", "NumpyOperator", "PhysicsOperator", "Signature"]


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


class NumpyOperator(ForwardOperator):
    """Linear operator that numpy carries out, such as one of scipy or PyLops.

    Tensors are copied to numpy and back, gradients too.

    Parameters
    ----------
    operator : scipy.sparse.linalg.LinearOperator
        An operator with ``matmat`` and ``rmatmat``.

    Examples
    --------
    >>> from scipy.sparse.linalg import LinearOperator
    >>> from skhj.operators import NumpyOperator
    >>> double = LinearOperator(
    ...     (2, 2), matvec=lambda x: 2 * x, rmatvec=lambda r: 2 * r, dtype=float
    ... )
    >>> NumpyOperator(double).matvec([1.0, 2.0])
    array([2., 4.])
    """

    def __init__(self, operator):
        super().__init__(operator.shape)
        self.operator = operator

    def _apply(self, x):
        return self._through_numpy("matmat", x, "{1} unknowns to {0} measurements")

    def _apply_adjoint(self, r):
        return self._through_numpy("rmatmat", r, "{0} measurements to {1} unknowns")

    def _through_numpy(self, method, rows, task):
        """Apply a method to the rows of a tensor, as columns of an array."""
        columns = rows.detach().cpu().double().numpy().T
        n_columns = sum(self.shape) - rows.shape[1]
        demand = (
            f"operator, of shape {self.shape}, must map {task.format(*self.shape)}, "
            f"{len(rows)} columns of real numbers, by {method}, which"
        )
        try:
            values = np.asarray(getattr(self.operator, method)(columns)).T
        except ValueError as error:
            raise ValueError(f"{demand} failed: {error}") from error
        if values.shape != (len(rows), n_columns) or np.iscomplexobj(values):
            raise ValueError(
                f"{demand} returned values of dtype {values.dtype}, "
                f"shape {values.shape}"
            )
        return to_tensor(values).to(rows)


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
