"""HJPriorRegressor on problems that no default was chosen for.

The paper's four priors rotated, shifted, rescaled and with noise in S, and priors that
are additive in no basis: the Euclidean norm, norms of groups, the maximum norm, total
variation, and a sum of smooth ridges. For each, with n = 20,000 samples at x uniform in
[-4, 4]^d (in the prior's own coordinates) and t = 1 there:

- ours: ``skhj.HJPriorRegressor`` with its default parameters; its ``fit`` sets the
  processor time of the recipe;
- recipe: the paper's two networks, in a bare torch loop with mini-batches;
- MLP: scikit-learn's ``MLPRegressor`` (256, 256) of S alone, X and y standardised,
  with its own early stopping.

Each is judged on 5,000 fresh noiseless samples. Errors of the rescaled problems are
stated in the prior's own units.

    python benchmarks/bench_generalisation.py --quick
    python benchmarks/bench_generalisation.py --dims 8 --seeds 0 1 2
    python benchmarks/bench_generalisation.py --gradients

With ``--gradients`` it writes instead results/gradients.md: how many fewer samples are
needed where gradients are given.
"""

from functools import partial
from itertools import product

import numpy as np
from bench_paper_tables import PROBLEMS, median, ratio
from comparison import (
    chosen,
    grouped,
    limit_threads,
    machine,
    make_parser,
    measure_cells,
    parse,
    table,
)
from more_priors import (
    EuclideanNorm,
    GroupNorm,
    MaximumNorm,
    SmoothRidges,
    TotalVariation,
    Transformed,
)
from prior_baselines import (
    N_FRESH,
    FreshPoints,
    mean_squared_error,
    run_ours,
    run_recipe,
)
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HEADINGS = ("prior", "variant", "d", "seed")
N_SAMPLES = 20_000
LENGTH, SCALE = 100.0, 1e-3
OTHERS = {
    "euclidean": EuclideanNorm,
    "groups": lambda n_features: GroupNorm(2),
    "maximum-norm": lambda n_features: MaximumNorm(),
    "total-variation": lambda n_features: TotalVariation(),
    "smooth-ridges": SmoothRidges,
}
VARIANTS = ["plain", "rotated", "shifted", "rescaled", "noise-0.01", "noise-0.1"]


def random_rotation(n_features, rng):
    """Draw an orthogonal matrix."""
    return np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]


def transformed(name, variant, n_features, rng):
    """Return the prior of a cell."""
    problem = (PROBLEMS | OTHERS)[name](n_features)
    if variant == "rotated":
        return Transformed(problem, rotation=random_rotation(n_features, rng))
    if variant == "shifted":
        return Transformed(problem, shift=10 * rng.normal(size=n_features))
    if variant == "rescaled":
        return Transformed(problem, length=LENGTH, scale=SCALE)
    return Transformed(problem)


def run_mlp(X, S, fresh, seed):
    """Fit scikit-learn's network as its users do."""
    network = MLPRegressor(
        hidden_layer_sizes=(256, 256), early_stopping=True, random_state=seed
    )
    network.set_params(max_iter=500)
    pipeline = make_pipeline(StandardScaler(), network)
    model = TransformedTargetRegressor(pipeline, transformer=StandardScaler())
    return {"S": mean_squared_error(model.fit(X, S).predict(fresh.X), fresh.S)}


def measure(name, variant, n_features, seed, *, n_samples, recipe):
    """Run the three methods on the same samples of one prior."""
    rng = np.random.RandomState(seed)
    problem = transformed(name, variant, n_features, rng)
    X, X_fresh = (
        problem.points(rng.uniform(-4, 4, size=(n, n_features)))
        for n in (n_samples, N_FRESH)
    )
    t = problem.time(1.0)
    S, fresh = problem.value(X, t), FreshPoints(problem, X_fresh, t)
    if variant.startswith("noise"):
        S = S + float(variant.removeprefix("noise-")) * rng.normal(size=len(S))
    ours = run_ours(X, S, fresh, {"random_state": seed})
    cell = {"ours": ours, "mlp": run_mlp(X, S, fresh, seed)}
    if recipe:
        cell["recipe"] = run_recipe(X, S, fresh, ours["cpu_seconds"], seed)
    # psi and prox have the units of |x|^2 and |x|^2, S and J those of S.
    units = {
        "psi": problem.length**4,
        "prox": problem.length**2,
        "S": problem.scale**2,
        "J": problem.scale**2,
    }
    for errors in cell.values():
        for quantity in units.keys() & errors.keys():
            errors[quantity] /= units[quantity]
    return cell


