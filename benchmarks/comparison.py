"""Methods side by side on the same data: errors and CPU time, over several seeds.

Shared by the scripts of inverse problems. Each result is kept in a JSON file as soon
as it is there; a Markdown table is rewritten from that file.
"""

import argparse
import json
import os
import platform
import shlex
import sys
from pathlib import Path
from time import process_time

import numpy as np
import sklearn
import torch
from threadpoolctl import threadpool_limits

import skhj


class Comparison:
    """Errors of methods on problems, one for each seed.

    Parameters
    ----------
    name : str
        Name of the files, without their ends.
    introduction : str
        What the Markdown file says before its tables.
    arguments : argparse.Namespace
        From `parse`.
    columns : dict of str to str
        Method to divide by, to heading, of columns of ratios.
    """

    def __init__(self, name, introduction, arguments, columns):
        arguments.output.mkdir(parents=True, exist_ok=True)
        self.json_file = arguments.output / f"{name}.json"
        self.markdown_file = arguments.output / f"{name}.md"
        self.introduction, self.columns = introduction, columns
        self.settings = describe(arguments)
        self.cells = stored_cells(self.json_file, self.settings)

    def run(self, problem, seed, methods, truth, measures=None):
        """Run each method, a function that returns its answer for the test data.

        One that answers for the first of them only, (n, N), or with several draws for
        each, (n_draws, n, N), is compared with the others there. ``measures``, heading
        to function of an answer, are columns of their own.
        """
        answers = {}
        for method, predict in methods.items():
            start = process_time()
            answer = predict()
            seconds = process_time() - start
            if method in self.columns:
                answers[method] = answer
            n = answer.shape[-2]
            measured = {name: f(answer) for name, f in (measures or {}).items()}
            cell = {
                "problem": problem,
                "method": method,
                "seed": seed,
                "error": squared_error(answer, truth[:n]),
                "seconds": seconds,
            }
            if n < len(truth):
                cell["references"] = {
                    name: squared_error(other[:n], truth[:n])
                    for name, other in answers.items()
                }
            self._add(cell | ({"measures": measured} if measured else {}))

    def seconds(self, problem, method, seed):
        """CPU time of a run before."""
        (cell,) = (c for c in self._of(problem, method) if c["seed"] == seed)
        return cell["seconds"]

    def _add(self, cell):
        key = ("problem", "method", "seed")
        place = [cell[name] for name in key]
        others = [c for c in self.cells if [c[name] for name in key] != place]
        self.cells = [*others, cell]
        store_cells(self.json_file, self.settings, self.cells)
        self.markdown_file.write_text(self.markdown())
        print(
            f"{cell['problem']}, seed {cell['seed']}: {cell['method']:<24}"
            f" error {cell['error']:.5g}  {cell['seconds']:.1f} CPU-s",
            flush=True,
        )

    def markdown(self):
        """Write a table for each problem: means over seeds, and ratios to a method."""
        text = [self.introduction, f"{self.settings['machine']}\n"]
        text.append(f"    {self.settings['command']}\n")
        for problem in dict.fromkeys(cell["problem"] for cell in self.cells):
            ratios = list(self.columns.values())
            measures = self._measures(problem)
            header = ["method", "error", *ratios, *measures, "CPU-s", "seeds"]
            text.append(f"## {problem}\n")
            text.append("| " + " | ".join(header) + " |")
            text.append("|" + "---|" * len(header))
            for method in dict.fromkeys(c["method"] for c in self._of(problem)):
                text.append("| " + " | ".join(self._row(problem, method)) + " |")
            text.append("")
        return "\n".join(text)

    def _of(self, problem, method=None):
        return [
            cell
            for cell in self.cells
            if cell["problem"] == problem and method in {None, cell["method"]}
        ]

    def _measures(self, problem):
        """Headings of what was measured beside the error."""
        cells = self._of(problem)
        return dict.fromkeys(
            name for cell in cells for name in cell.get("measures", {})
        )

    def _row(self, problem, method):
        cells = self._of(problem, method)
        row = [method, f"{np.mean([cell['error'] for cell in cells]):.4g}"]
        for reference in self.columns:
            errors = {c["seed"]: c["error"] for c in self._of(problem, reference)}
            ratios = [
                c["error"] / c.get("references", {}).get(reference, errors[c["seed"]])
                for c in cells
                if c["seed"] in errors
            ]
            row.append(spread(ratios) if ratios else "")
        for name in self._measures(problem):
            values = [c["measures"][name] for c in cells if "measures" in c]
            row.append(f"{np.mean(values):.3f}" if values else "")
        seconds = np.mean([cell["seconds"] for cell in cells])
        return [*row, f"{seconds:.0f}", str(len(cells))]


