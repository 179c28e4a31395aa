"""Draws from posteriors that are known: what lies between modes, weights and means.

Mixtures of Gaussians seen through few sums, 5,000 pairs to learn from. For each of
some data, 10,000 draws of every method against the exact posterior.

    python benchmarks/bench_draws.py --quick
    python benchmarks/bench_draws.py

Cells are added to results/draws.json, and results/draws.md is rewritten from it after
each. Delete the former after a change of the code.
"""

from dataclasses import dataclass
from time import process_time

import numpy as np
from comparison import (
    chosen,
    describe,
    limit_threads,
    make_parser,
    parse,
    store_cells,
    stored_cells,
)
from samplers import Diffusion, exact_draws, langevin, share_without_mass

from skhj import EmbeddedInverseSolver
from skhj.numerics.gaussian_mixture import GaussianMixture, condition, mean

INTRODUCTION = """\
# Draws from posteriors

Models from mixtures of Gaussians, measured by a few sums with noise of 0.1; 5,000
pairs to learn from, 10,000 draws for each datum, means over the data and the seeds.

- *No mass*: share of draws whose density, along the line through the two likeliest
  modes, is below 5 % of its peak; beside it that of exact draws, and their ratio.
- *Weights*: total variation between the shares of draws next to each mode.
- *Error*: mean squared error of means over that of the exact conditional mean:
  ``predict`` on 2,000 fresh pairs, of the diffusion model the means of 100 draws on 50.

``sample`` runs with defaults. Langevin knows the exact posterior. Diffusion posterior
sampling learns a score from the models alone and knows the operator; three lengths of
its steps against the misfit, of which the user would have to choose one.
"""
N_PAIRS, N_DRAWS = 5000, 10_000


@dataclass
class Problem:
    """Models of a mixture, their sums, and data at which draws are looked at."""

    means: list
    A: list
    data: list
    width: float = 0.5

    def __post_init__(self):
        self.A = np.array(self.A, dtype=float)
        means = np.array(self.means, dtype=float)
        K, d = means.shape
        covariances = np.array([self.width**2 * np.eye(d)] * K)
        self.prior = GaussianMixture(np.full(K, 1 / K), means, covariances)

    def draw(self, n, rng):
        """Draw pairs (b, x)."""
        _, means, _ = self.prior
        x = means[rng.randint(len(means), size=n)]
        x = x + self.width * rng.normal(size=x.shape)
        return x @ self.A.T + 0.1 * rng.normal(size=(n, len(self.A))), x

    def posterior(self, b):
        """Posterior given data (n, M)."""
        return condition(self.prior, self.A, 0.01 * np.eye(len(self.A)), b)


ALIKE = [(0, 0, 0), (3, -3, 0), (0, 3, -3)]
CHAIN = [(2, 0, 0, 0), (-1, 3, 0, 0), (0, -2, 4, 0), (0, 0, -2, 4)]
PAIRS = [(2, -2, 0, 0, 0, 0), (-2, 2, 0, 0, 0, 0), (0, 0, 2, -2, 0, 0)]
FOUR = [[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1], [0.1] * 6]
PROBLEMS = {
    "duathlon": Problem([(1, 5), (8, 2), (6, 8)], [[1, 1]], [[8.0], [12.5]], 1.0),
    "three modes of one sum": Problem([(1, 7), (4, 4), (7.5, 0.5)], [[1, 1]], [[8.0]]),
    "two sums in 3-D": Problem(ALIKE, [[1, 1, 1], [0.3, 0.1, 0.2]], [[0.1, 0.3]]),
    "one sum in 4-D": Problem(CHAIN, [[1, 1, 1, 1]], [[2.0], [2.3]]),
    "four sums in 6-D": Problem(PAIRS, FOUR, [[0.0, 0.1, 0.0, 0.0]]),
}


def shares_of_modes(draws, posterior):
    """Share of draws next to each mode."""
    distances = ((draws[:, None] - posterior.means) ** 2).sum(-1)
    return np.eye(len(posterior.weights))[distances.argmin(-1)].mean(axis=0)


def measured(problem, draw, rng):
    """Shares without mass, of draws and exact ones, and distance of weights."""
    rows = []
    for b in np.array(problem.data):
        weights, means, covariances = problem.posterior(b[None])
        posterior = GaussianMixture(weights[0], means[0], covariances)
        exact, draws = exact_draws(posterior, N_DRAWS, rng), draw(b, posterior)
        weights = (shares_of_modes(rows_, posterior) for rows_ in (draws, exact))
        distance = np.abs(np.subtract(*weights)).sum() / 2
        shares = (share_without_mass(rows_, posterior) for rows_ in (draws, exact))
        rows.append([*shares, distance])
    return np.mean(rows, axis=0)


