"""Max-plus priors: errors against the theory, speed against a matrix product.

Run ``python benchmarks/bench_pqm.py`` on one thread (OMP_NUM_THREADS=1); ``--quick``
for a smaller run. Writes benchmarks/results/pqm.md. Clarabel (``pip install
clarabel``) is compared where it is installed.

Times are medians of ratios: each repetition runs the raw product ``queries @
pieces.T`` (float64, into memory already touched) and the task in turn.
"""

import argparse
import time
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
from optimal_error import optimal_error
from scipy import sparse
from scipy.stats import qmc

from skhj.hamilton_jacobi import half_squared_norm
from skhj.max_plus.constants import prior_constants
from skhj.max_plus.maximum import maximum
from skhj.max_plus.pieces import pqm_pieces, value_upper_pieces
from skhj.max_plus.selection import select_pieces
from skhj.max_plus.value import ValueSolver

RESULTS = Path(__file__).parent / "results" / "pqm.md"


class LogCosh:
    """psi*(y) = alpha |y|^2 / 2 + sum_j log cosh <k_j, y>, at t = 1."""

    def __init__(self, n_features, alpha=0.3):
        rng = np.random.default_rng(0)
        self.K = rng.standard_normal((n_features, n_features)) / n_features**0.5
        self.alpha = alpha
        self.smoothness = alpha + np.linalg.norm(self.K, 2) ** 2

    def prior(self, Y):
        """J at t = 1."""
        Z = Y @ self.K.T
        log_cosh = (np.logaddexp(Z, -Z) - np.log(2)).sum(axis=1)
        return log_cosh - (1 - self.alpha) * half_squared_norm(Y)

    def at(self, P):
        """X, S and the gradient of S whose prox is P."""
        X = self.alpha * P + np.tanh(P @ self.K.T) @ self.K
        return X, self.prior(P) + half_squared_norm(X - P), X - P

    def metric_volume(self, Y, box):
        """Integral over the box of det(psi*'' - alpha I)^(1/2)."""
        density = 1 / np.cosh(Y @ self.K.T).prod(axis=1)
        volume = (2 * box) ** Y.shape[1]
        return volume * np.abs(np.linalg.det(self.K)) * density.mean()


