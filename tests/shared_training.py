"""Fits that several processes share, run by `test_shared_training` in each of them."""

import os
import sys

import numpy as np
from accelerate import Accelerator
from linear_pairs import linear_pairs
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._testing import ignore_warnings

from skhj import EmbeddedInverseSolver, HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.problems import L1
from skhj.training import share_training


@ignore_warnings(category=ConvergenceWarning)
def curves(random_state):
    """Loss curves and answers of both estimators."""
    X, y, gradient = make_value_samples(L1(), 203, 2, t=0.5, random_state=0)
    prior = HJPriorRegressor(
        0.5,
        network="icnn",
        prior_method="network",
        max_iter=4,
        random_state=random_state,
    )
    prior.fit(X, y, gradient=gradient)
    B, models, A = linear_pairs()
    solver = EmbeddedInverseSolver(A, max_iter=4, n_layers=2, random_state=random_state)
    solver.fit(B, models)
    return {
        "prior_loss": prior.loss_curve_,
        "prior_second": prior.prior_loss_curve_,
        "prior_answers": prior.prior(X),
        "solver_loss": solver.loss_curve_,
        "solver_second": solver.validation_curve_,
        "solver_answers": solver.predict(B),
    }


def main(folder):
    """Write what was fitted, and what was refused."""
    accelerator = Accelerator(cpu=True)
    with share_training(accelerator):
        found = curves(0)
        try:
            curves(accelerator.process_index)
        except ValueError as error:
            found["refused"] = str(error)
    np.savez(f"{folder}/{accelerator.process_index}.npz", **found)
    accelerator.wait_for_everyone()
    # Gloo's threads abort an orderly exit now and then: "terminate called without an
    # active exception".
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
