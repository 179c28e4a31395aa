"""Fits on a machine that others use too: default threads against one.

Every estimator is fitted with its defaults, in a fresh process with the threads that
the machine offers and in one whose environment asks for one thread. The two alternate,
in pairs; the ratio is the median of those of the pairs. First on the machine as it is,
then beside busy loops, where threads that share a small step wait for each other: there
the ratio must not exceed 1.3 for any estimator, or the exit status is 1.

    python benchmarks/bench_busy_machine.py [--quick]

``--quick`` takes one pair, and few epochs where an estimator has any.
"""

import argparse
import os
import platform
import subprocess
import sys
import warnings
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

LARGEST_RATIO = 1.3
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
T = 0.5
# Ends with the process that started it, however that ends.
BUSY_LOOP = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"


def samples_of_the_norm(n_samples, n_features=4):
    """Points, and values and gradients there of S at time T of the Euclidean norm."""
    X = np.random.default_rng(0).normal(size=(n_samples, n_features))
    norms = np.linalg.norm(X, axis=1)
    y = np.where(norms <= T, norms**2 / (2 * T), norms - T / 2)
    return X, y, X / np.maximum(norms, T)[:, None]


def fit_prior(network, **options):
    """Fit a prior to 600 values."""
    from skhj import HJPriorRegressor

    X, y, _ = samples_of_the_norm(600)
    est = HJPriorRegressor(T, network=network, random_state=0, **options)
    return partial(est.fit, X, y)


def fit_inverse(network, **options):
    """Fit an inverse of three measurements of four unknowns to 600 pairs."""
    from skhj import EmbeddedInverseSolver

    rng = np.random.default_rng(0)
    A, X = rng.normal(size=(3, 4)), rng.normal(size=(600, 4))
    B = X @ A.T + 0.1 * rng.normal(size=(600, 3))
    est = EmbeddedInverseSolver(A, network=network, random_state=0, **options)
    return partial(est.fit, B, X)


def fit_pqm():
    """Fit a certified prior to 3000 values and gradients, and ask for 500 values."""
    from skhj import PQMPrior

    X, y, G = samples_of_the_norm(3000)
    return lambda: PQMPrior(t=T).fit(X, y, gradient=G).predict(X[:500])


def fit_reachability():
    """Test 3000 values and gradients."""
    from skhj import check_reachable

    X, y, G = samples_of_the_norm(3000)
    return partial(check_reachable, X, y, G, t=T)


PRIORS = ("auto", "ridge", "envelope", "icnn")
INVERSES = ("eunet", "optenet", "proximal")
TRAINED = {f"HJPriorRegressor {name}": partial(fit_prior, name) for name in PRIORS}
TRAINED |= {
    f"EmbeddedInverseSolver {name}": partial(fit_inverse, name) for name in INVERSES
}
CASES = TRAINED | {"PQMPrior": fit_pqm, "check_reachable": fit_reachability}


def run_case(name, max_iter):
    """What the process of one fit does: print the seconds it took."""
    few = {"max_iter": max_iter} if max_iter and name in TRAINED else {}
    run = CASES[name](**few)
    with warnings.catch_warnings():
        # Few epochs do not settle; how well a prior is learned is not asked here.
        warnings.simplefilter("ignore")
        start = perf_counter()
        run()
        print(perf_counter() - start)


def seconds(name, max_iter, one_thread):
    """Wall time of one fit in a fresh process."""
    environment = {k: v for k, v in os.environ.items() if k not in THREADS}
    if one_thread:
        environment |= dict.fromkeys(THREADS, "1")
    command = [sys.executable, __file__, "--case", name, "--max-iter", str(max_iter)]
    answer = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    )
    return float(answer.stdout)


def compare(name, max_iter, n_pairs):
    """Median seconds with default threads and with one, and their median ratio."""
    pairs = []
    for pair in range(n_pairs):
        times = {}
        for one_thread in (pair % 2 == 0, pair % 2 == 1):
            times[one_thread] = seconds(name, max_iter, one_thread)
        pairs.append((times[False], times[True]))
    default, single = (median(column) for column in zip(*pairs, strict=True))
    return default, single, median(a / b for a, b in pairs)


@contextmanager
def busy_loops(n_loops):
    """Other work on the machine: processes that spin."""
    with ExitStack() as stack:
        for _ in range(n_loops):
            loop = subprocess.Popen([sys.executable, "-c", BUSY_LOOP])
            stack.callback(loop.wait)
            stack.callback(loop.kill)
        yield


def commit():
    """Which state of the project this is."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always"]
    answer = subprocess.run(
        [*command, "--dirty"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "unknown"


def report(results, n_loops, n_pairs, load):
    """Lines of a table of all estimators, and whether all keep the limit."""
    lines = [
        "# Fits on a busy machine",
        "",
        "Wall seconds with default threads and with one, and their ratio; beside "
        f"{n_loops} busy loops at most {LARGEST_RATIO}.",
        "",
        "| fit | idle: default | one | ratio | busy: default | one | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, (idle, busy) in results.items():
        cells = [f"{value:.2f}" for value in (*idle, *busy)]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    lines += [
        "",
        f"Medians of {n_pairs} pairs; load average at the start {load:.1f}, commit "
        f"{commit()}, {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}.",
    ]
    return lines, all(busy[2] <= LARGEST_RATIO for _, busy in results.values())


def main():
    """Measure, print, write; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--n-loops", type=int, default=2)
    parser.add_argument("--n-pairs", type=int, default=3)
    parser.add_argument("--only", default="", help="part of the names to fit")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results"
    )
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--max-iter", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        run_case(arguments.case, arguments.max_iter)
        return 0

    max_iter, n_pairs = (10, 1) if arguments.quick else (0, arguments.n_pairs)
    load = os.getloadavg()[0]
    results = {}
    for name in CASES:
        if arguments.only not in name:
            continue
        rows = []
        for n_loops in (0, arguments.n_loops):
            with busy_loops(n_loops):
                rows.append(compare(name, max_iter, n_pairs))
        results[name] = rows
        print(name, *(f"{value:.2f}" for row in rows for value in row), flush=True)
    lines, kept = report(results, arguments.n_loops, n_pairs, load)
    print("\n".join(lines))
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "busy_machine.md").write_text("\n".join(lines) + "\n")
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
