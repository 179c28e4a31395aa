"""A strictly convex quadratic minimised above lower bounds, exactly."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

__all__ = ["PrincipalPivoting"]


@dataclass(frozen=True)
class PrincipalPivoting:
    """Block principal pivoting for strictly convex quadratics above lower bounds.

    Each iteration solves for the variables taken to be above their bounds, and
    exchanges those that come out below with those at their bounds whose gradient is
    negative.

    Parameters
    ----------
    rounding : float, default=1e-14
        Share of each diagonal entry that is added to it: what rounding makes of it
        anyway, some tens of units in the last place.
    tolerance : float, default=1e-10
        Violations, in units of the largest gradient and of the variables it moves,
        that are rounding. Linear systems of condition number 1e6 are solved to it.
    patience : int, default=5
        Exchanges of all violations at once that may pass without progress; then one
        at a time, which ends (Murty's rule).
    max_iter : int, default=500
        Largest number of exchanges.

    References
    ----------
    Portugal, Judice, Vicente, "A comparison of block pivoting and interior-point
    algorithms for linear least squares problems with nonnegative variables",
    Mathematics of Computation 63, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.numerics.bounded_qp import PrincipalPivoting
    >>> x, passive = PrincipalPivoting().minimize(
    ...     np.eye(2), np.array([3.0, -5.0]), np.array([0.0, -1.0])
    ... )
    >>> x, passive
    (array([ 3., -1.]), array([ True, False]))
    """

    rounding: float = 1e-14
    tolerance: float = 1e-10
    patience: int = 5
    max_iter: int = 500

    def minimize(self, G, h, lower, passive=None):
        r"""Minimise <x, G x> / 2 - <h, x> for x >= lower.

        Parameters
        ----------
        G : ndarray of shape (p, p)
            Symmetric positive semi-definite matrix. A variable whose diagonal entry
            is zero stays at zero, or at its bound.
        h : ndarray of shape (p,)
            The linear term.
        lower : ndarray of shape (p,)
            Lower bounds, at most zero; minus infinity for none.
        passive : ndarray of shape (p,), dtype bool, optional
            First guess of the variables above their bounds; by default all.

        Returns
        -------
        x : ndarray of shape (p,)
            The minimiser. Where ``max_iter`` is reached, a feasible point no worse
            than zero.
        passive : ndarray of shape (p,), dtype bool
            The variables above their bounds.
        """
        diagonal = G.diagonal()
        known = diagonal > 0
        unit = np.where(known, np.sqrt(np.where(known, diagonal, 1.0)), 1.0)
        scaled = G / (unit[:, None] * unit)
        scaled[np.diag_indices_from(scaled)] += self.rounding
        target, floor = h / unit, lower * unit
        free = np.isneginf(lower)
        passive = known.copy() if passive is None else (passive | free) & known
        x, passive = self._exchange(scaled, target, floor, passive, known)
        x = np.maximum(x, floor)
        if x @ (scaled @ x) / 2 - target @ x > 0:
            x = np.zeros_like(x)
        return np.maximum(x / unit, lower), passive

    def _exchange(self, G, h, floor, passive, known):
        """Exchange variables with their bounds until none is on the wrong side."""
        tolerance = self.tolerance * max(np.abs(h).max(), 1e-300)
        fewest, patience = len(h) + 1, self.patience
        for _ in range(self.max_iter):
            x = self._solve_passive(G, h, floor, passive)
            gradient = G @ x - h
            below = passive & (x < floor - tolerance)
            wrong = below | (~passive & known & (gradient < -tolerance))
            n_wrong = int(wrong.sum())
            if not n_wrong:
                break
            if n_wrong < fewest:
                fewest, patience = n_wrong, self.patience
            elif patience:
                patience -= 1
            else:
                last = np.flatnonzero(wrong)[-1]
                wrong = np.zeros_like(wrong)
                wrong[last] = True
            passive = passive ^ wrong
        return x, passive

    def _solve_passive(self, G, h, floor, passive):
        """Minimiser with the variables that are not passive at their bounds."""
        x = np.where(passive, 0.0, np.where(np.isneginf(floor), 0.0, floor))
        rows = np.flatnonzero(passive)
        if len(rows):
            remainder = h[rows] - G[rows] @ x
            block = G[np.ix_(rows, rows)]
            try:
                factor = cho_factor(block, check_finite=False)
                x[rows] = cho_solve(factor, remainder, check_finite=False)
            except np.linalg.LinAlgError:
                values, vectors = np.linalg.eigh(block)
                values = np.maximum(values, self.rounding * len(rows))
                x[rows] = vectors @ ((vectors.T @ remainder) / values)
        return x
