"""Operators held as a matrix, dense or sparse."""

from typing import Any

import numpy as np
import scipy.sparse
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from skhj.operators.base import ForwardOperator

__all__ = ["DenseOperator", "SparseOperator", "check_matrix"]


def check_matrix(matrix, name="operator"):
    """Finite float64 matrix, in scikit-learn's words where it is none.

    Parameters
    ----------
    matrix : array-like or sparse matrix of shape (M, N)
        The matrix.
    name : str, default="operator"
        What errors call it.

    Returns
    -------
    ndarray or scipy.sparse matrix of shape (M, N)
        A copy.

    Raises
    ------
    TypeError, ValueError
        If it is no matrix of finite real numbers.
    """
    is_sparse = scipy.sparse.issparse(matrix)
    matrix = matrix.tocsr() if is_sparse else _numbers(matrix, name)
    if matrix.ndim == 1:
        raise ValueError(
            f"{name} must be a matrix of shape (measurements, unknowns), got an array "
            f"of shape {matrix.shape}; one measurement is a matrix of one row, "
            f"{name}.reshape(1, -1)"
        )
    return check_array(
        matrix, accept_sparse=True, dtype=np.float64, copy=True, input_name=name
    )


def _numbers(given, name):
    """Array of numbers, of one or two axes."""
    try:
        array = np.asarray(given)
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
    except (TypeError, ValueError):  # rows of several lengths, objects
        array = np.asarray("")
    if array.dtype.kind not in "buifc" or array.ndim not in (1, 2):
        kind = type(given).__name__
        if isinstance(given, np.ndarray):
            kind = f"an array of shape {given.shape} and dtype {given.dtype}"
        raise ValueError(
            f"{name} must be a matrix of numbers, a linear operator, a function of "
            f"tensors or an object with A and A_adjoint, got {kind}"
        )
    return array


class _MatrixOperator(ForwardOperator):
    """A matrix in numpy's hands, with copies for the dtypes and devices it has met."""

    def _hold(self, matrix):
        super().__init__(matrix.shape)
        self.matrix = matrix
        self._copies = {}

    def _copy_like(self, rows):
        place = rows.dtype, rows.device
        if place not in self._copies:
            self._copies[place] = self._to_torch(*place)
        return self._copies[place]


class DenseOperator(_MatrixOperator):
    """Operator given by a dense matrix.

    Parameters
    ----------
    matrix : ndarray of shape (M, N)
        The matrix, finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.operators import DenseOperator
    >>> DenseOperator(np.eye(2)).dense().shape
    torch.Size([2, 2])
    """

    def __init__(self, matrix: ArrayLike) -> None:
        self._hold(check_matrix(matrix, "matrix"))

    def _to_torch(self, dtype, device):
        return torch.tensor(self.matrix, dtype=dtype, device=device)

    def _apply(self, x):
        return x @ self._copy_like(x).T

    def _apply_adjoint(self, r):
        return r @ self._copy_like(r)


class SparseOperator(_MatrixOperator):
    """Operator given by a sparse matrix.

    Parameters
    ----------
    matrix : scipy.sparse array of shape (M, N)
        The matrix, finite.

    Examples
    --------
    >>> import scipy.sparse
    >>> from skhj.operators import SparseOperator
    >>> SparseOperator(scipy.sparse.eye_array(3)).shape
    (3, 3)
    """

    def __init__(self, matrix: Any) -> None:
        self._hold(scipy.sparse.csr_array(check_matrix(matrix, "matrix")))

    def _to_torch(self, dtype, device):
        values = torch.tensor(self.matrix.data, dtype=dtype)
        if device.type == "cpu":  # where scipy's products are 5 to 10 times faster
            return self.matrix.astype(values.numpy().dtype)
        coordinates = self.matrix.tocoo()
        indices = torch.tensor(np.stack([coordinates.row, coordinates.col]))
        return torch.sparse_coo_tensor(
            indices.long(),
            values,
            size=self.shape,
            device=device,
            check_invariants=True,
        ).coalesce()

    def _apply(self, x):
        return _times_rows(self._copy_like(x), x)

    def _apply_adjoint(self, r):
        return _times_rows(self._copy_like(r).T, r)


def _times_rows(matrix, rows):
    """Product of a sparse matrix, of torch or scipy, with each row."""
    if isinstance(matrix, torch.Tensor):
        return torch.sparse.mm(matrix, rows.T).T
    return torch.from_numpy(matrix @ rows.detach().numpy().T).T
