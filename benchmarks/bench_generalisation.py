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

Cells are added to results/generalisation.json, and results/generalisation.md is
rewritten from it after each. Delete the former after a change of the code. With
``--gradients`` it writes instead results/gradients.md: how many fewer samples are
needed where gradients are given.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from bench_paper_tables import PROBLEMS
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
    machine,
    mean_squared_error,
    run_ours,
    run_recipe,
)
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

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


def run_cell(name, variant, n_features, seed, arguments):
    """Run the three methods on the same samples of one prior."""
    rng = np.random.RandomState(seed)
    problem = transformed(name, variant, n_features, rng)
    X, X_fresh = (
        problem.points(rng.uniform(-4, 4, size=(n, n_features)))
        for n in (arguments.n_samples, N_FRESH)
    )
    t = problem.time(1.0)
    S, fresh = problem.value(X, t), FreshPoints(problem, X_fresh, t)
    if variant.startswith("noise"):
        S = S + float(variant.removeprefix("noise-")) * rng.normal(size=len(S))
    ours = run_ours(X, S, fresh, {"random_state": seed})
    recipe = {}
    if arguments.recipe:
        recipe = run_recipe(X, S, fresh, ours["cpu_seconds"], seed)
    cell = {"ours": ours, "recipe": recipe, "mlp": run_mlp(X, S, fresh, seed)}
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
    where = {"problem": name, "variant": variant, "d": n_features, "seed": seed}
    return where | cell


def spread(numbers):
    """Median, and the range where there are several seeds."""
    if len(numbers) == 1:
        return f"{numbers[0]:.1e}"
    return f"{np.median(numbers):.1e} ({min(numbers):.0e}-{max(numbers):.0e})"


def ratio(cells, method, quantity):
    """Median over the seeds of a competitor's error over ours."""
    ratios = [
        cell[method][quantity] / max(cell["ours"][quantity], 1e-300)
        for cell in cells
        if quantity in cell[method]
    ]
    if not ratios:
        return "-"
    return f"{np.median(ratios):.2g}" if np.median(ratios) < 1e6 else "> 1e6"


HEADER = """\
# HJPriorRegressor where no default was chosen for it

Mean squared errors on {n_fresh} fresh points in the prior's own units, {n_samples}
samples, default parameters; median (range) over the seeds {seeds}. Ratios are the
competitor's error over ours: of the paper's recipe with the time of our fit, for
psi and J, and of MLPRegressor (256, 256) with early stopping, both sides standardised,
for S. "won" is the model that the hold-out chose, "CPU-s" our fit's processor time.

{machine}

| prior | variant | d | won | CPU-s | psi | prox | J | recipe psi | recipe J | MLP S |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def markdown(stored):
    """Write the table."""
    groups = {}
    for cell in stored["cells"]:
        key = cell["problem"], cell["variant"], cell["d"]
        groups.setdefault(key, []).append(cell)
    lines = []
    for key in sorted(groups, key=place):
        cells = groups[key]
        ours = [cell["ours"] for cell in cells]
        columns = [
            *key,
            ", ".join(sorted({cell["network"] for cell in ours})),
            f"{np.median([cell['cpu_seconds'] for cell in ours]):.0f}",
            *(spread([cell[q] for cell in ours]) for q in ("psi", "prox", "J")),
            ratio(cells, "recipe", "psi"),
            ratio(cells, "recipe", "J"),
            ratio(cells, "mlp", "S"),
        ]
        lines.append("| " + " | ".join(map(str, columns)) + " |\n")
    seeds = sorted({cell["seed"] for cell in stored["cells"]})
    header = HEADER.format(
        n_fresh=N_FRESH,
        n_samples=stored["n_samples"],
        seeds=", ".join(map(str, seeds)),
        machine=stored["machine"],
    )
    return header + "".join(lines)


def place(key):
    """Order of the table's rows."""
    name, variant, n_features = key
    names = [*PROBLEMS, *OTHERS]
    return names.index(name), VARIANTS.index(variant), n_features


def add(cell, file, settings):
    """Put a cell in the place of an earlier run's, and write both files."""
    stored = json.loads(file.read_text()) if file.exists() else {"cells": []}
    keys = ("problem", "variant", "d", "seed")
    others = [c for c in stored["cells"] if any(c[k] != cell[k] for k in keys)]
    stored = settings | {"cells": [*others, cell]}
    file.write_text(json.dumps(stored, indent=1) + "\n")
    file.with_suffix(".md").write_text(markdown(stored))


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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="plain and rotated, d = 8, one seed")
    add("--dims", type=int, nargs="+", default=[4, 8, 16])
    add("--problems", nargs="+", choices=[*PROBLEMS, *OTHERS])
    add("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--threads", type=int, default=2)
    add("--n-samples", type=int, default=N_SAMPLES)
    add("--no-recipe", dest="recipe", action="store_false", help="half the time")
    add("--gradients", action="store_true", help="count what gradients are worth")
    add("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.dims, arguments.seeds = [8], [0]
        arguments.variants = ["plain", "rotated"]
    return arguments


def main():
    """Run the cells asked for."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    arguments.output.mkdir(parents=True, exist_ok=True)
    settings = {
        "machine": machine(arguments.threads),
        "n_samples": arguments.n_samples,
    }
    with threadpool_limits(arguments.threads):
        if arguments.gradients:
            count_gradients(arguments)
            return
        for seed in arguments.seeds:
            for n_features in arguments.dims:
                for name in arguments.problems or [*PROBLEMS, *OTHERS]:
                    for variant in arguments.variants:
                        # These are already rotated by what they are.
                        if name in OTHERS and variant not in {"plain", "noise-0.1"}:
                            continue
                        cell = run_cell(name, variant, n_features, seed, arguments)
                        ours = {k: v for k, v in cell["ours"].items() if k != "network"}
                        print(
                            f"{name:>15} {variant:>10} {n_features:2d}D seed {seed} "
                            f"{cell['ours']['network']}",
                            *(f"{k} {v:.1e}" for k, v in ours.items()),
                            f"MLP S {cell['mlp']['S']:.1e}",
                            flush=True,
                        )
                        add(cell, arguments.output / "generalisation.json", settings)


if __name__ == "__main__":
    main()
