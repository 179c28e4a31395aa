"""Sorted l1 norms and nuclear norms: additive in no basis, no maxima of few functions.

Values at x uniform in [-4, 4]^d, n = 20,000, t = 0.5; mean squared errors on 5,000
fresh samples, of J at their proximal points; CPU-seconds of the fits.

- auto: ``HJPriorRegressor`` with its default parameters, from values of S;
- auto, gradients: the same from values and gradients;
- MLP: ``MLPRegressor`` (256, 256) of S alone, X and y standardised, with its own early
  stopping.
"""

from functools import partial
from itertools import product
from operator import itemgetter
from time import process_time

import numpy as np
from bench_generalisation import random_rotation, run_mlp
from comparison import chosen, make_parser, measure_cells, parse, table
from more_priors import Transformed
from prior_baselines import N_FRESH, FreshPoints, mean_squared_error

from skhj import HJPriorRegressor
from skhj.problems import NuclearNorm, SortedL1

PROBLEMS = {
    "sorted l1, even steps": (8, SortedL1(np.arange(8, 0, -1) / 4)),
    "sorted l1, three levels": (8, SortedL1([2, 1, 1, 1, 1, 0.5, 0.5, 0.5])),
    "nuclear norm, 2 x 4": (8, NuclearNorm((2, 4))),
    "nuclear norm, 2 x 2": (4, NuclearNorm((2, 2))),
}
HEADINGS = ("prior", "rotated", "method", "seed")


def run_ours(X, S, fresh, seed, gradient=None):
    """Fit HJPriorRegressor and judge it."""
    model = HJPriorRegressor(fresh.t, random_state=seed).fit(X, S, gradient=gradient)
    return {
        "network": model.network_,
        "S": mean_squared_error(model.predict(fresh.X), fresh.S),
        "prox": mean_squared_error(model.prox(fresh.X), fresh.Y),
        "J": mean_squared_error(model.prior(fresh.Y), fresh.J),
    }


METHODS = {
    "auto": lambda *data: run_ours(*data[:4]),
    "auto, gradients": run_ours,
    "MLP": lambda *data: run_mlp(*data[:4]),
}


def measure(name, rotated, method, seed, *, n, t):
    """Errors and seconds of one cell."""
    d, problem = PROBLEMS[name]
    rng = np.random.RandomState(seed)
    rotation = random_rotation(d, rng) if rotated else None
    problem = Transformed(problem, rotation=rotation)
    X, X_fresh = (problem.points(rng.uniform(-4, 4, (m, d))) for m in (n, N_FRESH))
    S, gradient = problem.value(X, t), (X - problem.prox(X, t)) / t
    fresh, start = FreshPoints(problem, X_fresh, t), process_time()
    errors = METHODS[method](X, S, fresh, seed, gradient)
    return errors | {"seconds": process_time() - start}


def markdown(cells, settings):
    """The table of all cells."""
    columns = {name: itemgetter(name) for name in HEADINGS} | {
        "kept": lambda cell: cell.get("network", ""),
        **{
            name: lambda cell, name=name: f"{cell[name]:.1e}" if name in cell else ""
            for name in ("S", "prox", "J")
        },
        "CPU-s": lambda cell: f"{cell['seconds']:.0f}",
    }
    text = "\n".join((__doc__ or "").splitlines()[2:])
    return table("Sorted l1 norms and nuclear norms", text, cells, settings, columns)


def main():
    """Measure what is not there yet."""
    parser = make_parser(__doc__)
    parser.set_defaults(threads=1)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--t", type=float, default=0.5)
    arguments = parse(parser)
    seeds = arguments.seeds[:1] if arguments.quick else arguments.seeds
    choices = (
        (name, rotated, method, seed)
        for method, seed, rotated, name in product(
            chosen(METHODS, arguments), seeds, (False, True), PROBLEMS
        )
    )
    one = partial(measure, n=arguments.n, t=arguments.t)
    measure_cells("maxima", HEADINGS, choices, one, markdown, arguments)


if __name__ == "__main__":
    main()
