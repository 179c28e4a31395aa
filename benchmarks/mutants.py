"""Single faults, each put into a copy of the checkout: do the tests see them.

Each fault is one change of one place. It is made in a temporary copy, never in place,
and the test files named with it are run there until the first failure.

    python benchmarks/mutants.py
    python benchmarks/mutants.py --only sigmoid reversed --output /tmp/mutants
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from joblib import Parallel, delayed
from mutant_cases import MUTANTS

ROOT = Path(__file__).parents[1]


class Mutant(NamedTuple):
    """A fault, and what ought to see it."""

    what: str
    module: str
    tests: str
    old: str
    new: str


def mutants():
    """All faults of the list."""
    for block in MUTANTS.split("\n= ")[1:]:
        what, place, old, new = block.rstrip("\n").split("\n")
        module, tests = place.split(": ", 1)
        old, new = (text[2:].replace("\\n", "\n") for text in (old, new))
        yield Mutant(what, module, tests, old, new)


def outcome(mutant, timeout):
    """First test that fails in a copy with the fault; "survived" where none does."""
    with tempfile.TemporaryDirectory() as directory:
        copy, ignored = Path(directory), shutil.ignore_patterns("__pycache__")
        for folder in ("skhj", "tests", "benchmarks"):
            shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", copy)
        file = copy / "skhj" / mutant.module
        source = file.read_text()
        if source.count(mutant.old) != 1:
            raise ValueError(f"{mutant.what}: the text is not in one place of {file}")
        file.write_text(source.replace(mutant.old, mutant.new))
        return first_failure(mutant.tests, copy, timeout)


def first_failure(tests, copy, timeout):
    """First of some tests that fails."""
    words = re.findall(r'"[^"]*"|\S+', tests)
    words = [f"tests/{w}" if w.endswith(".py") else w.strip('"') for w in words]
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", *words]
    names = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
    environment = os.environ | dict.fromkeys(names, "1") | {"PYTHONPATH": "."}
    try:
        run = subprocess.run(
            [*pytest, "-p", "no:cacheprovider"],
            cwd=copy,
            env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        return f"no end within {timeout} s"
    found = re.search(r"^FAILED tests/(\S+)", run.stdout, re.MULTILINE)
    if run.returncode == 1 and found:
        return found[1]
    if run.returncode == 0:
        return "survived"
    raise RuntimeError(f"{tests}:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")


def table(outcomes):
    """Markdown of the faults and the tests that saw them."""
    n_killed = sum(seen != "survived" for seen in outcomes.values())
    rows = [f"| {m.what} | `{m.module}` | {seen} |" for m, seen in outcomes.items()]
    return "\n".join(
        [
            "# Faults that the tests see",
            "",
            f"{n_killed} of {len(outcomes)}, by `python benchmarks/mutants.py`.",
            "",
            "| fault | module | first test that fails |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def main():
    """Try the faults, and write which test sees each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", help="words of the faults to try")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds of each")
    parser.add_argument("--jobs", type=int, default=1, help="tried at a time")
    output = ROOT / "benchmarks" / "results"
    parser.add_argument("--output", type=Path, default=output)
    arguments = parser.parse_args()
    chosen = [
        mutant
        for mutant in mutants()
        if not arguments.only or any(word in mutant.what for word in arguments.only)
    ]
    arguments.output.mkdir(parents=True, exist_ok=True)
    tasks = (delayed(outcome)(mutant, arguments.timeout) for mutant in chosen)
    parallel = Parallel(arguments.jobs, return_as="generator")
    outcomes = {}
    for mutant, seen in zip(chosen, parallel(tasks), strict=True):
        outcomes[mutant] = seen
        print(f"{mutant.what}: {seen}", flush=True)
        (arguments.output / "mutants.md").write_text(table(outcomes))


if __name__ == "__main__":
    main()
