"""A fitted pair of networks, read as value function, prox and prior."""

from typing import NamedTuple

import numpy as np
import torch

from skhj import hamilton_jacobi as hj
from skhj.conjugate import invert_by_conjugate_gradients, newton_conjugate

__all__ = ["LearnedPrior", "PriorAnswer"]

# Points at a time: enough to fill the processor, few enough for the Hessians' memory.
ROWS, NEWTON_ROWS = 8192, 1024
# Relative to the spread of the data.
NEWTON_TOLERANCE, INVERSION_TOLERANCE = 1e-7, 1e-5
# Share of the mean curvature of psi that holds Newton's method near its first guess.
# Where grad psi_theta falls a little short of the true range, the exact conjugate
# would run far outside the data.
ANCHOR = 0.5


class PriorAnswer(NamedTuple):
    """The prior at some points.

    Attributes
    ----------
    value : ndarray of shape (n,)
        The prior J(y).
    gradient : ndarray of shape (n, d)
        Its gradient.
    solved : ndarray of shape (n,), dtype bool
        Whether the solver of the conjugate met its tolerance; always true of a
        network's answer.
    """

    value: np.ndarray
    gradient: np.ndarray
    solved: np.ndarray


class LearnedPrior:
    """Value function and prior of a fitted model, on numpy arrays in float64.

    Parameters
    ----------
    value_network : SemiconvexNetwork
        Minus the value function.
    prior_network : SemiconvexNetwork or None
        The prior, where a network was trained for it.
    t : float
        Time.
    """

    def __init__(self, value_network, prior_network, t):
        self.value_network = value_network
        self.prior_network = prior_network
        self.t = t

    def _tensor(self, X):
        device = self.value_network.unit_center.device
        return torch.tensor(np.ascontiguousarray(X, dtype=np.float64), device=device)

    def value_and_gradient(self, X):
        """Value function and its gradient at X, shapes (n,) and (n, d)."""
        value, gradient = _evaluate(self.value_network, self._tensor(X))
        return -value, -gradient

    def prior(self, X, method):
        """Prior and its gradient at X.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Points.
        method : {"network", "newton", "inversion"}
            The prior network's answer; the conjugate of the fitted potential by
            Newton's method, anchored at that answer; or by conjugate gradients from X.

        Returns
        -------
        PriorAnswer
            Values, gradients, and which of them were solved for.
        """
        X = self._tensor(X)
        if method == "network":
            value, gradient = _evaluate(self.prior_network, X)
            return PriorAnswer(value, gradient, np.ones(len(value), dtype=bool))
        answers = [self._conjugate(rows, method) for rows in X.split(NEWTON_ROWS)]
        return PriorAnswer(*map(np.concatenate, zip(*answers, strict=True)))

    def _conjugate(self, Y, method):
        length = float(self.value_network.unit_length)
        if method == "inversion":
            scale, tol = length, INVERSION_TOLERANCE
            solution = invert_by_conjugate_gradients(
                self._potential_and_gradient, Y, scale=scale, tol=tol
            )
        else:
            _, gradient = self.prior_network.value_and_gradient_at(Y)
            scale, tol = float(self.prior_network.unit_length), NEWTON_TOLERANCE
            solution = newton_conjugate(
                self._potential_and_gradient,
                self._potential_hessian,
                Y,
                Y + self.t * gradient,
                # The ratio is the mean curvature of psi, which maps x to y.
                anchor=ANCHOR * scale / length,
                scale=scale,
                tol=tol,
            )
        # In exact arithmetic (psi*(y) - |y|^2 / 2) / t, without its cancellation.
        S = -self.value_network.value_and_gradient_at(solution.point)[0]
        value = hj.prior_at_prox(solution.point, Y, S, self.t)
        gradient = hj.prior_gradient_from_point(Y, solution.point, self.t)
        # Conjugate gradients measure each component, and stop at round-off sooner.
        solved = solution.residual <= 10 * tol * scale
        return value.cpu().numpy(), gradient.cpu().numpy(), solved.cpu().numpy()

    def _potential_and_gradient(self, X):
        """Return psi and grad psi, from minus the value function."""
        value, gradient = self.value_network.value_and_gradient_at(X)
        return (
            hj.potential_from_value(X, -value, self.t),
            hj.prox_from_gradient(X, -gradient, self.t),
        )

    def _potential_hessian(self, X):
        identity = torch.eye(X.shape[1], dtype=X.dtype, device=X.device)
        return identity + self.t * self.value_network.hessian_at(X)


def _evaluate(network, X):
    """Value and gradient of a network, a block of rows at a time."""
    blocks = [network.value_and_gradient_at(rows) for rows in X.split(ROWS)]
    value, gradient = (torch.cat(parts) for parts in zip(*blocks, strict=True))
    return value.cpu().numpy(), gradient.cpu().numpy()