def table(head, rows):
    """Rows in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def errors(sizes):
    """Largest error against n, over the best asymptotically; and the fitted rate."""
    rows = []
    for d in (1, 2, 3, 4):
        problem = LogCosh(d)
        Y = np.random.default_rng(9).uniform(-1, 1, size=(50_000, d))
        exact, volume = problem.prior(Y), problem.metric_volume(Y, 1.0)
        draws = {
            "random": np.random.default_rng(1).uniform(-1, 1, (max(sizes), d)),
            "Halton": 2 * qmc.Halton(d, seed=1).random(max(sizes)) - 1,
        }
        pool = np.random.default_rng(2).uniform(-1, 1, size=(20 * max(sizes), d))
        X, S, gradient = problem.at(pool)
        candidates = pqm_pieces(X, S, gradient, t=1.0, alpha=problem.alpha)
        order, _ = select_pieces(candidates, max(sizes))
        draws["greedy"] = pool[order]
        for name, P in draws.items():
            worst = []
            for n in sizes:
                X, S, gradient = problem.at(P[:n])
                pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=problem.alpha)
                worst.append((exact - maximum(pieces, Y).value).max())
            rate = np.polyfit(np.log(sizes), np.log(worst), 1)[0]
            over = [
                f"{e:.2e} ({e / optimal_error(volume, n, d):.1f})"
                for e, n in zip(worst, sizes, strict=True)
            ]
            rows.append([d, name, *over, f"{rate:.2f}", f"{-2 / d:.2f}"])
    head = ["d", "points", *(f"n = {n}" for n in sizes), "rate", "-2/d"]
    return table(head, rows)


def high_dimension(n):
    """Mean error of the prior over the spread of J."""
    rows = []
    for d in (2, 4, 8, 16, 32, 64):
        problem = LogCosh(d)
        rng = np.random.default_rng(0)
        X, S, gradient = problem.at(rng.uniform(-3, 3, size=(n, d)))
        Y = rng.uniform(-3, 3, size=(2000, d))
        exact = problem.prior(Y)
        alphas = prior_constants(X, S, gradient, t=1.0).alpha
        row = [d]
        for alpha in (0, problem.alpha, alphas):
            pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=alpha)
            error = exact - maximum(pieces, Y).value
            row.append(f"{np.abs(error).mean() / exact.std():.3f}")
        rows.append(row)
    return table(["d", "PAM", "PQM", "local"], rows)


def interleaved(raw, tasks, repeats):
    """Median over the repetitions of each task's time over the raw product's."""
    ratios = {name: [] for name in tasks}
    seconds = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            start = time.perf_counter()
            raw()
            middle = time.perf_counter()
            task()
            end = time.perf_counter()
            ratios[name].append((end - middle) / (middle - start))
            seconds[name].append(end - middle)
    return {name: (np.median(ratios[name]), np.median(seconds[name])) for name in tasks}


def speed(shapes, repeats):
    """Ratios to the raw product for each (n, d, number of queries)."""
    timings = [(shape, *_time_shape(*shape, repeats)) for shape in shapes]
    rows = [
        [
            f"({n}, {d})",
            *(f"{ratio:.2f}" for ratio, _ in tasks.values()),
            f"{tasks['value, alpha 0.3'][1] / n_queries * 1e3:.3f}",
            f"{gap:.0e}",
        ]
        for (n, d, n_queries), tasks, gap in timings
    ]
    head = ["(n, d)", *timings[0][1], "value 0.3, ms a query", "relative gap"]
    return table(head, rows)


def _time_shape(n, d, n_queries, repeats):
    """Times of each task, and the largest gap of the values at alpha = 0.3."""
    problem = LogCosh(d)
    rng = np.random.default_rng(0)
    P = rng.uniform(-3, 3, size=(n, d))
    X, S, gradient = problem.at(P)
    Y = rng.uniform(-3, 3, size=(n_queries, d))
    Q, *_ = problem.at(Y)
    single = Y.astype(np.float32)
    curvatures = {0.3: 0.3, 0.1: 0.1, 0.02: 0.02, "local": np.linspace(0.2, 0.3, n)}
    pieces = {
        name: pqm_pieces(X, S, gradient, t=1.0, alpha=alpha)
        for name, alpha in curvatures.items()
    }
    tasks = {
        "prior": lambda: maximum(pieces[0.3], Y),
        "prior, float32": lambda: maximum(pieces[0.3], single, dtype=np.float32),
    }
    for name in curvatures:
        title = f"value, {name}" if name == "local" else f"value, alpha {name}"
        tasks[title] = partial(ValueSolver().solve, pieces[name], Q, 1.0)
    product = np.zeros((n_queries, n))
    timings = interleaved(lambda: np.matmul(Y, X.T, out=product), tasks, repeats)
    m = min(n, 20_000)  # pairs of m samples against products of the same size
    square = np.zeros((n_queries, m))

    def raw_pairs():
        for start in range(0, m, n_queries):
            rows = P[start : min(start + n_queries, m)]
            np.matmul(rows, P[:m].T, out=square[: len(rows)])

    def fit():
        prior_constants(X[:m], S[:m], gradient[:m], t=1.0)

    timings |= interleaved(raw_pairs, {"fit": fit}, max(3, repeats // 2))
    gap = ValueSolver().solve(pieces[0.3], Q, 1.0).gap.max()
    return timings, gap / np.ptp(S)


def clarabel_value(pieces, x, time_):
    """Minimise alpha |y|^2 / 2 s - <x, y> / s + z, z above the pieces' affine parts."""
    import clarabel

    n, d = pieces.points.shape
    alpha = 1 - time_ * pieces.beta
    W = pieces.slopes + pieces.beta * pieces.points
    b = pieces.values - ((pieces.slopes + W) * pieces.points).sum(1) / 2
    quadratic = sparse.diags([*([alpha / time_] * d), 0.0], format="csc")
    A = sparse.csc_matrix(np.column_stack([W, -np.ones(n)]))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-10
    solver = clarabel.DefaultSolver(
        quadratic,
        np.append(-x / time_, 1.0),
        A,
        -b,
        [clarabel.NonnegativeConeT(n)],
        settings,
    )
    return solver.solve().obj_val + half_squared_norm(x) / time_


