"""A function w with |x|^2 / 2 + t w(x) convex, whatever it is made of."""

import torch
from torch import nn

from skhj.numerics.tensors import to_tensor

__all__ = ["SemiconvexFunction"]


class SemiconvexFunction(nn.Module):
    """Base of the functions that models are made of: minus the value function, a prior.

    A subclass has the buffers ``unit_center``, ``unit_length`` and ``unit_intercept``,
    a constant that w contains as it is.
    """

    # Whether the potential is a sum in a basis, and its conjugate known exactly.
    is_additive = False

    def hold(self, tables):
        """Keep the arrays of a named tuple as buffers of the same names."""
        for name, table in tables._asdict().items():
            self.register_buffer(name, to_tensor(table))

    def to_own(self, array):
        """An array as a tensor, where the function is."""
        return to_tensor(array, device=self.unit_center.device)

    def value_and_gradient_at(self, x):
        """Value and gradient of w at x, in the caller's units."""
        raise NotImplementedError

    def hessian_at(self, x):
        """Hessian of w at x, in the caller's units, shape (n, d, d)."""
        raise NotImplementedError

    def conjugate_start(self, y):
        """First guess of the point where the potential's conjugate at y is attained."""
        return y

    @torch.no_grad()
    def shift_(self, constant):
        """Add a constant to w, in place."""
        self.unit_intercept += constant

    def to_arrays(self):
        """All weights and buffers, as a dict of numpy arrays."""
        return {name: t.cpu().numpy() for name, t in self.state_dict().items()}
