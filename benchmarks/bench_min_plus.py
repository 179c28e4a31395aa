"""HJPriorRegressor on minima of quadratics, beside scikit-learn's MLPRegressor.

Wells at places uniform in [-2, 2]^d, with widths, heights or full covariances; samples
at x uniform in [-4, 4]^d and t = 1, each judged on 5,000 fresh noiseless samples: the
mean squared errors of S, and of J at their proximal points.

- auto, min-plus: ``skhj.HJPriorRegressor`` with its default parameters, and with
  ``network="min-plus"``;
- MLP: ``MLPRegressor`` (256, 256) of S alone, X and y standardised, with its own early
  stopping.

    python benchmarks/bench_min_plus.py --quick
    python benchmarks/bench_min_plus.py --threads 1

Rows are added to results/min_plus.json, and results/min_plus.md is rewritten from it
after each.
"""

from time import process_time

import numpy as np
from bench_generalisation import random_rotation, run_mlp
from comparison import (
    chosen,
    describe,
    limit_threads,
    make_parser,
    parse,
    store_cells,
    stored_cells,
)
from more_priors import Transformed
from prior_baselines import N_FRESH, FreshPoints, mean_squared_error

from skhj import HJPriorRegressor
from skhj.problems import MinPlus

N_SAMPLES = 20_000


def three_wells(d, rng):
    """Wells of widths 1, 0.6 and 1.5."""
    return MinPlus(rng.uniform(-2, 2, (3, d)), [1.0, 0.6, 1.5])


def many_wells(d, rng, m=10):
    """Wells of widths in [0.3, 2] and heights in [-0.3, 0.3]."""
    centers = rng.uniform(-2, 2, (m, d))
    return MinPlus(centers, rng.uniform(0.3, 2, m), heights=rng.uniform(-0.3, 0.3, m))


def full_wells(d, rng, m=4):
    """Wells whose covariances have eigenvalues in [0.2, 2.5], about random axes."""
    axes = np.stack([random_rotation(d, rng) for _ in range(m)])
    covariances = (axes * rng.uniform(0.2, 2.5, (m, 1, d))) @ axes.transpose(0, 2, 1)
    heights = rng.uniform(-0.3, 0.3, m)
    return MinPlus(rng.uniform(-2, 2, (m, d)), covariances=covariances, heights=heights)


# Wells, dimension, samples, noise in S, and units of the points and of the values.
CELLS = {
    "three wells, d = 4": (three_wells, 4, N_SAMPLES, 0.0, {}),
    "three wells, d = 8": (three_wells, 8, N_SAMPLES, 0.0, {}),
    "three wells, d = 16": (three_wells, 16, N_SAMPLES, 0.0, {}),
    "three wells, d = 8, noise 0.1": (three_wells, 8, N_SAMPLES, 0.1, {}),
    "ten wells, d = 4": (many_wells, 4, N_SAMPLES, 0.0, {}),
    "four full wells, d = 6": (full_wells, 6, N_SAMPLES, 0.0, {}),
    "four full wells, d = 6, noise 0.1": (full_wells, 6, N_SAMPLES, 0.1, {}),
    "four full wells, d = 6, lengths x 1000, values / 1000": (
        full_wells, 6, N_SAMPLES, 0.0, {"length": 1e3, "scale": 1e-3, "shift": 5e3}
    ),
    "three wells, d = 3, n = 200": (three_wells, 3, 200, 0.0, {}),
}  # fmt: skip


def run_ours(X, S, fresh, network, seed):
    """Fit HJPriorRegressor and judge it."""
    model = HJPriorRegressor(fresh.t, network=network, random_state=seed).fit(X, S)
    return {
        "network": model.network_,
        "S": mean_squared_error(model.predict(fresh.X), fresh.S),
        "J": mean_squared_error(model.prior(fresh.Y), fresh.J),
    }


METHODS = {
    "auto": lambda *data: run_ours(*data[:3], "auto", data[3]),
    "min-plus": lambda *data: run_ours(*data[:3], "min-plus", data[3]),
    "MLP": run_mlp,
}


def run_cell(name, seed, arguments):
    """Run the methods on the same samples of one problem; one result each."""
    make, d, n, noise, units = CELLS[name]
    rng = np.random.RandomState(seed)
    problem = Transformed(make(d, rng), **units)
    X, X_fresh = (
        problem.points(rng.uniform(-4, 4, (size, d))) for size in (n, N_FRESH)
    )
    t = problem.time(1.0)
    fresh = FreshPoints(problem, X_fresh, t)
    S = problem.value(X, t) + noise * problem.scale * rng.normal(size=n)
    for method, run in chosen(METHODS, arguments).items():
        start = process_time()
        result = run(X, S, fresh, seed)
        seconds = process_time() - start
        errors = {q: result[q] / problem.scale**2 for q in ("S", "J") if q in result}
        where = {"problem": name, "method": method, "seed": seed}
        yield where | result | errors | {"seconds": seconds}


def spread(numbers):
    """Median, and the range where there are several seeds."""
    if len(numbers) == 1:
        return f"{numbers[0]:.1e}"
    return f"{np.median(numbers):.1e} ({min(numbers):.0e}-{max(numbers):.0e})"


def markdown(cells, settings):
    """Write a table: medians over the seeds and their ranges, mean seconds."""
    lines = [
        "# Minima of quadratics\n",
        "Mean squared errors on 5,000 fresh samples, median and range over the seeds; "
        "CPU-seconds of fit and of the answers. n = 20,000 where nothing is said.\n",
        f"{settings['machine']}\n",
        f"    {settings['command']}\n",
        "| wells | method | kept | S | J | CPU-s | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in CELLS:
        for method in METHODS:
            some = [c for c in cells if c["problem"] == name and c["method"] == method]
            if some:
                kept = ", ".join(sorted({c.get("network", "") for c in some}))
                errors = [
                    spread([c[q] for c in some]) if q in some[0] else "-" for q in "SJ"
                ]
                seconds = f"{np.mean([c['seconds'] for c in some]):.2g}"
                row = [name, method, kept, *errors, seconds, str(len(some))]
                lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def main():
    """Run the cells asked for."""
    parser = make_parser(__doc__)
    parser.add_argument("--models", nargs="+", choices=CELLS, help="only these")
    arguments = parse(parser)
    if arguments.quick:
        arguments.seeds = [0]
    arguments.output.mkdir(parents=True, exist_ok=True)
    json_file = arguments.output / "min_plus.json"
    settings = describe(arguments)
    cells = stored_cells(json_file, settings)
    with limit_threads(arguments):
        for name in arguments.models or CELLS:
            for seed in arguments.seeds:
                for cell in run_cell(name, seed, arguments):
                    key = [cell[k] for k in ("problem", "method", "seed")]
                    cells = [
                        c
                        for c in cells
                        if [c[k] for k in ("problem", "method", "seed")] != key
                    ]
                    cells.append(cell)
                    store_cells(json_file, settings, cells)
                    text = markdown(cells, settings)
                    (arguments.output / "min_plus.md").write_text(text)
                    print(cell, flush=True)


if __name__ == "__main__":
    main()
