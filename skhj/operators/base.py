"""The protocol of forward operators: scipy's LinearOperator, on torch tensors too."""

from collections.abc import Sequence
from typing import overload

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator

from skhj.numerics.blocks import row_blocks
from skhj.numerics.tensors import to_tensor

__all__ = ["ForwardOperator"]


class ForwardOperator(LinearOperator):
    """Base of the operators A from models x in R^N to measurements b in R^M.

    It is a `scipy.sparse.linalg.LinearOperator` of shape (M, N), and acts on torch
    tensors too, one row a sample, on their device and in their dtype, differentiably.
    A subclass implements ``_apply(x)`` and ``_apply_adjoint(r)`` on tensors of shapes
    (n, N) and (n, M); each is the derivative of the other, whatever they are made of.

    Parameters
    ----------
    shape : tuple of int
        (M, N).

    Attributes
    ----------
    is_linear : bool
        Whether A is linear. If not, its adjoint is that of its derivative.

    Examples
    --------
    >>> import torch
    >>> from skhj.operators import as_operator
    >>> A = as_operator([[1.0, 2.0]])
    >>> A.forward(torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[11.],
            [ 2.]])
    >>> A.adjoint(torch.tensor([[1.0]]))
    tensor([[1., 2.]])
    >>> A.matvec([3.0, 4.0])
    array([11.])
    """

    is_linear = True

    def __init__(self, shape: Sequence[int]) -> None:
        try:
            super().__init__(np.float64, shape)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "shape must be two numbers, of measurements and unknowns, got "
                f"{shape!r}"
            ) from error

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Measurements A x of models.

        Parameters
        ----------
        x : Tensor of shape (n, N)
            Models.

        Returns
        -------
        Tensor of shape (n, M)
            Measurements, on the device of x and in its dtype.

        Raises
        ------
        ValueError
            If x is not of shape (n, N).
        """
        self._check_rows("x", x, self.shape[1])
        return _Product.apply(x, self, False)

    @overload
    def adjoint(self, r: None = None, x: None = None) -> LinearOperator: ...

    @overload
    def adjoint(
        self, r: torch.Tensor, x: torch.Tensor | None = None
    ) -> torch.Tensor: ...

    def adjoint(
        self, r: torch.Tensor | None = None, x: torch.Tensor | None = None
    ) -> torch.Tensor | LinearOperator:
        """Adjoint A^T r of residuals, or scipy's adjoint operator without arguments.

        Parameters
        ----------
        r : Tensor of shape (n, M)
            Residuals.
        x : Tensor of shape (n, N) or None, default=None
            Iterates, at which a non-linear operator is differentiated; a linear one
            does without.

        Returns
        -------
        Tensor of shape (n, N)
            Back-projected residuals, on the device of r and in its dtype.

        Raises
        ------
        ValueError
            If r is not of shape (n, M).
        """
        if r is None:
            return super().adjoint()
        self._check_rows("r", r, self.shape[0])
        return _Product.apply(r, self, True)

    H = property(adjoint)

    def dense(
        self,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
        *,
        max_entries: int = 4_000_000,
    ) -> torch.Tensor | None:
        """Matrix of the operator, where that is worth it.

        Parameters
        ----------
        dtype : torch.dtype, default=torch.float64
            Data type.
        device : torch.device or str, default="cpu"
            Device.
        max_entries : int, default=4_000_000
            Entries up to which it is worth holding as a matrix: 32 MB in float64.

        Returns
        -------
        Tensor of shape (M, N) or None
            The matrix; None where the operator is not linear or has more entries.
        """
        M, N = self.shape
        if not self.is_linear or max_entries < M * N:
            return None
        with torch.no_grad():
            identity = torch.eye(min(M, N), dtype=dtype, device=device)
            # A wide matrix is its adjoint of M rows, a tall one its image of N.
            return self.adjoint(identity) if M < N else self.forward(identity).T

    def _apply(self, x):
        raise NotImplementedError

    def _apply_adjoint(self, r):
        raise NotImplementedError

    def data(self, X: np.ndarray) -> np.ndarray:
        """Measurements of models that are numpy arrays, a block at a time.

        Parameters
        ----------
        X : ndarray of shape (n, N)
            Models.

        Returns
        -------
        ndarray of shape (n, M)
            Measurements.
        """
        return self._by_blocks(self.forward, X)

    def _matmat(self, X):
        return self.data(X.T).T

    def _rmatvec(self, x):  # which an older scipy does not make of the next
        return self._rmatmat(x.reshape(-1, 1)).reshape(-1)

    def _rmatmat(self, X):
        return self._by_blocks(self.adjoint, X.T).T

    def _by_blocks(self, product, rows, *, block_size=2**24):
        """Products with rows that are an array, in float32 if they are, or float64.

        A block holds 128 MiB of models or measurements at most: an operator may work
        on many more numbers than these.
        """
        dtype = np.float32 if rows.dtype == np.float32 else np.float64
        blocks = row_blocks(len(rows), max(self.shape), block_size=block_size)
        blocks = blocks or [slice(0)]
        with torch.no_grad():
            return np.concatenate(
                [product(to_tensor(rows[b], dtype=dtype)).numpy() for b in blocks]
            )

    def _check_rows(self, name, rows, n_columns):
        if rows.ndim != 2 or rows.shape[1] != n_columns:
            raise ValueError(
                f"{name} must be of shape (n, {n_columns}) for an operator of shape "
                f"{self.shape}, got {tuple(rows.shape)}"
            )

    def __getstate__(self):
        # What scipy's constructor makes stays behind: since 1.18 it holds a module.
        # And so do copies on devices.
        bare = object.__new__(ForwardOperator)
        LinearOperator.__init__(bare, np.float64, self.shape)
        state = {name: v for name, v in vars(self).items() if name not in vars(bare)}
        state["shape"] = self.shape
        return state | ({"_copies": {}} if "_copies" in state else {})

    def __setstate__(self, state):
        LinearOperator.__init__(self, np.float64, state["shape"])
        vars(self).update(state)

    def __sklearn_clone__(self):
        # An operator is part of the problem, not a parameter to copy or to tune.
        return self


class _Product(torch.autograd.Function):
    """A x or A^T r: linear maps, each the other's derivative, to any order."""

    @staticmethod
    def forward(ctx, rows, operator, transposed):
        ctx.operator, ctx.transposed = operator, transposed
        return (operator._apply_adjoint if transposed else operator._apply)(rows)

    @staticmethod
    def backward(ctx, gradient):
        return _Product.apply(gradient, ctx.operator, not ctx.transposed), None, None
