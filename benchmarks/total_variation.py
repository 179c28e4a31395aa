"""Images of least total variation, by pyproximal's primal-dual algorithm."""

import numpy as np
import pylops
import pyproximal
from pyproximal.optimization.primaldual import PrimalDual
from scipy.optimize import minimize_scalar
from scipy.sparse.linalg import aslinearoperator

__all__ = ["TotalVariation"]


class TotalVariation:
    """Least |A x - b|^2 / 2 + weight TV(x), with the best weight on some pairs.

    Parameters
    ----------
    operator : ForwardOperator
        The operator A, of norm at most one.
    image_shape : tuple of int
        Shape (H, W) of an image x.
    n_solves : int, default=8
        Weights that are tried.
    """

    weights = (1e-5, 1e-1)

    def __init__(self, operator, image_shape, n_solves=8):
        self.operator, self.image_shape = operator, image_shape
        self.n_solves = n_solves

    def fit(self, B, X):
        """Choose the weight."""

        def error(log_weight):
            return np.square(self.solve(B, np.exp(log_weight)) - X).mean()

        self.weight = np.exp(
            minimize_scalar(
                error,
                bounds=np.log(self.weights),
                method="bounded",
                options={"maxiter": self.n_solves},
            ).x
        )
        return self

    def predict(self, B):
        """Images of measurements."""
        return self.solve(B, self.weight), {}

    def solve(self, B, weight, n_steps=1000):
        """Images at a weight."""
        size = self.operator.shape[1]
        differences = pylops.Gradient(self.image_shape, kind="forward", edge=False)
        both = pylops.VStack(
            [pylops.LinearOperator(aslinearoperator(self.operator)), differences]
        )
        step = 0.99 / 3  # |A|^2 + |D|^2 <= 1 + 8
        return np.stack(
            [
                PrimalDual(
                    pyproximal.Box(),
                    pyproximal.VStack(
                        [
                            pyproximal.L2(b=b),
                            pyproximal.L21(2, sigma=weight),
                        ],
                        nn=[len(b), 2 * size],
                    ),
                    both,
                    self.operator.rmatvec(b),
                    tau=step,
                    mu=step,
                    niter=n_steps,
                )
                for b in B
            ]
        )
