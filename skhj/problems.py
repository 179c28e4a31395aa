r"""Exact problems: priors whose value function and prox are known in closed form.

Each problem has four methods, for any time t > 0 (and with ``kappa * t < 1`` for
`ConcaveQuadratic`), that act on each row of an array of shape (n, d):

- ``value(X, t)``, the value function :math:`S(x, t) = \min_y J(y) + |x - y|^2/(2t)`;
- ``prox(X, t)``, a minimiser;
- ``prior(X)``, the prior :math:`J`;
- ``backward_prior(X, t)``, :math:`J_{bvs}(y) = \sup_x S(x, t) - |x - y|^2/(2t)`,
  the smallest prior that generates the same value function.

They are the four problems of Akande, Langlois, Onwunta (arXiv 2512.23829).
"""

import numpy as np
from sklearn.utils.validation import check_array

from skhj.hamilton_jacobi import half_squared_norm
from skhj.simplex import minimize_quadratic_over_linear

__all__ = ["L1", "ConcaveQuadratic", "MinPlus", "NegativeL1"]


def _points(X):
    return check_array(X, dtype=(np.float64, np.float32))


def _check_time(t):
    if not 0 < t < np.inf:
        raise ValueError(f"t must be a positive finite number, got {t!r}")


def _huber(X, t):
    """Value function of |.| at time t, entry by entry."""
    magnitude = np.abs(X)
    return np.where(magnitude <= t, magnitude**2 / (2 * t), magnitude - t / 2)


class L1:
    """The l1 norm, J(x) = sum |x_j|: convex, its prox is soft thresholding.

    Examples
    --------
    >>> from skhj.problems import L1
    >>> L1().prox([[3.0, -0.5]], t=1.0)
    array([[2., 0.]])
    """

    def value(self, X, t):
        """Sum of Huber functions, shape (n,)."""
        _check_time(t)
        return _huber(_points(X), t).sum(axis=1)

    def prox(self, X, t):
        """Soft thresholding at t, shape (n, d)."""
        _check_time(t)
        X = _points(X)
        return X - np.clip(X, -t, t)

    def prior(self, X):
        """Sum of |x_j|, shape (n,)."""
        return np.abs(_points(X)).sum(axis=1)

    def backward_prior(self, X, t):
        """The prior itself, since J is convex; shape (n,)."""
        _check_time(t)
        return self.prior(X)


class NegativeL1:
    """The negative l1 norm, J(x) = -sum |x_j|: concave, its prox jumps at 0.

    Examples
    --------
    >>> from skhj.problems import NegativeL1
    >>> NegativeL1().prox([[3.0, -0.5]], t=1.0)
    array([[ 4. , -1.5]])
    """

    def value(self, X, t):
        """Minus the l1 norm, minus d t / 2; shape (n,)."""
        _check_time(t)
        X = _points(X)
        return self.prior(X) - X.dtype.type(X.shape[1] * t / 2)

    def prox(self, X, t):
        """Move away from zero by t, shape (n, d); at 0, the minimiser with +t."""
        _check_time(t)
        X = _points(X)
        return X + np.where(X < 0, -t, t).astype(X.dtype)

    def prior(self, X):
        """Minus the l1 norm, shape (n,)."""
        return -np.abs(_points(X)).sum(axis=1)

    def backward_prior(self, X, t):
        """Minus the sum of Huber functions, minus d t / 2; shape (n,)."""
        _check_time(t)
        X = _points(X)
        return -_huber(X, t).sum(axis=1) - X.dtype.type(X.shape[1] * t / 2)


class ConcaveQuadratic:
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

    def _shrinkage(self, t):
        """1 - kappa t: the curvature of J + |.|^2 / (2 t), times t."""
        _check_time(t)
        if self.kappa * t >= 1:
            raise ValueError(
                f"t must be below 1 / kappa = {1 / self.kappa:g}, where the value "
                f"function becomes -infinity, got {t!r}"
            )
        return 1 - self.kappa * t

    def value(self, X, t):
        """-kappa |x|^2 / (2 (1 - kappa t)), shape (n,)."""
        return self.prior(X) / self._shrinkage(t)

    def prox(self, X, t):
        """Return x / (1 - kappa t), shape (n, d)."""
        return _points(X) / self._shrinkage(t)

    def prior(self, X):
        """-kappa |x|^2 / 2, shape (n,)."""
        return -self.kappa * half_squared_norm(_points(X))

    def backward_prior(self, X, t):
        """The prior itself, since J + |.|^2 / (2 t) is convex; shape (n,)."""
        self._shrinkage(t)
        return self.prior(X)


class MinPlus:
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

    def __init__(self, centers, widths=1.0):
        self.centers = check_array(centers, dtype=np.float64, input_name="centers")
        n_wells = len(self.centers)
        widths = np.asarray(widths, dtype=np.float64)
        if widths.shape not in ((), (n_wells,)):
            raise ValueError(
                f"widths must be a float or of shape ({n_wells},), one a well, got "
                f"shape {widths.shape}"
            )
        if not (np.isfinite(widths) & (widths > 0)).all():
            raise ValueError(f"widths must be positive and finite, got {widths}")
        self.widths = np.broadcast_to(widths, n_wells)

    def _well_values(self, X, t):
        """Value function of each well alone, shape (n, n_wells)."""
        if X.shape[1] != self.centers.shape[1]:
            raise ValueError(
                f"X has {X.shape[1]} features, but centers has {self.centers.shape[1]}"
            )
        distances = half_squared_norm(X[:, None, :] - self.centers.astype(X.dtype))
        return distances / (self.widths + t).astype(X.dtype)

    def value(self, X, t):
        """min_i |x - centers_i|^2 / (2 (widths_i + t)), shape (n,)."""
        _check_time(t)
        return self._well_values(_points(X), t).min(axis=1)

    def prox(self, X, t):
        """(widths_i x + t centers_i) / (widths_i + t), i the active well; (n, d)."""
        _check_time(t)
        X = _points(X)
        active = self._well_values(X, t).argmin(axis=1)
        weight = (self.widths / (self.widths + t)).astype(X.dtype)[active, None]
        return weight * X + (1 - weight) * self.centers.astype(X.dtype)[active]

    def prior(self, X):
        """min_i |x - centers_i|^2 / (2 widths_i), shape (n,)."""
        return self._well_values(_points(X), 0).min(axis=1)

    def backward_prior(self, X, t):
        """The prior convexified: psi* is the convex envelope of the wells' own psi*.

        With a_i = widths_i / (widths_i + t), b_i = t centers_i / (widths_i + t) and
        c_i = t |centers_i|^2 / (2 (widths_i + t)), psi is the maximum of
        a_i |x|^2 / 2 + <b_i, x> - c_i, and psi*(y) the minimum over the simplex of
        |y - bbar|^2 / (2 abar) + cbar, the bars being averages by lambda.

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
        _check_time(t)
        X = _points(X)
        # About X itself: psi* - |y|^2/2 for the wells shifted by -y is J(y) t, and no
        # large |y|^2 / 2 cancels.
        a = self.widths / (self.widths + t)
        shifted = self.centers - X[:, None, :].astype(np.float64)
        b = (1 - a)[:, None] * shifted
        c = (1 - a) * half_squared_norm(shifted)
        return (minimize_quadratic_over_linear(a, b, c) / t).astype(X.dtype)
