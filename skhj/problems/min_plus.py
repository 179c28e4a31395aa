"""The exact problem of a lower envelope of wells."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_array

from skhj.exceptions import warn
from skhj.hamilton_jacobi import half_squared_norm
from skhj.numerics.given_numbers import given_numbers
from skhj.numerics.smallest_maximum import SmallestMaximum
from skhj.problems.positive import positive_widths
from skhj.problems.problem import Problem

__all__ = ["MinPlus"]


class MinPlus(Problem):
    r"""Lower envelope of wells, the smallest |x - centers_i|^2 / (2 widths_i).

    With covariances and heights they are :math:`\langle x - \mu_i, C_i^{-1} (x -
    \mu_i)\rangle / 2 + h_i`.

    Parameters
    ----------
    centers : array-like of shape (n_wells, d)
        Bottoms of the wells.
    widths : float or array-like of shape (n_wells,), default=1.0
        The wells' sigma_i, positive; the larger, the flatter.
    covariances : array-like of shape (n_wells, d, d) or None, default=None
        Symmetric matrices C_i, positive definite, in place of the widths.
    heights : float or array-like of shape (n_wells,), default=0.0
        Values h_i at the bottoms.

    Examples
    --------
    >>> from skhj.problems import MinPlus
    >>> problem = MinPlus([[1.0, 0.0], [-1.0, 0.0]])
    >>> problem.prox([[3.0, 1.0]], t=1.0)
    array([[2. , 0.5]])
    >>> problem.backward_prior([[0.0, 0.0]], t=1.0)  # the prior is 0.5 there
    array([0.25])
    >>> narrow = MinPlus([[0.0, 0.0]], covariances=[[[3.0, 0.0], [0.0, 1.0]]])
    >>> narrow.prox([[4.0, 4.0]], t=1.0)
    array([[3., 2.]])
    """

    _solver = SmallestMaximum()

    def __init__(
        self,
        centers: ArrayLike,
        widths: ArrayLike = 1.0,
        *,
        covariances: ArrayLike | None = None,
        heights: ArrayLike = 0.0,
    ) -> None:
        self.centers = check_array(
            given_numbers(centers, "centers"), input_name="centers"
        )
        n_wells, d = self.centers.shape
        self.widths = positive_widths(widths, n_wells, owner="well")
        self.covariances = _positive_definite(covariances, (n_wells, d, d))
        self.heights = _heights(heights, n_wells)

    def _curvatures(self, t):
        """Matrices, or numbers, (C_i + t)^-1: Hessians of the wells at time t."""
        if self.covariances is None:
            return 1 / (self.widths + t)
        return np.linalg.inv(self.covariances + t * np.eye(self.centers.shape[1]))

    def _wells(self, X, t):
        """Value function of each well alone, (n, n_wells), and its gradient."""
        if X.shape[1] != self.centers.shape[1]:
            raise ValueError(
                f"X has {X.shape[1]} features, but centers has {self.centers.shape[1]}"
            )
        away = X[:, None, :] - self.centers.astype(X.dtype)
        curvatures = self._curvatures(t).astype(X.dtype)
        if self.covariances is None:
            values = half_squared_norm(away) * curvatures
            gradients = away * curvatures[:, None]
        else:
            gradients = np.einsum("mde,nme->nmd", curvatures, away)
            values = np.einsum("nmd,nmd->nm", away, gradients) / 2
        return values + self.heights.astype(X.dtype), gradients

    def _value(self, X, t):
        return self._wells(X, t)[0].min(axis=1)

    def _prox(self, X, t):
        values, gradients = self._wells(X, t)
        return X - t * gradients[np.arange(len(X)), values.argmin(axis=1)]

    def _prior(self, X):
        return self._value(X, 0)

    def _backward_prior(self, X, t):
        """Return the wells convexified.

        With q_i the value function of each well, psi is the maximum of |x|^2 / 2 -
        t q_i(x). With y as the origin, where no large |y|^2 / 2 cancels, minus t J is
        the minimum over z of the largest |z|^2 / 2 - t q_i(y + z).
        """
        values, gradients = self._wells(X.astype(np.float64), t)
        curvatures, solver = self._curvatures(t), self._solver
        one = 1.0 if curvatures.ndim == 1 else np.eye(X.shape[1])
        minimum = solver.minimize(one - t * curvatures, -t * gradients, -t * values)
        if not minimum.converged.all():
            warn(
                f"{(~minimum.converged).sum()} of {len(X)} minimisations on the "
                f"simplex did not reach tol={solver.tol} in {solver.max_iter} "
                "iterations",
                RuntimeWarning,
            )
        return -minimum.value / t


def _heights(heights, n_wells):
    heights = given_numbers(heights, "heights")
    if heights.shape not in {(), (n_wells,)} or not np.isfinite(heights).all():
        raise ValueError(
            f"heights must be a finite float or of shape ({n_wells},), one a well, got "
            f"{heights}"
        )
    return np.broadcast_to(heights, n_wells)


def _positive_definite(covariances, shape):
    """Symmetric positive definite matrices, or None."""
    if covariances is None:
        return None
    C = given_numbers(covariances, "covariances")
    if C.shape != shape or not np.isfinite(C).all():
        raise ValueError(
            f"covariances must be finite numbers of shape {shape}, a matrix for each "
            f"well, got shape {C.shape}"
        )
    transposed = C.transpose(0, 2, 1)
    if not np.allclose(C, transposed) or np.linalg.eigvalsh(C).min() <= 0:
        raise ValueError("covariances must be symmetric and positive definite")
    return (C + transposed) / 2
