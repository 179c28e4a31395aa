"""Sorted l1 norms and nuclear norms: additive in no basis, no maxima of few functions.

Values at x uniform in [-4, 4]^d, n = 20,000, t = 0.5. ``HJPriorRegressor`` with its
default parameters beside scikit-learn's ``MLPRegressor`` (256, 256) of the values of S,
X and y standardised, with its own early stopping. Mean squared errors on 5,000 fresh
samples; CPU-seconds of the fits.
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
HEADINGS = ("prior", "rotated", "data", "seed")


def measure(name, rotated, data, seed, *, n, t):
    """Errors and seconds of one cell."""
    d, problem = PROBLEMS[name]
    rng = np.random.RandomState(seed)
    rotation = random_rotation(d, rng) if rotated else None
    problem = Transformed(problem, rotation=rotation)
    X, X_fresh = (problem.points(rng.uniform(-4, 4, (m, d))) for m in (n, N_FRESH))
    S, fresh = problem.value(X, t), FreshPoints(problem, X_fresh, t)
    gradient = None if data == "values" else (X - problem.prox(X, t)) / t
    start = process_time()
    model = HJPriorRegressor(t, random_state=seed).fit(X, S, gradient=gradient)
    seconds = process_time() - start
    cell = dict(zip(HEADINGS, (name, rotated, data, seed), strict=True))
    if gradient is None:
        start = process_time()
        cell["MLP"] = run_mlp(X, S, fresh, seed)["S"]
        cell["MLP seconds"] = process_time() - start
    return cell | {
        "network": model.network_,
        "S": mean_squared_error(model.predict(fresh.X), fresh.S),
        "prox": mean_squared_error(model.prox(fresh.X), fresh.Y),
        "J": mean_squared_error(model.prior(fresh.Y), fresh.J),
        "variance": float(fresh.S.var()),
        "seconds": seconds,
    }


def number(name, digits=".1e"):
    """How a column of numbers is written."""
    return lambda cell: format(cell[name], digits) if name in cell else ""


def markdown(cells, settings):
    """The table of all cells."""
    columns = {name: itemgetter(name) for name in HEADINGS} | {
        "kept": itemgetter("network"),
        **{name: number(name) for name in ("S", "prox", "J")},
        "CPU-s": number("seconds", ".0f"),
        "S of MLP": number("MLP"),
        "CPU-s of MLP": number("MLP seconds", ".0f"),
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
    choices = product(
        ("values",) if arguments.quick else ("values", "values and gradients"),
        arguments.seeds[:1] if arguments.quick else arguments.seeds,
        (False, True),
        chosen(PROBLEMS, arguments),
    )
    one = partial(measure, n=arguments.n, t=arguments.t)
    cells = ((*choice[:1:-1], *choice[:2]) for choice in choices)
    measure_cells("maxima", HEADINGS, cells, one, markdown, arguments)


if __name__ == "__main__":
    main()
