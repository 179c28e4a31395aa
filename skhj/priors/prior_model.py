r"""A model of the prior itself: the value function is its forward solution."""

from skhj import hamilton_jacobi as hj
from skhj.numerics.threads import threads_for
from skhj.priors.envelope.lax_oleinik import lax_oleinik
from skhj.priors.solved import Solved, solved_everywhere, solved_in_blocks

__all__ = ["PriorModel"]


class PriorModel:
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

    def _n_products(self, n_rows):
        """Multiplications of one step of a query of so many points."""
        tensors = (t for f in self.functions for t in f.state_dict().values())
        return n_rows * sum(tensor.numel() for tensor in tensors)

    def value(self, X):
        """Value function S(x, t) at points, with gradients, as a `Solved`."""
        return self.evolve(X, self.t)

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

    def shift_(self, constant):
        """Add a constant to the value function and the prior, in place."""
        self.start.shift_(-constant)
        self.function.shift_(constant)

    def _in_blocks(self, function, X, row_size):
        device = self.function.unit_center.device
        with threads_for(self._n_products(len(X))):
            return solved_in_blocks(function, X, device=device, row_size=row_size)
