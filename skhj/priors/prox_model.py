"""A prior whose prox is exact: the value function is its forward solution."""

from skhj import hamilton_jacobi as hj
from skhj.priors.model import Model
from skhj.priors.solved import Solved, solved_everywhere

__all__ = ["ProxModel"]


class ProxModel(Model):
    """Value function and prior, on numpy arrays in double precision.

    Parameters
    ----------
    function : PolyhedralFunction or SortedFunction
        The prior, with ``prox_at`` and ``prox_derivative_at`` for every time.
    t : float
        Time of the samples.
    """

    method = "exact"

    def __init__(self, function, t):
        self.function = function
        self.t = t

    @property
    def functions(self):
        """There is none of the value; that of the prior."""
        return None, self.function

    def prior(self, Y):
        """Prior at points, as a `Solved`."""

        def prior(y):
            return solved_everywhere(*self.function.value_and_gradient_at(y))

        return self._in_blocks(prior, Y, 128)

    def evolve(self, X, time):
        """Value function S(x, time) for 0 < time <= t, as a `Solved`."""

        def forward(x):
            point, solved = self.function.prox_at(x, time)
            value, _ = self.function.value_and_gradient_at(point)
            gradient = hj.value_gradient_from_prox(x, point, time)
            return Solved(
                value + hj.half_squared_norm(x - point) / time, gradient, solved
            )

        return self._in_blocks(forward, X, 1024)

    def prox_derivative(self, X, V, time):
        """Derivative of the prox at a time along directions."""

        def product(x, v):
            return self.function.prox_derivative_at(x, v, time)

        return self._by_matrices(product, X, V)