def methods(problem, B, X, seed):
    """Method to functions: draws for one datum, and means for data, None for none."""

    def sample():
        est = EmbeddedInverseSolver(problem.A, loss="energy", random_state=seed)
        est.fit(B, X)
        return lambda b, _: est.sample(b[None], N_DRAWS)[:, 0], est.predict

    def of_langevin():
        return lambda b, posterior: langevin(posterior, N_DRAWS, seed=seed), None

    def diffusion(guidance):
        model = Diffusion(seed=seed).fit(X)

        def means(B):
            B = np.repeat(B[:50], 100, axis=0)
            draws = model.sample(B, problem.A, guidance)
            return draws.reshape(50, 100, -1).mean(axis=1)

        def draw(b, _):
            return model.sample(np.array([b] * N_DRAWS), problem.A, guidance)

        return draw, means

    guidances = {f"diffusion, guidance {g}": g for g in (0.01, 0.03, 0.1)}
    return {
        "sample": sample,
        "Langevin": of_langevin,
        **{name: lambda g=g: diffusion(g) for name, g in guidances.items()},
    }


def error_ratio(problem, means, B, X):
    """Error of means over that of the exact ones."""
    answers = means(B)
    n = len(answers)
    exact = mean(problem.posterior(B[:n]))
    return float(np.mean((answers - X[:n]) ** 2) / np.mean((exact - X[:n]) ** 2))


def markdown(cells, settings):
    """Tables of all cells."""
    text = [INTRODUCTION, f"{settings['machine']}\n", f"    {settings['command']}\n"]
    heads = (
        "method",
        "no mass",
        "exact draws",
        "ratio",
        "weights",
        "error",
        "CPU-s of fit",
    )
    for problem in dict.fromkeys(cell["problem"] for cell in cells):
        text += [f"## {problem}\n", "| " + " | ".join(heads) + " |"]
        text.append("|" + "---|" * len(heads))
        of_problem = [cell for cell in cells if cell["problem"] == problem]
        for method in dict.fromkeys(cell["method"] for cell in of_problem):
            own = [cell for cell in of_problem if cell["method"] == method]

            def averaged(name, own=own):
                values = [cell[name] for cell in own if cell[name] is not None]
                return np.mean(values) if values else None

            error = averaged("error")
            row = [
                method,
                f"{averaged('share'):.3f}",
                f"{averaged('exact'):.3f}",
                f"{averaged('share') / averaged('exact'):.2f}",
                f"{averaged('weights'):.3f}",
                "" if error is None else f"{error:.3f}",
                f"{averaged('seconds'):.0f}",
            ]
            text.append("| " + " | ".join(row) + " |")
        text.append("")
    return "\n".join(text)


def main():
    """Run every problem for each seed."""
    arguments = parse(make_parser(__doc__))
    arguments.output.mkdir(parents=True, exist_ok=True)
    json_file = arguments.output / "draws.json"
    settings = describe(arguments)
    cells = stored_cells(json_file, settings)
    seeds = arguments.seeds[:1] if arguments.quick else arguments.seeds
    problems = list(PROBLEMS)[:1] if arguments.quick else PROBLEMS
    done = {(c["problem"], c["method"], c["seed"]) for c in cells}
    with limit_threads(arguments):
        for seed in seeds:
            for name in problems:
                problem, rng = PROBLEMS[name], np.random.RandomState(seed)
                B, X = problem.draw(N_PAIRS, rng)
                fresh = problem.draw(2000, rng)
                makers = chosen(methods(problem, B, X, seed), arguments)
                for method, make in makers.items():
                    if (name, method, seed) in done:
                        continue
                    start = process_time()
                    draw, means = make()
                    seconds = process_time() - start
                    share, exact, weights = measured(problem, draw, rng)
                    error = means and error_ratio(problem, means, *fresh)
                    cell = {"problem": name, "method": method, "seed": seed}
                    cell |= {"share": share, "exact": exact, "weights": weights}
                    cells.append(cell | {"error": error, "seconds": seconds})
                    store_cells(json_file, settings, cells)
                    text = markdown(cells, settings)
                    (arguments.output / "draws.md").write_text(text)
                    print(cells[-1], flush=True)


if __name__ == "__main__":
    main()
