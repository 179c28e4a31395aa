"""The duathlon: two times, of which only the noisy sum is known.

The times come from a mixture of three Gaussians, so that the conditional mean, the
best of all estimators, is known exactly. 10,000 samples to learn from, 20,000 to
judge; in small units (unit widths) and in large ones (means from 60 to 95, widths 5).

    python benchmarks/bench_duathlon.py --quick
    python benchmarks/bench_duathlon.py

Cells are added to results/duathlon.json, and results/duathlon.md is rewritten from it
after each. Delete the former after a change of the code.
"""

import numpy as np
from baselines import linear_estimate, standardised_mlp
from comparison import Comparison, chosen, limit_threads, make_parser, parse
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPRegressor

from skhj import EmbeddedInverseSolver
from skhj.datasets import duathlon_mmse, make_duathlon

UNITS = {
    "unit widths": {},
    "means 60-95, widths 5": {
        "means": [[60.0, 80.0], [95.0, 65.0], [85.0, 95.0]],
        "widths": 5.0,
        "noise": 1.5,
    },
}
OPERATOR = np.ones((1, 2))

INTRODUCTION = """\
# Duathlon

Mean squared errors of two times given their noisy sum, on 20,000 fresh samples after
10,000 to learn from (4,000 with ``--quick``), and their ratio to that of the exact
conditional mean, the best possible: means, and ranges, over the seeds. Defaults
everywhere; "standardised" scales both sides.
"""


def make_methods(X, y, X_test, problem, seed):
    """Answers of every method for the test data."""

    def fitted(estimator):
        return lambda: estimator.fit(X, y).predict(X_test)

    networks = {
        network: fitted(
            EmbeddedInverseSolver(
                OPERATOR, network=network, device="cpu", random_state=seed
            )
        )
        for network in ("eunet", "optenet", "proximal")
    }
    boosting = MultiOutputRegressor(HistGradientBoostingRegressor(random_state=seed))
    return {
        "conditional mean": lambda: duathlon_mmse(X_test, **problem).mean,
        "linear": lambda: linear_estimate(X, y, X_test),
        "MLPRegressor": fitted(MLPRegressor(random_state=seed, max_iter=500)),
        "MLPRegressor, standardised": fitted(standardised_mlp(seed)),
        "HistGradientBoosting": fitted(boosting),
        **networks,
    }


def main():
    """Run both units for each seed."""
    arguments = parse(make_parser(__doc__))
    columns = {"conditional mean": "over the limit", "linear": "over linear"}
    comparison = Comparison("duathlon", INTRODUCTION, arguments, columns)
    seeds = arguments.seeds[:1] if arguments.quick else arguments.seeds
    n_samples = 4000 if arguments.quick else 10_000
    with limit_threads(arguments):
        for seed in seeds:
            for name, problem in UNITS.items():
                rng = np.random.RandomState(seed)
                X, y = make_duathlon(n_samples, random_state=rng, **problem)
                X_test, y_test = make_duathlon(20_000, random_state=rng, **problem)
                methods = make_methods(X, y, X_test, problem, seed)
                comparison.run(name, seed, chosen(methods, arguments), y_test)


if __name__ == "__main__":
    main()
