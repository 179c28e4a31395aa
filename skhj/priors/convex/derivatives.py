"""Value, gradient and Hessian of a scalar torch module, by its own rules if any."""

import torch

__all__ = ["hessian", "value_and_gradient"]


def value_and_gradient(module, x, *, create_graph=False):
    """Value and gradient of a module that maps (n, d) to (n,).

    Parameters
    ----------
    module : nn.Module
        The function. Its method ``value_and_gradient`` is used where it has one.
    x : Tensor of shape (n, d)
        Points; neither the tensor nor its ``requires_grad`` is changed.
    create_graph : bool, default=False
        Whether the results can be differentiated by the module's parameters.

    Returns
    -------
    value : Tensor of shape (n,)
        Values.
    gradient : Tensor of shape (n, d)
        Gradients.
    """
    if hasattr(module, "value_and_gradient"):
        with torch.set_grad_enabled(create_graph):
            return module.value_and_gradient(x)
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        value = module(x)
        (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=create_graph)
    return (value, gradient) if create_graph else (value.detach(), gradient)


def hessian(module, x):
    """Hessian of a module that maps (n, d) to (n,), row by row.

    Parameters
    ----------
    module : nn.Module
        The function. Its method ``hessian`` is used where it has one.
    x : Tensor of shape (n, d)
        Points.

    Returns
    -------
    Tensor of shape (n, d, d)
        Symmetric matrices.
    """
    if hasattr(module, "hessian"):
        with torch.no_grad():
            return module.hessian(x)
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(module(x).sum(), x, create_graph=True)
        if not gradient.requires_grad:  # A piecewise affine module.
            return x.new_zeros(*x.shape, x.shape[1])
        rows = [
            torch.autograd.grad(gradient[:, j].sum(), x, retain_graph=True)[0]
            for j in range(x.shape[1])
        ]
    return torch.stack(rows, dim=1)
