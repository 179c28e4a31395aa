"""Exact problems: priors whose value function and prox are known in closed form.

Each problem has the methods ``value(X, t)``, ``prox(X, t)``, ``prior(X)`` and
``backward_prior(X, t)``, for any time t > 0, that act on each row of X.

They are the four problems of Akande, Langlois, Onwunta (arXiv 2512.23829).
"""

import numpy as np
from sklearn.utils.validation import check_array

from skhj.exceptions import warn
from skhj.hamilton_jacobi import half_squared_norm
from skhj.numerics.quadratic_over_linear import PairMoves

__all__ = ["L1", "ConcaveQuadratic", "MinPlus", "NegativeL1"]


def _points(X):
    return check_array(X, dtype=(np.float64, np.float32))


def positive_widths(widths, n_owners, *, owner):
    """One positive width for each well of a prior, or component of a mixture.

    Parameters
    ----------
    widths : float or array-like of shape (n_owners,)
        What was given.
    n_owners : int
        Number of wells or components.
    owner : str
        What one of them is called.

    Returns
    -------
    ndarray of shape (n_owners,)
        The widths.

    Raises
    ------
    ValueError
        If there are not so many, or one is not positive and finite.
    """
    widths = np.asarray(widths, dtype=np.float64)
    if widths.shape not in {(), (n_owners,)}:
        raise ValueError(
            f"widths must be a float or of shape ({n_owners},), one a {owner}, got "
            f"shape {widths.shape}"
        )
    if not (np.isfinite(widths) & (widths > 0)).all():
        raise ValueError(f"widths must be positive and finite, got {widths}")
    return np.broadcast_to(widths, n_owners)


def _huber(X, t):
    """Value function of |.| at time t, entry by entry."""
    magnitude = np.abs(X)
    return np.where(magnitude <= t, magnitude**2 / (2 * t), magnitude - t / 2)


class Problem:
    """Base of the exact problems; a subclass implements the underscored methods."""

    def value(self, X, t):
        """Value function S(x, t) = min_y J(y) + |x - y|^2 / (2 t).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.
        t : float
            Time, positive.

        Returns
        -------
        ndarray of shape (n,)
            Values, in the float dtype of X.
        """
        self._check_time(t)
        X = _points(X)
        return self._value(X, t).astype(X.dtype, copy=False)

    def prox(self, X, t):
        """Proximal operator, a minimiser y of J(y) + |x - y|^2 / (2 t).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.
        t : float
            Time, positive.

        Returns
        -------
        ndarray of shape (n, d)
            Proximal points.
        """
        self._check_time(t)
        X = _points(X)
        return self._prox(X, t).astype(X.dtype, copy=False)

    def prior(self, X):
        """Prior J(x).

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.

        Returns
        -------
        ndarray of shape (n,)
            Values of the prior.
        """
        X = _points(X)
        return self._prior(X).astype(X.dtype, copy=False)

    def backward_prior(self, X, t):
        """Smallest prior with the same value function at time t.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Points.
        t : float
            Time, positive.

        Returns
        -------
        ndarray of shape (n,)
            Values of the backward viscosity prior.
        """
        self._check_time(t)
        X = _points(X)
        return self._backward_prior(X, t).astype(X.dtype, copy=False)

    def _check_time(self, t):
        if not 0 < t < np.inf:
            raise ValueError(f"t must be a positive finite number, got {t!r}")

    def _backward_prior(self, X, t):
        """Return the prior itself, as where J + |.|^2 / (2 t) is convex."""
        return self._prior(X)


class L1(Problem):
    """The l1 norm, J(x) = sum |x_j|: convex, its prox is soft thresholding.

    Examples
    --------
    >>> from skhj.problems import L1
    >>> L1().prox([[3.0, -0.5]], t=1.0)
    array([[2., 0.]])
    """

    def _value(self, X, t):
        return _huber(X, t).sum(axis=1)

    def _prox(self, X, t):
        return X - np.clip(X, -t, t)

    def _prior(self, X):
        return np.abs(X).sum(axis=1)


class NegativeL1(Problem):
    """The negative l1 norm, J(x) = -sum |x_j|: concave, its prox jumps at 0.

    At x_j = 0 both -t and t are minimisers; ``prox`` takes t.

    Examples
    --------
    >>> from skhj.problems import NegativeL1
    >>> NegativeL1().prox([[3.0, -0.5]], t=1.0)
    array([[ 4. , -1.5]])
    """

    def _value(self, X, t):
        return self._prior(X) - X.shape[1] * t / 2

    def _prox(self, X, t):
        return X + np.where(X < 0, -t, t)

    def _prior(self, X):
        return -np.abs(X).sum(axis=1)

    def _backward_prior(self, X, t):
        return -_huber(X, t).sum(axis=1) - X.shape[1] * t / 2


