"""Where an embedding pays: sparse signals, layer by layer.

Signals with 4 of 64 entries not zero, standard normal, and 24 random measurements of
each with noise of 0.01: 8,000 to learn from, 2,000 to judge. The posterior has many
narrow modes, one for each support that explains the data. EUnet and Proximal are
compared with 1, 2 and 4 layers, the latter also with four times as many units.

    python benchmarks/bench_sparse.py --quick
    python benchmarks/bench_sparse.py

Cells are added to results/sparse.json, and results/sparse.md is rewritten from it
after each. Delete the former after a change of the code.
"""

import numpy as np
from baselines import linear_estimate, standardised_mlp
from comparison import Comparison, chosen, limit_threads, make_parser, parse

from skhj import EmbeddedInverseSolver

N_UNKNOWNS, N_DATA, N_NONZERO, NOISE, N_TEST = 64, 24, 4, 0.01, 2000

INTRODUCTION = """\
# Sparse signals

Mean squared errors of signals of 64 entries, 4 of them not zero, from 24 random
measurements with noise of 0.01: 2,000 to judge, 8,000 to learn from (2,000 with
``--quick``); means, and ranges of the ratios, over the seeds. "Lasso" solves each
signal alone, with the best of ten penalties on the training pairs.
"""


def make_sparse_signals(n_samples, A, rng):
    """Measurements and signals."""
    order = rng.random((n_samples, N_UNKNOWNS)).argsort(axis=1)
    y = np.where(order < N_NONZERO, rng.standard_normal(order.shape), 0.0)
    return y @ A.T + NOISE * rng.standard_normal((n_samples, N_DATA)), y


def lasso(A, X, y, X_test):
    """Minimise |A x - b|^2 / 2 + level |x|_1 by accelerated proximal gradients."""
    step = 1 / np.linalg.norm(A, 2) ** 2

    def solve(level, X):
        x = z = np.zeros((len(X), N_UNKNOWNS))
        for k in range(500):
            v = z - step * (z @ A.T - X) @ A
            new = v - np.clip(v, -step * level, step * level)
            x, z = new, new + k / (k + 3) * (new - x)
        return x

    levels = np.logspace(-3, 0, 10)
    errors = [np.mean((solve(level, X[:500]) - y[:500]) ** 2) for level in levels]
    return solve(levels[np.argmin(errors)], X_test)


def make_methods(A, X, y, X_test, seed):
    """Answers of every method for the test data."""

    def fitted(estimator):
        return lambda: estimator.fit(X, y).predict(X_test)

    def network(name, n_layers, **options):
        return fitted(
            EmbeddedInverseSolver(
                A,
                network=name,
                n_layers=n_layers,
                device="cpu",
                random_state=seed,
                **options,
            )
        )

    methods = {
        "linear": lambda: linear_estimate(X, y, X_test),
        "Lasso": lambda: lasso(A, X, y, X_test),
        "MLPRegressor, standardised": fitted(standardised_mlp(seed)),
    }
    for n_layers in (1, 2, 4):
        of = f"{n_layers} layer{'s' * (n_layers > 1)}"
        methods[f"eunet, {of}"] = network("eunet", n_layers)
        methods[f"proximal, {of}"] = network("proximal", n_layers)
        methods[f"proximal, {of}, wide"] = network(
            "proximal", n_layers, embedding_dim=1024
        )
    return methods


def main():
    """Run each seed."""
    arguments = parse(make_parser(__doc__))
    columns = {"linear": "over linear", "MLPRegressor, standardised": "over MLP"}
    comparison = Comparison("sparse", INTRODUCTION, arguments, columns)
    n_samples = 2000 if arguments.quick else 8000
    with limit_threads(arguments):
        for seed in arguments.seeds[:1] if arguments.quick else arguments.seeds:
            rng = np.random.default_rng(seed)
            A = rng.standard_normal((N_DATA, N_UNKNOWNS)) / np.sqrt(N_DATA)
            X, y = make_sparse_signals(n_samples, A, rng)
            X_test, y_test = make_sparse_signals(N_TEST, A, rng)
            methods = make_methods(A, X, y, X_test, seed)
            comparison.run("signals", seed, chosen(methods, arguments), y_test)


if __name__ == "__main__":
    main()
