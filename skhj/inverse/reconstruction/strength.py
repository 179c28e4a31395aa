"""The weight of a prior: by the error of known models, or by the noise."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar, root_scalar

__all__ = ["Choice", "DiscrepancySearch", "ErrorSearch", "StrengthSearch"]


@dataclass(frozen=True)
class Choice:
    """A strength, and those that were tried.

    Parameters
    ----------
    strength : float
        The one chosen.
    strengths, scores : ndarray of shape (n_tried,)
        Those tried, ascending, and what each was judged by.
    inside : bool
        Whether the search ended between two of them.
    """

    strength: float
    strengths: np.ndarray
    scores: np.ndarray
    inside: bool


class _Tried:
    """A function of the logarithm of a strength that remembers its values."""

    def __init__(self, function):
        self.function, self.scores = function, {}

    def __call__(self, log_strength):
        log_strength = float(log_strength)
        if log_strength not in self.scores:
            self.scores[log_strength] = self.function(float(np.exp(log_strength)))
        return self.scores[log_strength]

    def choice(self, log_strength, inside):
        """The `Choice` of one of them."""
        strengths, scores = zip(*sorted(self.scores.items()), strict=True)
        return Choice(
            float(np.exp(log_strength)), np.exp(strengths), np.array(scores), inside
        )


@dataclass(frozen=True)
class ErrorSearch:
    """Strength with the least error, a smooth function of its logarithm.

    Parameters
    ----------
    factor : float, default=4.0
        Ratio of the strengths tried until the error rises on both sides.
    n_factors : int, default=12
        Such strengths at most to either side, seven decades.
    n_solves : int, default=6
        Strengths tried after that, by Brent's method. Three of them divide a bracket
        of a factor of 16 to about a tenth.
    """

    factor: float = 4.0
    n_factors: int = 12
    n_solves: int = 6

    def search(self, error, start):
        """Minimise ``error(strength)`` from a strength, as a `Choice`."""
        tried, step, origin = _Tried(error), np.log(self.factor), np.log(start)

        def at(k):
            return tried(origin + k * step)

        best = 0
        # Downhill one way: the error rises the other.
        direction = 1 if at(1) < at(0) else -1
        while abs(best) < self.n_factors and at(best + direction) < at(best):
            best += direction
        inside = abs(best) < self.n_factors
        if inside:
            minimize_scalar(
                tried,
                bounds=(origin + (best - 1) * step, origin + (best + 1) * step),
                method="bounded",
                options={"maxiter": self.n_solves},
            )
        return tried.choice(min(tried.scores, key=tried.scores.get), inside)


@dataclass(frozen=True)
class DiscrepancySearch:
    """Strength whose misfit is that of the noise, an increasing function of it.

    Parameters
    ----------
    factor : float, default=4.0
        Ratio of the strengths tried until the misfit crosses one.
    n_factors : int, default=20
        Such strengths at most, twelve decades.
    tolerance : float, default=0.02
        Of the logarithm of the strength at the end.
    """

    factor: float = 4.0
    n_factors: int = 20
    tolerance: float = 0.02

    def search(self, misfit, start):
        """Solve ``misfit(strength) = 1`` from a strength, as a `Choice`."""
        tried, step = _Tried(misfit), np.log(self.factor)
        last = np.log(start)
        direction = 1 if tried(last) < 1 else -1
        for _ in range(self.n_factors):
            new = last + direction * step
            if (tried(new) < 1) != (direction == 1):
                root = root_scalar(
                    lambda x: np.log(max(tried(x), np.finfo(float).tiny)),
                    bracket=sorted((last, new)),
                    xtol=self.tolerance,
                ).root
                return tried.choice(root, True)
            last = new
        return tried.choice(last, False)


@dataclass(frozen=True)
class StrengthSearch:
    """Search for the strength of a solver, each solution the start of the next.

    Parameters
    ----------
    solver : Reconstructor
        The solver.
    start : ndarray of shape (N,)
        First guess of all models.
    verbose : int, default=0
        Positive: print a line a strength.
    n_rows : int, default=100
        Measurements that judge, at most. The error's minimum is flat: a strength 30 %
        away from it costs less than a hundredth of the error.
    """

    solver: object
    start: np.ndarray
    verbose: int = 0
    n_rows: int = 100

    def by_error(self, B, X):
        """Least mean squared error of models X, as a `Choice`."""
        B, X = B[: self.n_rows], X[: self.n_rows]
        solve = self._warm_started(B)

        def error(strength):
            score = float(np.square(solve(strength) - X).mean())
            return self._told(strength, "mean squared error", score)

        return ErrorSearch().search(error, self._typical(B, X))

    def by_discrepancy(self, B):
        """Mean squared misfit equal to the noise's, as a `Choice`."""
        B = B[: self.n_rows]
        problem, solve = self.solver.problem, self._warm_started(B)

        def misfit(strength):
            left = problem.operator.data(solve(strength)) - B
            with np.errstate(over="ignore"):
                score = float(problem.precision * np.square(left).mean())
            return self._told(strength, "squared misfit over the noise's", score)

        return DiscrepancySearch().search(misfit, 1.0)

    def _typical(self, B, X, *, least=1e-6):
        """Strength where J weighs as in the objective of the true noise.

        That is at least a share ``least`` of the measurements: there may be none.
        """
        with np.errstate(over="ignore"):
            left = np.square(self.solver.problem.operator.data(X) - B).mean()
            size = max(left, least * np.square(B).mean(), np.finfo(float).tiny)
            scale = self.solver.problem.precision * size
        if not np.isfinite(scale):
            raise ValueError(
                "operator, X and noise_level must be of sizes for which |A x - b|^2 / "
                f"noise_level^2 is a number, got a mean of {size:.2g} over that of the "
                "noise: choose other units"
            )
        return scale

    def _warm_started(self, B):
        last = self.start

        def solve(strength):
            nonlocal last
            last = self.solver.solve(B, strength, last).models
            return last

        return solve

    def _told(self, strength, name, score):
        if self.verbose:
            print(f"strength {strength:.4g}: {name} {score:.6g}")  # noqa: T201
        return score
