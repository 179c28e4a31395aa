"""The damped steps of Gauss and Newton."""

from dataclasses import dataclass

import numpy as np

__all__ = ["LevenbergMarquardt"]


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Lower a mean squared error by damped steps of Gauss and Newton.

    Parameters
    ----------
    damping, least : float, default=1e-2 and 1e-14
        Damping at first, and at least, as shares of the mean of the normal equations'
        diagonal.
    lowered, raised : float, default=0.2 and 8.0
        Factors of the damping after a step that gains and one that does not.
    tries : int, default=8
        Steps without gain, one after the other, that end it.

    References
    ----------
    Marquardt, "An algorithm for least-squares estimation of nonlinear parameters",
    J. Soc. Indust. Appl. Math. 11 (1963), 431-441.
    """

    damping: float = 1e-2
    least: float = 1e-14
    lowered: float = 0.2
    raised: float = 8.0
    tries: int = 8

    def improved(self, state, n_steps, *, enough=0.0):
        """The state after some steps.

        Parameters
        ----------
        state : object
            Has the ``error``; ``equations()``, the matrix and the right side of a
            step's normal equations; and ``moved(step)``, the state after it.
        n_steps : int
            Steps at most.
        enough : float, default=0.0
            Error from which on none is taken.

        Returns
        -------
        object
            The state of least error.
        """
        damping = self.damping
        for _ in range(n_steps):
            if state.error <= enough:
                break
            before = state
            state, damping = self._step(state, damping)
            if state is before:
                break
        return state

    def _step(self, state, damping):
        """The next state, the same one if no step gains, and the damping."""
        matrix, right = state.equations()
        size = np.trace(matrix) / len(matrix)
        for _ in range(self.tries):
            damped = matrix + damping * size * np.eye(len(matrix))
            trial = state.moved(np.linalg.solve(damped, right))
            if trial.error < state.error:
                return trial, max(self.lowered * damping, self.least)
            damping *= self.raised
        return state, damping
