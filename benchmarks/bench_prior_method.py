"""The way to the prior that ``prior_method="auto"`` takes, beside both ways.

The convex network, without gradients: fitted to values, or to proximal points. Errors
of J at the proximal points of fresh x, over its variance (about a constant from
proximal points), by the network of the prior and by Newton's method from it. Points
are uniform in a cube that is turned at random, t is 1.
"""

from itertools import product
from operator import itemgetter

import numpy as np
from bench_paper_tables import PROBLEMS
from comparison import chosen, make_parser, measure_cells, parse, table
from scipy.stats import ortho_group
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._testing import ignore_warnings

from skhj import HJPriorRegressor

# Samples and passes by dimension; a concave quadratic is exact either way.
SIZES = {2: (2000, 60), 4: (5000, 40), 8: (10_000, 60)}
KINKED = {name: make for name, make in PROBLEMS.items() if name != "concave"}
HEADINGS = ("prior", "d", "data", "noise", "seed")


@ignore_warnings(category=ConvergenceWarning)
def measure(name, d, data, noise, seed):
    """Errors of both ways, and the one that was taken."""
    problem, (n, max_iter) = KINKED[name](d), SIZES[d]
    rng = np.random.RandomState(seed)
    turn = ortho_group.rvs(d, random_state=rng)
    X, fresh = (rng.uniform(-4, 4, size=(m, d)) @ turn for m in (n, 2000))
    answer, target = (problem.value, "value")
    if data == "proximal points":
        answer, target = (problem.prox, "prox")
    y = answer(X, 1.0)
    est = HJPriorRegressor(
        network="icnn", target=target, max_iter=max_iter, random_state=seed
    ).fit(X, y + noise * rng.normal(size=y.shape))
    P = problem.prox(fresh, 1.0)
    J = problem.backward_prior(P, 1.0)
    errors = {}
    for method in ("network", "newton"):
        left = est._loaded_model.prior(P, method).value - J
        shift = left.mean() if target == "prox" else 0.0
        errors[method] = np.mean((left - shift) ** 2) / J.var()
    return errors | {"taken": est.prior_method_}


def markdown(cells, settings):
    """The table of all cells."""

    def over_the_better(cell):
        return f"{cell[cell['taken']] / min(cell['network'], cell['newton']):.2f}"

    columns = {name: itemgetter(name) for name in HEADINGS} | {
        "network": lambda cell: f"{cell['network']:.2g}",
        "Newton": lambda cell: f"{cell['newton']:.2g}",
        "taken": itemgetter("taken"),
        "over the better": over_the_better,
    }
    text = "\n".join((__doc__ or "").splitlines()[2:])
    return table("The way to the prior", text, cells, settings, columns)


def main():
    """Measure what is not there yet."""
    parser = make_parser(__doc__)
    parser.set_defaults(seeds=[0], threads=1)
    arguments = parse(parser)
    choices = product(
        arguments.seeds,
        (0.0, 0.1),
        ("values", "proximal points"),
        (2,) if arguments.quick else SIZES,
        chosen(KINKED, arguments),
    )
    cells = (choice[::-1] for choice in choices)
    measure_cells("prior_method", HEADINGS, cells, measure, markdown, arguments)


if __name__ == "__main__":
    main()
