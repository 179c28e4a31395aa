"""A fitted pair of networks, read as value function, prox and prior at any time."""

from typing import NamedTuple

import numpy as np
import torch

from skhj import hamilton_jacobi as hj
from skhj.numerics.conjugate import invert_by_conjugate_gradients, newton_conjugate
from skhj.priors.envelope.lax_oleinik import lax_oleinik
from skhj.priors.splines.network import SplineNetwork

__all__ = ["LearnedPrior", "Solved"]

# Points at a time: enough to fill the processor, few enough for the Hessians' memory.
ROWS, NEWTON_ROWS = 8192, 1024
# Relative to the spread of the data.
NEWTON_TOLERANCE, INVERSION_TOLERANCE = 1e-7, 1e-5
# Ill-conditioned directions of splines can take more than a hundred.
MOST_STEPS = 200
# Share of the mean curvature of psi that holds Newton's method near its first guess.
# Where grad psi_theta falls a little short of the true range, the exact conjugate
# would run far outside the data.
ANCHOR = 0.5


class Solved(NamedTuple):
    """A function at some points, and where a solver fell short of it.

    Attributes
    ----------
    value : ndarray of shape (n,)
        Values.
    gradient : ndarray of shape (n, d)
        Gradients.
    solved : ndarray of shape (n,), dtype bool
        Whether the solver met its tolerance; always true where none was needed.
    """

    value: np.ndarray
    gradient: np.ndarray
    solved: np.ndarray