class ConcaveQuadratic(Problem):
    """A concave quadratic, J(x) = -kappa |x|^2 / 2, for times t < 1 / kappa.

    Parameters
    ----------
    kappa : float, default=0.5
        Curvature, not negative.

    Examples
    --------
    >>> from skhj.problems import ConcaveQuadratic
    >>> ConcaveQuadratic(kappa=0.5).prox([[3.0, -0.5]], t=1.0)
    array([[ 6., -1.]])
    """

    def __init__(self, kappa=0.5):
        if not 0 <= kappa < np.inf:
            raise ValueError(
                f"kappa must be a non-negative finite number, got {kappa!r}"
            )
        self.kappa = kappa

    def _check_time(self, t):
        super()._check_time(t)
        if self.kappa * t >= 1:
            raise ValueError(
                f"t must be below 1 / kappa = {1 / self.kappa:g}, where the value "
                f"function becomes -infinity, got {t!r}"
            )

    def _value(self, X, t):
        return self._prior(X) / (1 - self.kappa * t)

    def _prox(self, X, t):
        return X / (1 - self.kappa * t)

    def _prior(self, X):
        return -self.kappa * half_squared_norm(X)


class MinPlus(Problem):
    """Lower envelope of wells, J(x) = min_i |x - centers_i|^2 / (2 widths_i).

    Parameters
    ----------
    centers : array-like of shape (n_wells, d)
        Bottoms of the wells.
    widths : float or array-like of shape (n_wells,), default=1.0
        The wells' sigma_i, positive; the larger, the flatter.

    Examples
    --------
    >>> from skhj.problems import MinPlus
    >>> problem = MinPlus([[1.0, 0.0], [-1.0, 0.0]])
    >>> problem.prox([[3.0, 1.0]], t=1.0)
    array([[2. , 0.5]])
    >>> problem.backward_prior([[0.0, 0.0]], t=1.0)  # the prior is 0.5 there
    array([0.25])
    """

    _solver = PairMoves()

    def __init__(self, centers, widths=1.0):
        self.centers = check_array(centers, dtype=np.float64, input_name="centers")
        self.widths = positive_widths(widths, len(self.centers), owner="well")

    def _well_values(self, X, t):
        """Value function of each well alone, shape (n, n_wells)."""
        if X.shape[1] != self.centers.shape[1]:
            raise ValueError(
                f"X has {X.shape[1]} features, but centers has {self.centers.shape[1]}"
            )
        distances = half_squared_norm(X[:, None, :] - self.centers.astype(X.dtype))
        return distances / (self.widths + t).astype(X.dtype)

    def _value(self, X, t):
        return self._well_values(X, t).min(axis=1)

    def _prox(self, X, t):
        active = self._well_values(X, t).argmin(axis=1)
        weight = (self.widths / (self.widths + t))[active, None]
        return weight * X + (1 - weight) * self.centers[active]

    def _prior(self, X):
        return self._well_values(X, 0).min(axis=1)

    def _backward_prior(self, X, t):
        """Return the wells convexified: psi* is the envelope of the wells' own psi*.

        With a_i = widths_i / (widths_i + t), b_i = t centers_i / (widths_i + t) and
        c_i = t |centers_i|^2 / (2 (widths_i + t)), psi is the maximum of
        a_i |x|^2 / 2 + <b_i, x> - c_i, and psi*(y) the minimum over the simplex of
        |y - bbar|^2 / (2 abar) + cbar, the bars being averages.
        """
        # With y as the origin, psi* is t J_bvs: no large |y|^2 / 2 cancels.
        a = self.widths / (self.widths + t)
        shifted = self.centers - X[:, None, :].astype(np.float64)
        b = (1 - a)[:, None] * shifted
        c = (1 - a) * half_squared_norm(shifted)
        solver = self._solver
        minimum = solver.minimize(a, b, c)
        if not minimum.converged.all():
            warn(
                f"{(~minimum.converged).sum()} of {len(X)} minimisations on the "
                f"simplex did not reach tol={solver.tol} in {solver.max_iter} "
                "iterations",
                RuntimeWarning,
            )
        return minimum.value / t
