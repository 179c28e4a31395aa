"""Tables 1-4 of arXiv 2512.23829, held out, at equal processor time.

For the paper's four priors and its dimensions, at t = 1 with x uniform in [-4, 4]^d,
the same samples (x, S(x)) are given to

- ours: ``skhj.HJPriorRegressor`` with its default parameters; its ``fit`` sets the
  processor time of the cell;
- recipe: the paper's two networks, in a bare torch loop with mini-batches, that time
  split evenly between them;
- MLP: scikit-learn's ``MLPRegressor`` of S alone, X and y standardised, for that time.

Each is judged by the mean squared error on 5,000 fresh x: of psi (equal to that of S
at t = 1), and of the prior J at prox(x) against the exact backward prior. The
published figures are training losses, the second against targets made by the first
network; they stand there for orientation.

    python benchmarks/bench_paper_tables.py --quick
    python benchmarks/bench_paper_tables.py --dims 2 8 --problems l1 concave

Cells are added to results/paper_tables.json, and results/paper_tables.md is rewritten
from it after each. Delete the former after a change of the code.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path

import numpy as np
import torch
from prior_baselines import N_FRESH, FreshPoints, machine, run_mlp, run_ours, run_recipe
from threadpoolctl import threadpool_limits

from skhj.datasets import make_value_samples
from skhj.problems import L1, ConcaveQuadratic, MinPlus, NegativeL1

T = 1.0
N_SAMPLES = {2: 20_000, 4: 20_000, 8: 30_000, 16: 30_000, 32: 40_000, 64: 80_000}


def two_wells(n_features):
    """The paper's min-plus prior: wells at e_1 and at (1, ..., 1) / sqrt(d)."""
    centers = np.zeros((2, n_features))
    centers[0, 0] = 1.0
    centers[1] = 1 / np.sqrt(n_features)
    return MinPlus(centers, widths=1.0)


PROBLEMS = {
    "l1": lambda n_features: L1(),
    "min-plus": two_wells,
    "concave": lambda n_features: ConcaveQuadratic(kappa=0.5),
    "negative-l1": lambda n_features: NegativeL1(),
}

# Final training losses of the paper, psi's network / the conjugate's, by dimension.
PUBLISHED = {
    "l1": {
        2: (1.0e-5, 3.3e-5),
        4: (3.0e-5, 2.2e-4),
        8: (1.1e-4, 7.3e-4),
        16: (5.3e-3, 2.1e-3),
        32: (1.6e-1, 4.0e-2),
        64: (2.9e-6, 2.7e-3),
    },
    "min-plus": {
        2: (3.3e-6, 5.7e-7),
        4: (7.6e-6, 4.9e-6),
        8: (3.6e-5, 1.2e-4),
        16: (2.0e-4, 3.4e-4),
        32: (1.2e-3, 1.3e-3),
        64: (2.3e-9, 5.2e-5),
    },
    "concave": {
        2: (6.7e-7, 1.5e-6),
        4: (2.8e-5, 7.5e-5),
        8: (5.6e-4, 7.9e-4),
        16: (3.7e-3, 3.2e-3),
        32: (9.1e-2, 3.0e-2),
        64: (4.3e-6, 1.8e-3),
    },
    "negative-l1": {
        2: (6.5e-5, 5.0e-6),
        4: (3.2e-4, 3.0e-5),
        8: (2.1e-3, 3.2e-4),
        16: (7.8e-3, 6.7e-2),
        32: (1.7e-1, 2.5e-2),
        64: (6.4e-4, 5.1e-3),
    },
}


def run_cell(name, n_features, arguments):
    """Run the three methods on the same samples of one prior."""
    problem = PROBLEMS[name](n_features)
    rng = np.random.RandomState(arguments.seed)
    n_samples = arguments.n_samples or N_SAMPLES[n_features]
    X, S, _ = make_value_samples(problem, n_samples, n_features, t=T, random_state=rng)
    X_fresh, _, _ = make_value_samples(
        problem, N_FRESH, n_features, t=T, random_state=rng
    )
    fresh = FreshPoints(problem, X_fresh, T)
    parameters = {"random_state": arguments.seed}
    if arguments.max_iter:
        parameters["max_iter"] = arguments.max_iter
    ours = run_ours(X, S, fresh, parameters)
    seconds = arguments.budget or ours["cpu_seconds"]
    return {
        "problem": name,
        "n_features": n_features,
        "n_samples": n_samples,
        "ours": ours,
        "recipe": run_recipe(X, S, fresh, seconds, arguments.seed),
        "mlp": run_mlp(X, S, fresh, seconds, arguments.seed),
    }


def ratios(cell):
    """How many times larger the baseline's error is: of psi, of J and of S."""
    ours = cell["ours"]
    return (
        cell["recipe"]["psi"] / ours["psi"],
        cell["recipe"]["J"] / ours["J"],
        cell["mlp"]["S"] / ours["S"],
    )


def as_ratio(number):
    """Write a ratio; beyond a million only rounding is left of the smaller error."""
    return f"{number:.3g}" if number < 1e6 else "> 1e6"


def published(cell):
    """Return the paper's two figures."""
    psi, J = PUBLISHED[cell["problem"]][cell["n_features"]]
    return f"{psi:.1e} / {J:.1e}"