def against_clarabel(shapes):
    """Milliseconds a query, ours over a thousand of them, Clarabel's over twelve."""
    rows = []
    for n, d in shapes:
        problem = LogCosh(d)
        rng = np.random.default_rng(0)
        X, S, gradient = problem.at(rng.uniform(-3, 3, size=(n, d)))
        pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=problem.alpha)
        Q, *_ = problem.at(rng.uniform(-3, 3, size=(1000, d)))
        ratios = []
        for batch in range(3):
            start = time.perf_counter()
            ours = ValueSolver().solve(pieces, Q, 1.0).value[batch * 4 : batch * 4 + 4]
            middle = time.perf_counter()
            theirs = [clarabel_value(pieces, x, 1.0) for x in Q[batch * 4 :][:4]]
            end = time.perf_counter()
            times = (middle - start) / len(Q), (end - middle) / 4
            ratios.append(times[1] / times[0])
        difference = np.abs(ours - theirs).max() / np.ptp(S)
        rows.append(
            [
                f"({n}, {d})",
                f"{times[0] * 1e3:.3f}",
                f"{times[1] * 1e3:.0f}",
                f"{np.median(ratios):.0f}",
                f"{difference:.0e}",
            ]
        )
    head = ["(n, d)", "ms a query", "Clarabel, ms", "ratio", "relative difference"]
    return table(head, rows)


def bracket(n):
    """Part of the queries inside bounds of known and of estimated constants."""
    rows = []
    for d in (1, 2, 4, 8):
        problem = LogCosh(d)
        rng = np.random.default_rng(0)
        X, S, gradient = problem.at(rng.uniform(-3, 3, size=(n, d)))
        Y = rng.uniform(-3, 3, size=(10_000, d))
        Q, value, _ = problem.at(Y)
        J = problem.prior(Y)
        constants = prior_constants(X, S, gradient, t=1.0)
        row = [d]
        for alpha, smoothness in [
            (problem.alpha, problem.smoothness),
            (constants.alpha.min(), constants.smoothness),
        ]:
            pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=alpha)
            bounds = {"prior": (0.0, Y, J), "value": (1.0, Q, value)}
            for name, (s, points, exact) in bounds.items():
                upper = value_upper_pieces(pieces, s, t=1.0, smoothness=smoothness)
                high = -maximum(upper, points).value
                low = (
                    maximum(pieces, points).value
                    if name == "prior"
                    else ValueSolver().solve(pieces, points, s).value
                )
                margin = 1e-9 * np.ptp(exact)
                inside = (low <= exact + margin) & (exact <= high + margin)
                row.append(f"{100 * inside.mean():.2f} %")
        rows.append(row)
    head = ["d", "J, known", "S, known", "J, estimated", "S, estimated"]
    return table(head, rows)


def workspace(n, d):
    """Peak of allocations while evaluating, and while solving for values."""
    rng = np.random.default_rng(0)
    problem = LogCosh(d)
    X, S, gradient = problem.at(rng.uniform(-3, 3, size=(n, d)))
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=0.3)
    Y = rng.uniform(-3, 3, size=(2048, d))
    Q, *_ = problem.at(Y)
    tasks = {
        "prior": lambda: maximum(pieces, Y),
        "value": lambda: ValueSolver().solve(pieces, Q, 1.0),
        "fit (its first 20,000)": lambda: prior_constants(
            X[:20_000], S[:20_000], gradient[:20_000], t=1.0
        ),
    }
    rows = []
    for name, task in tasks.items():
        tracemalloc.start()
        task()
        rows.append([name, f"{tracemalloc.get_traced_memory()[1] / 2**20:.1f}"])
        tracemalloc.stop()
    return table([f"n = {n}, d = {d}", "MiB"], rows)


def main():
    """Run every part and write the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    shapes = [(10_000, 2, 2048), (10_000, 16, 2048), (50_000, 64, 512)]
    parts = {
        "Largest error of the prior (over the best possible for so many pieces)": (
            lambda: errors([50, 200, 800] if quick else [50, 100, 200, 400, 800])
        ),
        "Mean error over the standard deviation of J, n = 4000: "
        "beyond d = 8 a bound, not a regressor": lambda: high_dimension(4000),
        "Time as a multiple of the raw product": (
            lambda: speed(shapes[: 2 if quick else 3], 3 if quick else 9)
        ),
        "Value function against Clarabel": (
            lambda: against_clarabel([(10_000, 2), (10_000, 16)])
        ),
        "Queries inside the bounds, n = 3000": lambda: bracket(3000),
        "Workspace": lambda: workspace(20_000 if quick else 200_000, 64),
    }
    report = ["# PQMPrior\n"]
    for title, part in parts.items():
        try:
            text = part()
        except ImportError as error:
            text = f"not run: {error}"
        print(f"## {title}\n\n{text}\n", flush=True)
        report.append(f"## {title}\n\n{text}\n")
    if not quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text("\n".join(report))


if __name__ == "__main__":
    main()