def error(quantity):
    """Column of our median error, and of its range over seeds."""

    def write(cells):
        errors = [cell["ours"][quantity] for cell in cells]
        middle = f"{np.median(errors):.1e}"
        if len(errors) == 1:
            return middle
        return f"{middle} ({min(errors):.0e}-{max(errors):.0e})"

    return write


def recipe_ratio(quantity):
    """Column of the recipe's error over ours, where it was run."""
    write = ratio("recipe", quantity)
    return lambda cells: write(cells) if "recipe" in cells[0] else "-"


COLUMNS = {
    "prior": lambda cells: cells[0]["prior"],
    "variant": lambda cells: cells[0]["variant"],
    "d": lambda cells: cells[0]["d"],
    "seeds": len,
    "won": lambda cells: ", ".join(sorted({cell["ours"]["network"] for cell in cells})),
    "CPU-s": median("ours", "cpu_seconds", "{:.0f}".format),
    "psi": error("psi"),
    "prox": error("prox"),
    "J": error("J"),
    "recipe psi": recipe_ratio("psi"),
    "recipe J": recipe_ratio("J"),
    "MLP S": ratio("mlp", "S"),
}

TEXT = """\
Mean squared errors on {n_fresh} fresh points in the prior's own units, {n_samples}
samples, default parameters; median (range) over the seeds. Ratios are the
competitor's error over ours: of the paper's recipe with the time of our fit, for
psi and J, and of MLPRegressor (256, 256) with early stopping, both sides standardised,
for S. "won" is the model that the hold-out chose, "CPU-s" our fit's processor time."""


def markdown(cells, settings, *, n_samples):
    """The table of all cells."""
    title = "HJPriorRegressor where no default was chosen for it"
    text = TEXT.format(n_fresh=N_FRESH, n_samples=n_samples)
    return table(title, text, grouped(cells, HEADINGS[:3]), settings, COLUMNS)


def count_gradients(arguments):
    """Errors of S with and without gradients, for growing numbers of samples."""
    lines = []
    for name in ("l1", "euclidean", "total-variation"):
        for n_samples in (250, 1000, 4000):
            rng = np.random.RandomState(0)
            problem = transformed(name, "rotated", 8, rng)
            X, X_fresh = (
                rng.uniform(-4, 4, (n_samples, 8)),
                rng.uniform(-4, 4, (5000, 8)),
            )
            S, fresh = problem.value(X, 1.0), FreshPoints(problem, X_fresh, 1.0)
            gradient = X - problem.prox(X, 1.0)
            parameters = {"random_state": 0}
            with_values = run_ours(X, S, fresh, parameters)
            both = run_ours(X, S, fresh, parameters, gradient)
            columns = [name, n_samples]
            columns += [f"{e[q]:.1e}" for q in ("S", "J") for e in (with_values, both)]
            lines.append("| " + " | ".join(map(str, columns)) + " |\n")
            print(lines[-1], end="", flush=True)
    header = (
        "# What gradients are worth\n\nHeld-out mean squared errors, 8-D, rotated, "
        "default parameters, seed 0.\n\n"
        f"{machine(arguments.threads)}\n\n"
        "| prior | n | S, values | S, gradients | J, values | J, gradients |\n"
        "|---|---|---|---|---|---|\n"
    )
    (arguments.output / "gradients.md").write_text(header + "".join(lines))


def parse_arguments():
    """Read the command line."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--dims", type=int, nargs="+", default=[4, 8, 16])
    add("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    add("--n-samples", type=int, default=N_SAMPLES)
    add("--no-recipe", dest="recipe", action="store_false", help="half the time")
    add("--gradients", action="store_true", help="count what gradients are worth")
    arguments = parse(parser)
    if arguments.quick:
        arguments.dims, arguments.seeds = [8], [0]
        arguments.variants = ["plain", "rotated"]
    return arguments


def choices(arguments):
    """All cells asked for, seed by seed."""
    names = chosen(PROBLEMS | OTHERS, arguments)
    cells = product(arguments.seeds, arguments.dims, names, arguments.variants)
    for seed, d, name, variant in cells:
        # The others are already rotated by what they are.
        if name in PROBLEMS or variant in {"plain", "noise-0.1"}:
            yield name, variant, d, seed


def main():
    """Run the cells that are not there yet."""
    arguments = parse_arguments()
    if arguments.gradients:
        with limit_threads(arguments):
            count_gradients(arguments)
        return
    n_samples = arguments.n_samples
    one = partial(measure, n_samples=n_samples, recipe=arguments.recipe)
    write = partial(markdown, n_samples=n_samples)
    measure_cells("generalisation", HEADINGS, choices(arguments), one, write, arguments)


if __name__ == "__main__":
    main()
