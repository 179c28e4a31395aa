"""How errors of the prior fall with the number of samples.

Values and gradients at n points, uniform in [-4, 4]^d and turned at random, t = 1. The
error is that of J at the proximal points of 5,000 fresh x, root mean square over the
standard deviation. Maxima of n quadratics fall as n^(-2/d) at best
(Gaubert, McEneaney and Qu, CDC 2011); the rates below are slopes of log error.

    python benchmarks/bench_sample_sizes.py --quick
    python benchmarks/bench_sample_sizes.py --methods PQM auto
"""

from itertools import product
from operator import itemgetter
from time import process_time

import numpy as np
from bench_generalisation import random_rotation
from comparison import chosen, grouped, make_parser, measure_cells, parse, table
from more_priors import EuclideanNorm, SmoothRidges, Transformed
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._testing import ignore_warnings

from skhj import HJPriorRegressor, PQMPrior
from skhj.problems import L1

HEADINGS = ("prior", "d", "method", "n", "seed")
SIZES = (100, 300, 1000, 3000, 10_000, 30_000)
PRIORS = {
    "l1": lambda d: L1(),
    "euclidean": EuclideanNorm,
    "smooth ridges": SmoothRidges,
}
METHODS = {
    "PQM": lambda seed: PQMPrior(t=1.0),
    "PQM, local": lambda seed: PQMPrior(t=1.0, alpha="local"),
    "icnn": lambda seed: HJPriorRegressor(1.0, network="icnn", random_state=seed),
    "auto": lambda seed: HJPriorRegressor(1.0, random_state=seed),
}


@ignore_warnings(category=(ConvergenceWarning, UserWarning))
def measure(name, d, method, n, seed):
    """Error and seconds of a fit."""
    rng = np.random.RandomState(seed)
    rotation = random_rotation(d, rng)
    problem = Transformed(PRIORS[name](d), rotation=rotation)
    X, X_fresh = (rng.uniform(-4, 4, size=(rows, d)) for rows in (n, 5000))
    S, P = problem.value(X, 1.0), problem.prox(X_fresh, 1.0)
    start = process_time()
    est = METHODS[method](seed).fit(X, S, gradient=X - problem.prox(X, 1.0))
    seconds = process_time() - start
    J = problem.backward_prior(P, 1.0)
    error = float(np.sqrt(np.mean((est.prior(P) - J) ** 2)) / J.std())
    return {"error": error, "seconds": seconds}


def medians(cells):
    """Median error for each number of samples."""
    return {
        of_n[0]["n"]: np.median([cell["error"] for cell in of_n])
        for of_n in grouped(cells, ["n"])
    }


def rate(cells):
    """Slope of the logarithm of the error; none of errors that are rounding."""
    n, errors = np.array(list(medians(cells).items())).T
    if len(n) < 2 or errors.min() < 1e-10:
        return ""
    return f"{np.polyfit(np.log(n), np.log(errors), 1)[0]:.2f}"


def markdown(cells, settings):
    """The table: a row for each method on each prior."""

    def error(n):
        return lambda group: f"{medians(group)[n]:.1e}" if n in medians(group) else ""

    columns = {name: lambda g, name=name: g[0][name] for name in HEADINGS[:3]}
    columns |= {f"n = {n}": error(n) for n in SIZES}
    columns |= {
        "rate": rate,
        "-2/d": lambda group: f"{-2 / group[0]['d']:.2f}",
        "CPU-s, largest n": lambda group: (
            f"{max(group, key=itemgetter('n'))['seconds']:.0f}"
        ),
        "seeds": lambda group: len({cell["seed"] for cell in group}),
    }
    text = "\n".join((__doc__ or "").splitlines()[2:6])
    groups = grouped(cells, HEADINGS[:3])
    return table("The number of samples", text, groups, settings, columns)


def main():
    """Run the cells that are not there yet."""
    arguments = parse(make_parser(__doc__))
    seeds, sizes = arguments.seeds, SIZES
    if arguments.quick:
        seeds, sizes = [0], SIZES[:3]
    choices = product(seeds, sizes, chosen(METHODS, arguments), (2, 4, 8), PRIORS)
    cells = (
        (name, d, method, n, seed)
        for seed, n, method, d, name in choices
        # Bounds of all samples by all others take n^2.
        if n <= 10_000 or not method.startswith("PQM")
    )
    measure_cells("sample_sizes", HEADINGS, cells, measure, markdown, arguments)


if __name__ == "__main__":
    main()
