r"""A model of the value function: the prior is its backward solution."""

import torch

from skhj import hamilton_jacobi as hj
from skhj.priors.conjugation import CONJUGATIONS, Newton, prox_of
from skhj.priors.model import Model
from skhj.priors.solved import Solved, solved_everywhere

__all__ = ["ValueModel"]


class ValueModel(Model):
    r"""Value function and prior, on numpy arrays in double precision.

    With minus the value function as the model, every earlier time is

    .. math:: S(x, s) = \max_z S(z, t) - \frac{|x - z|^2}{2 (t - s)},

    a proximal operator of -(t - s) S.

    Parameters
    ----------
    function : SemiconvexNetwork or SplineNetwork
        Minus the value function.
    t : float
        Time of the samples.
    prior_function : SemiconvexNetwork or None, default=None
        A network of the prior, where one was trained.
    method : {"exact", "network", "newton", "inversion"}, default="newton"
        How ``prior`` is computed, see `skhj.priors.conjugation`.
    """

    def __init__(self, function, t, prior_function=None, method="newton"):
        self.function = function
        self.t = t
        self.prior_function = prior_function
        self.method = method

    @property
    def functions(self):
        """The function of the value and that of the prior, or None."""
        return self.function, self.prior_function

    @property
    def length(self):
        """Spread of the narrower of the samples and their proximal points."""
        return min(float(function.unit_length) for function in self._present)

    def value(self, X):
        """Value function S(x, t) at points, with gradients, as a `Solved`."""

        def value(x):
            w, gradient = self.function.value_and_gradient_at(x)
            return solved_everywhere(-w, -gradient)

        return self._in_blocks(value, X, 128)

    def prior(self, Y, method=None):
        """Prior at points, as a `Solved`, by this or another method."""
        way = CONJUGATIONS[method or self.method]
        row_size = way.row_size_of(Y.shape[1])
        return self._in_blocks(lambda y: way.prior(self, y), Y, row_size)

    def evolve(self, X, time):
        """Value function S(x, time) for 0 < time < t, as a `Solved`."""
        row_size = Newton().row_size_of(X.shape[1])
        return self._in_blocks(lambda x: self._backward(x, time), X, row_size)

    def prox_derivative(self, X, V, time):
        r"""Derivative of the prox at a time along directions.

        The prox at the time s is that at t of the end z of the characteristic through
        x, z = x + (t - s) grad S(x, s) = x + (t - s) grad S(z, t). With H the Hessian
        of -S(., t) at z, the derivative is (I + t H) (I + (t - s) H)^{-1}.
        """
        left = self.t - time
        ends = X + left * self.evolve(X, time).gradient if left else X

        def product(z, v):
            hessian = self.function.hessian_at(z)
            if left:
                identity = torch.eye(v.shape[1], dtype=v.dtype, device=v.device)
                v = torch.linalg.solve(identity + left * hessian, v)
            return v + self.t * (hessian @ v[:, :, None])[:, :, 0]

        return self._by_matrices(product, ends, V)

    def with_prior(self, method, prior_function=None):
        """The same value function with a way to compute the prior."""
        return type(self)(self.function, self.t, prior_function, method)

    def first_point(self, Y):
        """Guess of the x with grad psi(x) = y, from tensors."""
        if self.prior_function is not None:
            return Y + self.t * self.prior_function.value_and_gradient_at(Y)[1]
        return self.function.conjugate_start(Y)

    def _backward(self, X, time):
        """S(x, time) as the largest value whose paraboloids stay above S(., t)."""
        left = self.t - time
        S_gradient = -self.function.value_and_gradient_at(X)[1]
        early = (self.first_point(X) - X) / self.t
        guess = X + left * (early * (left / self.t) + S_gradient * (time / self.t))
        point, solved = prox_of(self, left, X, guess)
        S = -self.function.value_and_gradient_at(point)[0]
        gradient = (point - X) / left
        return Solved(S - left * hj.half_squared_norm(gradient), gradient, solved)