def line(cell):
    """One line to print."""
    ours, recipe, mlp = cell["ours"], cell["recipe"], cell["mlp"]
    of_psi, of_J, of_S = map(as_ratio, ratios(cell))
    return (
        f"{cell['problem']:>11} {cell['n_features']:2d}D  {ours['seconds']:5.1f} s"
        f"  ours psi {ours['psi']:.1e} J {ours['J']:.1e} S {ours['S']:.1e}"
        f"  recipe psi {recipe['psi']:.1e} ({of_psi}x) "
        f"J {recipe['J']:.1e} ({of_J}x)"
        f"  MLP S {mlp['S']:.1e} ({of_S}x)  published {published(cell)}"
    )


def row(cell):
    """One line of the Markdown table."""
    ours, recipe, mlp = cell["ours"], cell["recipe"], cell["mlp"]
    of_psi, of_J, of_S = map(as_ratio, ratios(cell))
    columns = (
        cell["problem"],
        cell["n_features"],
        f"{ours['seconds']:.0f}",
        f"{ours['cpu_seconds']:.0f}",
        ours["network"],
        f"{1e6 * ours['query_seconds']:.1f}",
        f"{ours['inversion_query_seconds'] / ours['query_seconds']:.0f}",
        *(f"{ours['psi']:.1e}", f"{recipe['psi']:.1e}", of_psi),
        *(f"{ours['J']:.1e}", f"{recipe['J']:.1e}", of_J),
        *(f"{mlp['S']:.1e}", of_S),
        published(cell),
    )
    return "| " + " | ".join(map(str, columns)) + " |"


HEADER = """\
# Tables 1-4 of arXiv 2512.23829

Mean squared errors on {n_fresh} fresh points: of psi (that of S too, since t = 1) and
of J at prox(x) against the exact backward prior. Our fit took "s" seconds, "CPU-s" of
processor time; the recipe and the MLP had {budget}. "won" is the
model that the hold-out chose, "us" the time of one query of our prior in microseconds,
and "inversion" how many times longer it takes by conjugate gradients from scratch
(prior_method="inversion"). Ratios are the baseline's error over ours. Published figures
are the paper's training losses, psi's network / the conjugate's, not errors.

{machine}

    {command}

| prior | d | s | CPU-s | won | us | inversion | psi | recipe psi | ratio | J \
| recipe J | ratio | MLP S | ratio | published |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def markdown(settings, cells):
    """Write the table, and the command that makes it again."""
    options = {
        "dims": sorted({cell["n_features"] for cell in cells}),
        "problems": [
            name for name in PROBLEMS if name in {cell["problem"] for cell in cells}
        ],
        **settings["options"],
    }
    command = ["python", "benchmarks/bench_paper_tables.py"]
    for name, value in options.items():
        values = value if isinstance(value, list) else [value]
        if value is not None:
            command += [f"--{name.replace('_', '-')}", *map(str, values)]
    budget = settings["options"]["budget"]
    header = HEADER.format(
        n_fresh=N_FRESH,
        budget=f"{budget:g} CPU-s each" if budget else "as many CPU-s each",
        machine=settings["machine"],
        command=shlex.join(command),
    )
    return header + "".join(f"{row(cell)}\n" for cell in cells)


class Results:
    """The cells run so far, all with the same settings, kept in two files."""

    def __init__(self, folder, settings):
        self.json_file = folder / "paper_tables.json"
        self.markdown_file = folder / "paper_tables.md"
        self.settings, self.cells = settings, []
        if self.json_file.exists():
            stored = json.loads(self.json_file.read_text())
            self.cells = stored["cells"]
            if stored["settings"] != settings:
                sys.exit(
                    f"{self.json_file} holds results of other settings, "
                    f"{stored['settings']}: delete it, or choose another --output"
                )

    @staticmethod
    def _place(cell):
        return list(PROBLEMS).index(cell["problem"]), cell["n_features"]

    def add(self, cell):
        """Put the cell in the place of an earlier run's, and write both files."""
        others = [c for c in self.cells if self._place(c) != self._place(cell)]
        self.cells = sorted([*others, cell], key=self._place)
        stored = {"settings": self.settings, "cells": self.cells}
        self.json_file.write_text(json.dumps(stored, indent=1) + "\n")
        self.markdown_file.write_text(markdown(self.settings, self.cells))


def parse_arguments():
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="d = 8 only")
    add("--dims", type=int, nargs="+", choices=N_SAMPLES, default=list(N_SAMPLES))
    add("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=2)
    add("--budget", type=float, help="seconds of the baselines, not our fit's")
    add("--n-samples", type=int, help="not the paper's number; to try the script")
    add("--max-iter", type=int, help="of HJPriorRegressor; to try the script")
    add("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.dims = [8]
    return arguments


def main():
    """Run the cells asked for, the low dimensions first."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    options = ("seed", "threads", "budget", "n_samples", "max_iter")
    settings = {
        "machine": machine(arguments.threads),
        "options": {name: getattr(arguments, name) for name in options},
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = Results(arguments.output, settings)
    with threadpool_limits(arguments.threads):
        for n_features in arguments.dims:
            for name in arguments.problems:
                cell = run_cell(name, n_features, arguments)
                print(line(cell), flush=True)
                results.add(cell)


if __name__ == "__main__":
    main()
