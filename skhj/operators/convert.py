"""Any operator that a user already has, as a ForwardOperator."""

from collections.abc import Sequence
from copy import deepcopy
from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse
import torch
from scipy.sparse.linalg import LinearOperator

from skhj.operators.base import ForwardOperator
from skhj.operators.matrices import DenseOperator, SparseOperator, check_matrix
from skhj.operators.numpy_operator import NumpyOperator
from skhj.operators.trial import (
    check_differentiable,
    find_signature,
    image_domains,
    row_domains,
)
from skhj.operators.wrapped import CallableOperator, PhysicsOperator

__all__ = ["as_operator"]


def as_operator(
    obj: Any,
    *,
    shape: Sequence[int] | None = None,
    image_shape: Sequence[int] | None = None,
) -> ForwardOperator:
    """Make a forward operator of what describes one.

    Parameters
    ----------
    obj : object
        One of

        - an array-like or a torch tensor of shape (M, N), dense or sparse;
        - a scipy or PyLops linear operator, with its adjoint ``rmatvec``;
        - an object with ``A`` and ``A_adjoint``, such as a physics of deepinv, which
          maps tensors of n images or of n rows;
        - a differentiable function of torch tensors, not necessarily linear, which
          maps n rows, or else n images, to n measurements. Its adjoint is found by
          autograd, at each iterate. One that takes both is given rows;
        - a `ForwardOperator`, which is returned as it is.
    shape : tuple of int or None, default=None
        The shape (M, N) that the operator must have: M measurements, N unknowns. A
        function of tensors needs it, or ``image_shape``.
    image_shape : tuple of int or None, default=None
        Shape (H, W) or (C, H, W) of a model, for what maps images, (n, C, H, W).

    Returns
    -------
    ForwardOperator
        The operator.

    Raises
    ------
    ValueError
        If ``obj`` describes no operator, or one of another shape, or is not finite.

    Examples
    --------
    >>> import torch
    >>> from skhj.operators import as_operator
    >>> as_operator([[1.0, 1.0]]).shape
    (1, 2)
    >>> as_operator(torch.sin, shape=(3, 3)).is_linear
    False
    """
    shape = _check_shape(shape)
    operator = _convert(obj, shape, image_shape)
    if shape is not None and operator.shape != shape:
        raise ValueError(
            f"operator must be of shape {shape}, (measurements, unknowns), to "
            f"match the data, got shape {operator.shape}"
        )
    return operator


def _check_shape(shape):
    if shape is None:
        return None
    sizes = tuple(shape) if np.iterable(shape) else (shape,)
    if len(sizes) != 2 or not all(isinstance(size, Integral) for size in sizes):
        raise ValueError(
            "shape must be (measurements, unknowns), two integers, or None, got "
            f"{shape!r}"
        )
    return int(sizes[0]), int(sizes[1])


def _convert(obj, shape, image_shape):
    if isinstance(obj, ForwardOperator):
        return obj
    if scipy.sparse.issparse(obj):
        return SparseOperator(check_matrix(obj))
    if _has(obj, "A", "A_adjoint"):
        domains = [*image_domains(obj, image_shape), *row_domains(shape)]
        signature = find_signature(obj.A, obj, domains, shape)
        return PhysicsOperator(obj, signature)
    if isinstance(obj, torch.Tensor):
        return _from_tensor(obj)
    if isinstance(obj, LinearOperator) or _has(obj, "matvec"):
        return _from_linear_operator(obj)
    function = obj.A if _has(obj, "A") else obj
    if callable(function):
        domains = [*row_domains(shape), *image_domains(obj, image_shape)]
        signature = find_signature(function, obj, domains, shape)
        return check_differentiable(CallableOperator(function, signature))
    return DenseOperator(check_matrix(obj))


def _has(obj, *methods):
    return all(callable(getattr(obj, method, None)) for method in methods)


def _from_tensor(tensor):
    tensor = tensor.detach().cpu()
    if tensor.is_complex():
        raise ValueError(f"operator must be real, got a tensor of {tensor.dtype}")
    if tensor.layout == torch.strided:
        return DenseOperator(check_matrix(tensor.double().numpy()))
    entries = tensor.to_sparse_coo().double().coalesce()
    if entries.ndim != 2:
        raise ValueError(
            "operator must be a matrix of shape (measurements, unknowns), got a sparse "
            f"tensor of shape {tuple(entries.shape)}"
        )
    matrix = scipy.sparse.coo_array(
        (entries.values().numpy(), tuple(entries.indices().numpy())), entries.shape
    )
    return SparseOperator(check_matrix(matrix.tocsr()))


def _from_linear_operator(obj):
    dtype = getattr(obj, "dtype", None)
    if dtype is not None and np.issubdtype(dtype, np.complexfloating):
        raise ValueError(f"operator must be real, got one of dtype {dtype}")
    if not hasattr(obj, "shape") and hasattr(obj, "dims"):
        obj = _from_torch_operator(obj)
    try:
        return NumpyOperator(obj)
    except NotImplementedError as error:
        raise ValueError(
            "operator must come with its adjoint, but its rmatvec is not implemented"
        ) from error
    except ValueError:
        if dtype is None or not np.issubdtype(dtype, np.integer):
            raise
        # PyLops' put real numbers into arrays of their own dtype.
        obj = deepcopy(obj)
        obj.dtype = np.dtype(np.float64)
        return NumpyOperator(obj)


def _from_torch_operator(obj):
    """Linear operator of a TorchOperator of PyLops, of vectors or of batches."""
    n_unknowns, n_measurements = (int(np.prod(d)) for d in (obj.dims, obj.dimsd))

    def of_vectors(product, dims):
        shapes = [(-1,), (1, -1), (1, *dims), dims]

        def vector_product(x):
            for shape in shapes[:-1]:
                try:
                    return np.asarray(product(x.reshape(shape))).ravel()
                except (ValueError, IndexError):  # it is one of another shape
                    continue
            return np.asarray(product(x.reshape(shapes[-1]))).ravel()

        return vector_product

    return LinearOperator(
        (n_measurements, n_unknowns),
        matvec=of_vectors(obj.matvec, obj.dims),
        rmatvec=of_vectors(obj.rmatvec, obj.dimsd),
        dtype=np.float64,
    )
