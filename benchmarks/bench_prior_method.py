"""The way to the prior that ``prior_method="auto"`` takes, beside both ways.

The convex network, without gradients: fitted to values, or to proximal points. Errors
of J at the proximal points of fresh x, over its variance (about a constant from
proximal points), by the network of the prior and by Newton's method from it. Points
are uniform in a cube that is turned at random, t is 1.
"""

from itertools import product

import numpy as np
from bench_paper_tables import PROBLEMS
from comparison import (
    chosen,
    describe,
    limit_threads,
    make_parser,
    parse,
    store_cells,
    stored_cells,
)
from scipy.stats import ortho_group
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._testing import ignore_warnings

from skhj import HJPriorRegressor

# Samples and passes by dimension; a concave quadratic is exact either way.
SIZES = {2: (2000, 60), 4: (5000, 40), 8: (10_000, 60)}
KINKED = {name: make for name, make in PROBLEMS.items() if name != "concave"}
HEADINGS = ("prior", "d", "data", "noise", "seed")


@ignore_warnings(category=ConvergenceWarning)
def measure(cell):
    """Errors of both ways, and the one that was taken."""
    name, d, data, noise, seed = cell
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
    named = dict(zip(HEADINGS, cell, strict=True))
    return {**named, **errors, "taken": est.prior_method_}


def markdown(cells, settings):
    """The table of all cells."""
    lines = [
        "# The way to the prior",
        "",
        *(__doc__ or "").splitlines()[2:],
        "",
        settings["machine"],
        "",
        f"    {settings['command']}",
        "",
        f"| {' | '.join(HEADINGS)} | network | Newton | taken | over the better |",
        "|---" * (len(HEADINGS) + 4) + "|",
    ]
    for cell in sorted(cells, key=lambda one: [str(one[name]) for name in HEADINGS]):
        named = " | ".join(str(cell[name]) for name in HEADINGS)
        network, newton = cell["network"], cell["newton"]
        taken = cell["taken"]
        ratio = cell[taken] / min(network, newton)
        lines.append(
            f"| {named} | {network:.2g} | {newton:.2g} | {taken} | {ratio:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main():
    """Measure what is not there yet."""
    parser = make_parser(__doc__)
    parser.set_defaults(seeds=[0], threads=1)
    arguments = parse(parser)
    file, settings = arguments.output / "prior_method.json", describe(arguments)
    cells = stored_cells(file, settings)
    known = {tuple(cell[name] for name in HEADINGS) for cell in cells}
    choices = product(
        arguments.seeds,
        (2,) if arguments.quick else SIZES,
        ("values", "proximal points"),
        (0.0, 0.1),
        chosen(KINKED, arguments),
    )
    for seed, d, data, noise, name in choices:
        cell = (name, d, data, noise, seed)
        if cell in known:
            continue
        with limit_threads(arguments):
            cells = [*cells, measure(cell)]
        print(cells[-1], flush=True)
        store_cells(file, settings, cells)
        file.with_suffix(".md").write_text(markdown(cells, settings))


if __name__ == "__main__":
    main()
