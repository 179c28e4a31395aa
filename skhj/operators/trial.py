"""What a function of tensors takes, returns and is, found by trying it."""

from itertools import chain

import torch

from skhj.operators.wrapped import LinearFunctionOperator, Signature

__all__ = ["check_differentiable", "find_signature", "image_domains", "row_domains"]


def row_domains(shape):
    """Shape of one model as a row, where a shape tells it.

    Parameters
    ----------
    shape : tuple of int or None
        Shape (M, N) of the operator.

    Returns
    -------
    list of tuple of int
        The shape (N,), or none.
    """
    return [] if shape is None else [(int(shape[1]),)]


def image_domains(obj, image_shape):
    """Shape of one image: the one given, else the one that the object tells.

    Parameters
    ----------
    obj : object
        The operator; it may have an attribute ``img_size``.
    image_shape : tuple of int or None
        The shape that was given.

    Returns
    -------
    list of tuple of int
        The shape (C, H, W), or none.
    """
    if image_shape is None:
        image_shape = getattr(obj, "img_size", None)
    if image_shape is None:
        return []
    image_shape = tuple(int(size) for size in image_shape)
    return [image_shape if len(image_shape) == 3 else (1, *image_shape)]


def find_signature(function, owner, domains, shape):
    """Signature with which a function of tensors runs, found by trying.

    Parameters
    ----------
    function : callable
        The function.
    owner : object
        What may hold its parameters: these tell its dtype and device.
    domains : list of tuple of int
        Shapes of one model to try, in turn.
    shape : tuple of int or None
        Shape (M, N) that the operator must have.

    Returns
    -------
    Signature
        The first that fits.

    Raises
    ------
    ValueError
        If none does.
    """
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
    device = None if _runs_on_gpus(function, domain, dtype) else torch.device("cpu")
    return Signature(domain, codomain, None if len(codomains) == 2 else dtype, device)


def _runs_on_gpus(function, domain, dtype):
    """Whether a function that runs on the CPU does so where its argument is."""
    if not torch.cuda.is_available():
        return True
    try:
        _codomain(function, domain, dtype, torch.device("cuda"))
    except Exception:  # foreign code raises what it likes
        return False
    return True


def check_differentiable(operator):
    """The operator, or one of a linear function that is differentiable once.

    Parameters
    ----------
    operator : CallableOperator
        The operator.

    Returns
    -------
    ForwardOperator
        It, or a linear operator of its function.

    Raises
    ------
    ValueError
        If it cannot be differentiated as often as it must be.
    """
    M, N = operator.shape
    dtype = operator.signature.dtype or torch.float32
    generator = torch.Generator().manual_seed(0)
    # As in the trial before, near a half: a function may know positive numbers alone.
    x, r = (
        (0.25 + torch.rand(2, size, dtype=dtype, generator=generator) / 2)
        for size in (N, M)
    )
    x.requires_grad_(), r.requires_grad_()
    try:
        operator.adjoint(r.detach(), x.detach())
    except RuntimeError as error:
        raise ValueError(
            "operator must be differentiable by torch where it is a function of "
            f"tensors without A_adjoint: {error}"
        ) from error
    try:
        # Training differentiates the adjoint.
        torch.autograd.grad(operator.adjoint(r, x).sum(), r)
    except RuntimeError as error:
        if not _is_linear(operator, x.detach()):
            raise ValueError(
                "operator must be differentiable twice by torch, or linear, where it "
                f"is a function of tensors: {error}"
            ) from error
        return LinearFunctionOperator(operator.function, operator.signature)
    return operator


def _is_linear(operator, x, *, tolerance=1e-3):
    """Whether sums and multiples of two models are measured as such."""
    weights = x.new_tensor([[-1000.0], [700.0]])
    try:
        with torch.no_grad():
            measured = operator.forward(x)
            together = operator.forward((weights * x).sum(0, keepdim=True))
    except Exception:  # foreign code raises what it likes
        return False
    expected = (weights * measured).sum(0, keepdim=True)
    return bool((together - expected).norm() <= tolerance * expected.norm())


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