def squared_error(answer, truth):
    """Mean squared error."""
    return float(np.mean((answer - truth) ** 2))


def stored_cells(json_file, settings):
    """Cells of earlier runs; those of other settings are not to be mixed in."""
    if not json_file.exists():
        return []
    stored = json.loads(json_file.read_text())
    if stored["settings"] != settings:
        sys.exit(
            f"{json_file} holds results of other settings, {stored['settings']}: "
            "delete it, or choose another --output"
        )
    return stored["cells"]


def store_cells(json_file, settings, cells):
    """Write the cells of all runs."""
    stored = {"settings": settings, "cells": cells}
    json_file.write_text(json.dumps(stored, indent=1) + "\n")


def measure_cells(name, headings, choices, measure, markdown, arguments):
    """Measure cells that are not stored yet; the table is rewritten after each.

    A choice has a value for each heading; what ``measure`` finds of it is added.
    """
    arguments.output.mkdir(parents=True, exist_ok=True)
    file, settings = arguments.output / f"{name}.json", describe(arguments)
    cells = stored_cells(file, settings)
    known = {tuple(cell[heading] for heading in headings) for cell in cells}
    with limit_threads(arguments):
        for choice in choices:
            if choice in known:
                continue
            named = dict(zip(headings, choice, strict=True))
            cells.append(named | measure(*choice))
            print(cells[-1], flush=True)
            store_cells(file, settings, cells)
            file.with_suffix(".md").write_text(markdown(cells, settings))


def grouped(cells, headings):
    """Lists of cells that agree in these, such as those of several seeds."""
    groups = {}
    for cell in cells:
        groups.setdefault(tuple(cell[name] for name in headings), []).append(cell)
    return list(groups.values())


def table(title, text, cells, settings, columns):
    """Write a table with a sorted row for each cell; ``columns`` make it."""
    lines = [f"# {title}", "", text, "", settings["machine"], ""]
    lines += [f"    {settings['command']}", "", f"| {' | '.join(columns)} |"]
    lines.append("|" + "---|" * len(columns))
    rows = sorted([make(cell) for make in columns.values()] for cell in cells)
    lines += [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def spread(ratios):
    """Write the mean of ratios, and their range where there are several."""
    mean = f"{np.mean(ratios):.3f}"
    if len(ratios) == 1:
        return mean
    return f"{mean} ({min(ratios):.3f}-{max(ratios):.3f})"


def make_parser(description):
    """Parse what all scripts have in common."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="one seed, fewer samples")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--threads", type=int, default=2)
    add("--methods", nargs="+", help="only these")
    add("--output", type=Path, default=Path(__file__).parent / "results")
    return parser


def parse(parser):
    """Parse the command line; ``changed`` has what differs from the defaults."""
    arguments = parser.parse_args()
    given = vars(arguments).items()
    arguments.changed = {k: v for k, v in given if v != parser.get_default(k)}
    return arguments


def describe(arguments):
    """Settings on which results depend: machine, versions, command."""
    command = ["python", f"benchmarks/{Path(sys.argv[0]).name}"]
    for option, value in arguments.changed.items():
        # What is run says nothing of how it is run.
        if option in {
            "output",
            "methods",
            "models",
            "pictures",
            "seeds",
            "sigmas",
            "widths",
            "deepinv",
            "dims",
            "variants",
        }:
            continue
        command += [f"--{option.replace('_', '-')}"]
        if value is not True:
            values = value if isinstance(value, list) else [value]
            # A folder's name tells enough; where it was is nobody's business.
            command += [v.name if isinstance(v, Path) else str(v) for v in values]
    return {"machine": machine(arguments.threads), "command": shlex.join(command)}


def machine(threads):
    """Describe what the times depend on."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {threads} threads; "
        f"Python {platform.python_version()}, skhj {skhj.__version__}, "
        f"torch {torch.__version__}, scikit-learn {sklearn.__version__}, "
        f"numpy {np.__version__}."
    )


def limit_threads(arguments):
    """Context in which torch and BLAS use as many threads as asked for."""
    torch.set_num_threads(arguments.threads)
    return threadpool_limits(arguments.threads)


def chosen(methods, arguments):
    """Return the methods asked for, all without ``--methods``."""
    names = arguments.methods or list(methods)
    return {name: methods[name] for name in methods if name in names}
