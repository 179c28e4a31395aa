r"""A model of the prior itself: the value function is its forward solution."""

import torch

from skhj import hamilton_jacobi as hj
from skhj.priors.envelope.lax_oleinik import lax_oleinik
from skhj.priors.model import Model
from skhj.priors.solved import Solved, solved_everywhere

__all__ = ["PriorModel"]


class PriorModel(Model):
    r"""Value function and prior, on numpy arrays in double precision.

    With the prior as the model, every value function up to time t is

    .. math:: S(x, s) = \min_y J(y) + \frac{|x - y|^2}{2 s},

    whose minimiser is the proximal operator of s J.

    Parameters
    ----------
    function : SemiconvexNetwork
        The prior.
    t : float
        Time of the samples.
    start : SemiconvexNetwork
        A rough model of minus the value function, whose prox is a first guess.
    """

    # The prior's function answers by itself.
    method = "network"

    def __init__(self, function, t, start):
        self.function = function
        self.t = t
        self.start = start

    @property
    def functions(self):
        """The function of the value, which only starts, and that of the prior."""
        return self.start, self.function

    def prior(self, Y):
        """Prior at points, as a `Solved`."""

        def prior(y):
            return solved_everywhere(*self.function.value_and_gradient_at(y))

        return self._in_blocks(prior, Y, 128)

    def evolve(self, X, time):
        """Value function S(x, time) for 0 < time <= t, as a `Solved`."""

        def forward(x):
            guess = x + time * self.start.value_and_gradient_at(x)[1]
            value, prox, solved = lax_oleinik(self.function, x, guess, time)
            gradient = hj.value_gradient_from_prox(x, prox, time)
            return Solved(value, gradient, solved)

        return self._in_blocks(forward, X, 1024)

    def prox_derivative(self, X, V, time):
        """Derivative of the prox at a time along directions.

        That is (I + s H)^{-1}, with the Hessian H of J at the proximal point.
        """
        prox = hj.prox_from_gradient(X, self.evolve(X, time).gradient, time)

        def product(p, v):
            identity = torch.eye(v.shape[1], dtype=v.dtype, device=v.device)
            return torch.linalg.solve(identity + time * self.function.hessian_at(p), v)

        return self._by_matrices(product, prox, V)
