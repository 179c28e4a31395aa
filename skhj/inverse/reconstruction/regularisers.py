r"""Priors as the solvers see them: values, gradients and proximal points of tensors.

The proximal operator of J at the time s is the minimiser of
:math:`J(y) + |x - y|^2 / (2 s)`. A prior that was learned at the time t answers at
times up to t, where its curvature :math:`\ge -1/t` leaves one minimiser.
"""

import inspect

import numpy as np
import torch

from skhj.numerics.tensors import to_tensor

__all__ = ["EstimatedPrior", "ExactPrior", "ProximalOperator", "Regulariser"]


class Regulariser:
    """Base of the priors J of reconstruction, functions of tensors of shape (n, N).

    Attributes
    ----------
    largest_time : float
        Largest time of ``prox``.
    concavity : float
        A number m with curvature of J at least -m; infinite where none is known.
    has_gradient : bool
        Whether there is a method ``gradient``.
    device : torch.device or None
        Where they are.
    """

    largest_time = np.inf
    concavity = np.inf
    has_gradient = False
    device = None

    def row_size(self, shape):
        """Numbers held for one row by an operator of a shape."""
        return max(shape)

    def n_products(self, n_rows, shape):
        """Multiplications of a step, between points at which threads wait."""
        return n_rows * shape[0] * shape[1]

    def value(self, x):
        """Values J(x), shape (n,)."""
        raise NotImplementedError

    def gradient(self, x):
        """Gradients of J, shape (n, N)."""
        raise NotImplementedError

    def prox(self, x, time):
        """Proximal points at a time for each row, shape (n, N)."""
        limits = torch.finfo(time.dtype)
        time = time.clamp(limits.tiny, limits.max)
        times = time.unique()
        if len(times) == 1:
            return self._prox(x, float(times))
        points = torch.empty_like(x)
        for one in times:
            rows = time == one
            points[rows] = self._prox(x[rows], float(one))
        return points

    def _prox(self, x, time):
        raise NotImplementedError


class ExactPrior(Regulariser):
    """A prior with methods ``prior(X)`` and ``prox(X, t)``, at any time.

    It may have a method ``prior_gradient(X)``.

    Parameters
    ----------
    problem : object
        Such as those of `skhj.problems`.
    """

    def __init__(self, problem):
        self.problem = problem
        self.has_gradient = hasattr(problem, "prior_gradient")

    def value(self, x):
        """Values J(x)."""
        return to_tensor(self.problem.prior(x.numpy()))

    def gradient(self, x):
        """Gradients of J."""
        return to_tensor(self.problem.prior_gradient(x.numpy()))

    def _prox(self, x, time):
        return to_tensor(self.problem.prox(x.numpy(), time))


class EstimatedPrior(Regulariser):
    """The prior of a fitted estimator.

    Parameters
    ----------
    estimator : object
        An estimator with ``prior(X)``, ``prox(X)``, and perhaps ``prior_gradient(X)``.
    t : float
        Time at which it was learned.
    """

    def __init__(self, estimator, t):
        self.estimator, self.largest_time = estimator, t
        self.concavity = 1 / t
        self.has_gradient = hasattr(estimator, "prior_gradient")
        self.at_any_time = "time" in inspect.signature(estimator.prox).parameters

    def value(self, x):
        """Values J(x)."""
        return to_tensor(self.estimator.prior(x.numpy()))

    def gradient(self, x):
        """Gradients of J."""
        return to_tensor(self.estimator.prior_gradient(x.numpy()))

    def _prox(self, x, time):
        # The step of a solver, computed, may differ from t in its last digit.
        if np.isclose(time, self.largest_time, rtol=1e-12, atol=0):
            return to_tensor(self.estimator.prox(x.numpy()))
        if not self.at_any_time:
            raise ValueError(
                f"prior answers at its own time t={self.largest_time} alone, and this "
                f"step asks for the time {time:.6g}: use algorithm='admm'"
            )
        return to_tensor(self.estimator.prox(x.numpy(), time=time))


class ProximalOperator(Regulariser):
    """A proximal operator of pyproximal: ``f(x)`` and ``f.prox(x, tau)`` of vectors.

    Parameters
    ----------
    operator : object
        The operator.
    """

    def __init__(self, operator):
        self.operator = operator
        self.has_gradient = bool(getattr(operator, "hasgrad", False))

    def value(self, x):
        """Values J(x)."""
        return to_tensor([float(self.operator(row)) for row in x.numpy()])

    def gradient(self, x):
        """Gradients of J."""
        return to_tensor(np.stack([self.operator.grad(row) for row in x.numpy()]))

    def _prox(self, x, time):
        rows = [self.operator.prox(row.copy(), time) for row in x.numpy()]
        return to_tensor(np.stack(rows))
