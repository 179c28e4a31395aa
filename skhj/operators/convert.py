"""Any operator that a user already has, as a ForwardOperator."""

from itertools import chain

import numpy as np
import scipy.sparse
import torch
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from sklearn.utils import check_array

from skhj.operators.base import ForwardOperator
from skhj.operators.matrices import DenseOperator, SparseOperator
from skhj.operators.wrapped import (
    CallableOperator,
    NumpyOperator,
    PhysicsOperator,
    Signature,
)

__all__ = ["as_operator"]


def as_operator(obj, *, shape=None, image_shape=None):
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
    operator = _convert(obj, shape, image_shape)
    if shape is not None and operator.shape != tuple(shape):
        raise ValueError(
            f"operator must be of shape {tuple(shape)}, (measurements, unknowns), to "
            f"match the data, got shape {operator.shape}"
        )
    return operator


def _convert(obj, shape, image_shape):
    if isinstance(obj, ForwardOperator):
        return obj
    if _has(obj, "A", "A_adjoint"):
        domains = [*_image_domains(obj, image_shape), *_row_domains(shape)]
        signature = _find_signature(obj.A, obj, domains, shape)
        return PhysicsOperator(obj, signature)
    if isinstance(obj, torch.Tensor):
        return _from_tensor(obj)
    if scipy.sparse.issparse(obj):
        return SparseOperator(_check_matrix(obj))
    if isinstance(obj, LinearOperator) or _has(obj, "matvec"):
        return _from_linear_operator(obj)
    function = obj.A if _has(obj, "A") else obj
    if callable(function):
        domains = [*_row_domains(shape), *_image_domains(obj, image_shape)]
        signature = _find_signature(function, obj, domains, shape)
        return _check_differentiable(CallableOperator(function, signature))
    return DenseOperator(_check_matrix(obj))


def _has(obj, *methods):
    return all(callable(getattr(obj, method, None)) for method in methods)


def _check_matrix(matrix):
    """Finite float64 matrix, in scikit-learn's words where it is none."""
    matrix = matrix.tocsr() if scipy.sparse.issparse(matrix) else _numbers(matrix)
    if matrix.ndim == 1:
        raise ValueError(
            "operator must be a matrix of shape (measurements, unknowns), got an array "
            f"of shape {matrix.shape}; one measurement is a matrix of one row, "
            "operator.reshape(1, -1)"
        )
    return check_array(
        matrix, accept_sparse=True, dtype=np.float64, copy=True, input_name="operator"
    )


def _numbers(given):
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
            "operator must be a matrix of numbers, a linear operator, a function of "
            f"tensors or an object with A and A_adjoint, got {kind}"
        )
    return array


def _from_tensor(tensor):
    tensor = tensor.detach().cpu()
    if tensor.is_complex():
        raise ValueError(f"operator must be real, got a tensor of {tensor.dtype}")
    if tensor.layout == torch.strided:
        return DenseOperator(_check_matrix(tensor.double().numpy()))
    entries = tensor.to_sparse_coo().double().coalesce()
    if entries.ndim != 2:
        raise ValueError(
            "operator must be a matrix of shape (measurements, unknowns), got a sparse "
            f"tensor of shape {tuple(entries.shape)}"
        )
    matrix = scipy.sparse.coo_array(
        (entries.values().numpy(), tuple(entries.indices().numpy())), entries.shape
    )
    return SparseOperator(_check_matrix(matrix.tocsr()))


def _from_linear_operator(obj):
    dtype = getattr(obj, "dtype", None)
    if dtype is not None and np.issubdtype(dtype, np.complexfloating):
        raise ValueError(f"operator must be real, got one of dtype {dtype}")
    operator = NumpyOperator(aslinearoperator(obj))
    try:
        operator.adjoint(torch.zeros(1, operator.shape[0], dtype=torch.float64))
    except (NotImplementedError, AttributeError, TypeError) as error:
        raise ValueError(
            "operator must come with its adjoint, but its rmatvec is not implemented"
        ) from error
    return operator


def _row_domains(shape):
    return [] if shape is None else [(int(shape[1]),)]


def _image_domains(obj, image_shape):
    """Shapes of one image: the one given, else the one that the object tells."""
    if image_shape is None:
        image_shape = getattr(obj, "img_size", None)
    if image_shape is None:
        return []
    image_shape = tuple(int(size) for size in image_shape)
    return [image_shape if len(image_shape) == 3 else (1, *image_shape)]


def _find_signature(function, owner, domains, shape):
    """Signature with which a function of tensors runs, found by trying."""
    if not domains:
        raise ValueError(
            "operator is a function of tensors, which does not tell the shapes it "
            "takes: give shape=(measurements, unknowns) or image_shape"
        )
    refusals = []
    for domain in domains:
        try:
            signature = _try_domain(function, owner, domain)
        except Exception as error:  # foreign code raises what it likes
            refusals.append(f"{(2, *domain)}: {type(error).__name__}: {error}")
            continue
        if shape is None or signature.matrix_shape == tuple(shape):
            return signature
        refusals.append(
            f"{(2, *domain)}: it returns {signature.matrix_shape[0]} values a sample "
            f"and must return {shape[0]} to be of shape {tuple(shape)}"
        )
    raise ValueError(
        "operator must map tensors of n models to n measurements; tried with two "
        "models, of shape " + "; of shape ".join(refusals)
    )


def _try_domain(function, owner, domain):
    """Signature of a function for models of one shape, or whatever error it raises."""
    dtype, device = _own_place(owner)
    if dtype is not None:
        return Signature(
            domain, _codomain(function, domain, dtype, device), *(dtype, device)
        )
    codomains, errors = {}, []
    for dtype in (torch.float32, torch.float64):
        try:
            codomains[dtype] = _codomain(function, domain, dtype, None)
        except Exception as error:  # it may know only one dtype
            errors.append(error)
    if not codomains:
        raise errors[0]
    dtype, codomain = next(iter(codomains.items()))
    return Signature(domain, codomain, None if len(codomains) == 2 else dtype)


def _check_differentiable(operator):
    M, N = operator.shape
    dtype = operator.signature.dtype or torch.float32
    try:
        operator.adjoint(torch.ones(1, M, dtype=dtype), torch.ones(1, N, dtype=dtype))
    except RuntimeError as error:
        raise ValueError(
            "operator must be differentiable by torch where it is a function of "
            f"tensors without A_adjoint: {error}"
        ) from error
    return operator


def _codomain(function, domain, dtype, device):
    """Shape of one of the measurements that a function makes of two models."""
    values = function(torch.full((2, *domain), 0.5, dtype=dtype, device=device))
    if not isinstance(values, torch.Tensor) or values.is_complex():
        raise TypeError(
            "measurements must be a real tensor, got "
            f"{getattr(values, 'dtype', type(values).__name__)}"
        )
    if values.ndim == 0 or len(values) != 2:
        raise ValueError(
            f"measurements must be of 2 samples too, got shape {tuple(values.shape)}"
        )
    return tuple(values.shape[1:])


def _own_place(owner):
    """Floating dtype and device of a module's tensors; (None, None) if it has none."""
    tensors = chain(
        *(getattr(owner, name, tuple)() for name in ("parameters", "buffers"))
    )
    for tensor in tensors:
        if tensor.is_floating_point():
            return tensor.dtype, tensor.device
    return None, None