class LearnedPrior:
    r"""Value function and prior of a fitted model, on numpy arrays in float64.

    One of the two networks is the model, the other helps it: minus the value function,
    from which the prior is the backward solution, or the prior, from which the value
    function is the forward one,

    .. math::

        S(x, s) = \max_z S(z, t) - \frac{|x - z|^2}{2 (t - s)} \qquad\text{or}\qquad
        S(x, s) = \min_y J(y) + \frac{|x - y|^2}{2 s}.

    Either is a proximal operator: of -(t - s) S, or of s J.

    Parameters
    ----------
    value_network : SemiconvexNetwork or SplineNetwork
        Minus the value function; with ``value_by_minimisation``, a first guess of it.
    prior_network : SemiconvexNetwork or None
        The prior, where a network was trained for it.
    t : float
        Time of the samples.
    value_by_minimisation : bool, default=False
        Whether the prior's network is the model.
    """

    def __init__(self, value_network, prior_network, t, *, value_by_minimisation=False):
        self.value_network = value_network
        self.prior_network = prior_network
        self.t = t
        self.value_by_minimisation = value_by_minimisation

    def value(self, X):
        """Value function S(x, t) at X.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Points.

        Returns
        -------
        Solved
            Values and gradients.
        """
        if self.value_by_minimisation:
            return self._in_blocks(self._forward, X, self.t)
        return self._in_blocks(self._network_value, X, rows=ROWS)

    def prior(self, X, method):
        """Prior at X.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Points.
        method : {"exact", "network", "newton", "inversion"}
            The conjugate of the fitted potential in closed form; the prior network's
            answer; the conjugate by Newton's method, anchored at that answer; or by
            conjugate gradients from X.

        Returns
        -------
        Solved
            Values and gradients.
        """
        solve = {
            "exact": self._exact_prior,
            "network": self._network_prior,
            "newton": self._newton_prior,
            "inversion": self._inverted_prior,
        }[method]
        rows = ROWS if method in {"exact", "network"} else NEWTON_ROWS
        return self._in_blocks(solve, X, rows=rows)

    def evolve(self, X, time):
        """Value function S(x, time) at X, for 0 < time < t.

        Parameters
        ----------
        X : ndarray of shape (n, d)
            Points.
        time : float
            Time.

        Returns
        -------
        Solved
            Values and gradients.
        """
        solve = self._forward if self.value_by_minimisation else self._backward
        return self._in_blocks(solve, X, time)

    def shift_(self, constant):
        """Add a constant to the value function and the prior, in place."""
        self.value_network.shift_(-constant)
        if self.prior_network is not None:
            self.prior_network.shift_(constant)

    def _in_blocks(self, solve, X, *args, rows=NEWTON_ROWS):
        device = self.value_network.unit_center.device
        X = torch.tensor(np.ascontiguousarray(X, dtype=np.float64), device=device)
        answers = [solve(block, *args) for block in X.split(rows)]
        parts = zip(*answers, strict=True)
        return Solved(*(torch.cat(part).cpu().numpy() for part in parts))

    def _network_value(self, X):
        w, gradient = self.value_network.value_and_gradient_at(X)
        return Solved(-w, -gradient, _all_true(X))

    def _network_prior(self, Y):
        J, gradient = self.prior_network.value_and_gradient_at(Y)
        return Solved(J, gradient, _all_true(Y))

    def _exact_prior(self, Y):
        point = self.value_network.conjugate_at(Y)[1]
        return self._prior_from_point(Y, point, _all_true(Y))

    def _newton_prior(self, Y):
        anchor = 0.0
        if self.prior_network is not None:
            # The ratio is the mean curvature of psi, which maps x to y.
            lengths = self.prior_network.unit_length, self.value_network.unit_length
            anchor = ANCHOR * float(lengths[0] / lengths[1])
        solution, solved = _prox_of(
            self.value_network,
            self.t,
            Y,
            self._first_point(Y),
            scale=self._length(),
            anchor=anchor,
        )
        return self._prior_from_point(Y, solution.point, solved)

    def _inverted_prior(self, Y):
        scale, tol = float(self.value_network.unit_length), INVERSION_TOLERANCE
        solution = invert_by_conjugate_gradients(
            lambda x: _potential(self.value_network, self.t, x), Y, scale=scale, tol=tol
        )
        # Conjugate gradients measure each component, and stop at round-off sooner.
        solved = solution.residual <= 10 * tol * scale
        return self._prior_from_point(Y, solution.point, solved)

    def _length(self):
        """Spread of the narrower of the samples and their proximal points."""
        networks = (self.value_network, self.prior_network)
        return min(float(n.unit_length) for n in networks if n is not None)

    def _prior_from_point(self, Y, X, solved):
        """Prior at y from the x with grad psi(x) = y."""
        # In exact arithmetic (psi*(y) - |y|^2 / 2) / t, without its cancellation.
        S = -self.value_network.value_and_gradient_at(X)[0]
        gradient = hj.prior_gradient_from_point(Y, X, self.t)
        return Solved(hj.prior_at_prox(X, Y, S, self.t), gradient, solved)

    def _first_point(self, Y):
        """Guess of the x with grad psi(x) = y."""
        if self.prior_network is not None:
            return Y + self.t * self.prior_network.value_and_gradient_at(Y)[1]
        if isinstance(self.value_network, SplineNetwork):
            return self.value_network.conjugate_start(Y)
        return Y

    def _backward(self, X, time):
        """S(x, time) as the largest value whose paraboloids stay above S(., t)."""
        left = self.t - time
        S_gradient = -self.value_network.value_and_gradient_at(X)[1]
        early = (self._first_point(X) - X) / self.t
        guess = X + left * (early * (left / self.t) + S_gradient * (time / self.t))
        solution, solved = _prox_of(
            self.value_network, left, X, guess, scale=self._length()
        )
        S = -self.value_network.value_and_gradient_at(solution.point)[0]
        gradient = (solution.point - X) / left
        return Solved(S - left * hj.half_squared_norm(gradient), gradient, solved)

    def _forward(self, X, time):
        """S(x, time) by the Lax-Oleinik minimisation of the prior."""
        guess = X + time * self.value_network.value_and_gradient_at(X)[1]
        value, prox, solved = lax_oleinik(self.prior_network, X, guess, time)
        return Solved(value, hj.value_gradient_from_prox(X, prox, time), solved)


def _potential(network, tau, x):
    """Value and gradient of |x|^2 / 2 + tau w(x)."""
    w, gradient = network.value_and_gradient_at(x)
    return hj.half_squared_norm(x) + tau * w, x + tau * gradient


def _prox_of(network, tau, X, start, *, scale, anchor=0.0):
    """Minimise tau w(z) + |z - x|^2 / 2 for each row x, and judge the residuals."""
    identity = torch.eye(X.shape[1], dtype=X.dtype, device=X.device)
    solution = newton_conjugate(
        lambda z: _potential(network, tau, z),
        lambda z: identity + tau * network.hessian_at(z),
        X,
        start,
        anchor=anchor,
        scale=scale,
        tol=NEWTON_TOLERANCE,
        max_iter=MOST_STEPS,
    )
    return solution, solution.residual <= 10 * NEWTON_TOLERANCE * scale


def _all_true(X):
    return torch.ones(len(X), dtype=torch.bool)
