"""A value function that is a minimum of quadratics: all of its times are exact."""

from skhj import hamilton_jacobi as hj
from skhj.priors.solved import solved_everywhere
from skhj.priors.value_model import ValueModel

__all__ = ["MinPlusModel"]


class MinPlusModel(ValueModel):
    """Value function and prior, on numpy arrays in double precision.

    The potential has kinks, where Newton's method would stall: what starts from S at
    the time t is solved by its pieces.

    Parameters
    ----------
    function : MinPlusFunction
        Minus the value function.
    t : float
        Time of the samples.
    prior_function : SemiconvexNetwork or None, default=None
        A network of the prior, where one was trained.
    method : {"exact", "network", "inversion"}, default="exact"
        How ``prior`` is computed.
    """

    def __init__(self, function, t, prior_function=None, method="exact"):
        super().__init__(function, t, prior_function, method)

    def _backward(self, X, time):
        left = self.t - time
        point = self.function.prox_at(X, left)
        S = -self.function.value_and_gradient_at(point)[0]
        gradient = (point - X) / left
        return solved_everywhere(S - left * hj.half_squared_norm(gradient), gradient)

    def prox_derivative(self, X, V, time):
        """Derivative of the prox at a time along directions.

        With z the end of the characteristic through x and s the time, the prox is
        x - s (z - x) / (t - s), also where z is on a kink.
        """
        left = self.t - time
        if left <= 0:
            return super().prox_derivative(X, V, time)

        def product(x, v):
            moved = self.function.prox_derivative_at(x, v, left)
            return v - time * (moved - v) / left

        return self._by_matrices(product, X, V)
