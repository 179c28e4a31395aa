"""HJPriorRegressor on few samples, beside what else one would take for them.

Values alone, at n points, x uniform in [-4, 4]^d in the prior's own coordinates and
t = 1 there. Priors are two of the paper's and two that are additive in no basis; every
other seed rotates and shifts them. Methods, with their defaults:

- ours: ``skhj.HJPriorRegressor``;
- process: scikit-learn's ``GaussianProcessRegressor`` with the kernel that users write,
  a constant times an RBF plus white noise, of values made of mean 0 and variance 1;
- ridge: scikit-learn's ``Ridge``;
- plain: a mean, an affine function or a quadratic that keeps the potential convex,
  whichever leaving out single samples prefers.

Errors are mean squared, on 2,000 fresh points, relative to the variance of S there.

    python benchmarks/bench_few_samples.py --quick
    python benchmarks/bench_few_samples.py

Results are added to results/few_samples.json, and results/few_samples.md is rewritten
from it after each cell. Delete the former after a change of the code.
"""

import warnings
from itertools import product
from time import process_time

import numpy as np
from bench_generalisation import random_rotation
from bench_paper_tables import two_wells
from comparison import make_parser, measure_cells, parse
from more_priors import EuclideanNorm, SmoothRidges, Transformed
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import Ridge

from skhj import HJPriorRegressor
from skhj.priors.convex.quadratic import ORDERS, fit_order
from skhj.problems import L1

PRIORS = {
    "l1": lambda n_features: L1(),
    "min-plus": two_wells,
    "euclidean": EuclideanNorm,
    "smooth-ridges": SmoothRidges,
}
SIZES = [(n, d) for n in (3, 10, 40, 200) for d in (1, 5, 20)]
N_FRESH = 2000
PROMISED = 1.2
# Share of the variance that the search takes for nothing: ratios do not count there.
NEGLIGIBLE = 1e-6


def run_ours(X, y, T, seed):
    """Fit the library's regressor; also the model it kept, and whether it warned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        est = HJPriorRegressor(random_state=seed).fit(X, y)
        answer = est.predict(T)
    told = any("too few" in str(one.message) for one in caught)
    return answer, est.network_, told


def run_process(X, y, T, seed):
    """Fit a Gaussian process as its users do."""
    kernel = ConstantKernel() * RBF(4.0) + WhiteKernel(1e-3)
    process = GaussianProcessRegressor(
        kernel, normalize_y=True, n_restarts_optimizer=2, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return process.fit(X, y).predict(T)


def run_plain(X, y, T, t):
    """Answers of the plain model that leaving out single samples prefers, its name."""
    errors = {}
    for order in ORDERS:
        left = [
            fit_order(order, np.delete(X, i, 0), -np.delete(y, i), t)(X[[i]])[0] + y[i]
            for i in range(len(y))
        ]
        errors[order] = np.mean(np.square(left))
    best = min(errors, key=errors.get)
    return -fit_order(best, X, -y, t)(T), best


def run_cell(name, n, d, seed):
    """Errors of all methods on the same samples."""
    rng = np.random.RandomState([seed, n, d, list(PRIORS).index(name)])
    problem = Transformed(PRIORS[name](d))
    if seed % 2:
        rotation, shift = random_rotation(d, rng), 10 * rng.normal(size=d)
        problem = Transformed(PRIORS[name](d), rotation=rotation, shift=shift)
    X, T = (problem.points(rng.uniform(-4, 4, size=(m, d))) for m in (n, N_FRESH))
    y, truth = problem.value(X, 1.0), problem.value(T, 1.0)
    start = process_time()
    ours, network, told = run_ours(X, y, T, seed)
    seconds = process_time() - start
    plain, order = run_plain(X, y, T, 1.0)
    answers = {
        "ours": ours,
        "process": run_process(X, y, T, seed),
        "ridge": Ridge().fit(X, y).predict(T),
        "plain": plain,
    }
    variance = truth.var()
    errors = {
        k: float(np.mean((a - truth) ** 2) / variance) for k, a in answers.items()
    }
    return {
        "errors": errors,
        "network": network,
        "told": told,
        "order": order,
        "seconds": seconds,
    }


def markdown(cells, settings):
    """Write the table of medians, and what was promised of each fit."""
    methods = ["ours", "process", "ridge", "plain"]
    ratios = np.array([c["errors"]["ours"] / c["errors"]["plain"] for c in cells])
    nothing = np.array([c["errors"]["ours"] <= NEGLIGIBLE for c in cells])
    kept = nothing | (ratios <= PROMISED)
    by_process = np.array([c["errors"]["ours"] < c["errors"]["process"] for c in cells])
    lines = [
        "# HJPriorRegressor on few samples\n",
        "Mean squared error of S on 2,000 fresh points over the variance of S, of",
        "values alone, default parameters; medians over the seeds, half of them with",
        'the prior rotated and shifted. "plain" is the better of a mean, an affine',
        'function and a quadratic by leaving out single samples; "worst" the largest',
        'ratio of our error to its error, "told" how many fits warned that samples are',
        "too few.\n",
        f"Of {len(cells)} fits, {kept.sum()} err at most {PROMISED} times as much as",
        f"the plain model, the worst {ratios[~nothing].max():.2f} times;",
        f"{by_process.sum()} err less than the Gaussian process.\n",
        f"{settings['machine']}\n",
        f"    {settings['command']}\n",
        "| prior | n | d | ours | process | ridge | plain | worst | told | CPU-s |",
        "|" + "---|" * 10,
    ]
    keys = {(c["prior"], c["n"], c["d"]) for c in cells}
    for key in sorted(keys, key=lambda key: (key[1:], list(PRIORS).index(key[0]))):
        same = [c for c in cells if (c["prior"], c["n"], c["d"]) == key]
        medians = [np.median([c["errors"][m] for c in same]) for m in methods]
        worst = max(c["errors"]["ours"] / c["errors"]["plain"] for c in same)
        told = sum(c["told"] for c in same)
        seconds = np.median([c["seconds"] for c in same])
        row = [*map(str, key), *(f"{m:.2g}" for m in medians), f"{worst:.2f}"]
        row += [f"{told}/{len(same)}", f"{seconds:.1f}"]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def main(arguments):
    """Run all cells that are not there yet."""
    seeds = arguments.seeds[:1] if arguments.quick else arguments.seeds
    choices = (
        (name, n, d, seed) for seed, (n, d), name in product(seeds, SIZES, PRIORS)
    )
    headings = ("prior", "n", "d", "seed")
    measure_cells("few_samples", headings, choices, run_cell, markdown, arguments)


if __name__ == "__main__":
    parser = make_parser(__doc__)
    parser.set_defaults(seeds=list(range(8)), threads=1)
    main(parse(parser))
