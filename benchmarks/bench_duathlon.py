"""The duathlon: two times, of which only the noisy sum is known.

The times come from a mixture of three Gaussians, so that the conditional mean, the
best of all estimators, is known exactly. 10,000 samples to learn from, 20,000 to
judge; in small units (unit widths) and in large ones (means from 60 to 95, widths 5).

    python benchmarks/bench_duathlon.py --quick
    python benchmarks/bench_duathlon.py

Cells are added to results/duathlon.json, and results/duathlon.md is rewritten from it
after each. Delete the former after a change of the code.
"""

from functools import cache, partial

import numpy as np
from baselines import linear_estimate, standardised_mlp
from comparison import Comparison, chosen, limit_threads, make_parser, parse
from samplers import diffusion_draws, exact_draws, langevin, share_without_mass
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPRegressor

from skhj import EmbeddedInverseSolver
from skhj.datasets import duathlon_mmse, duathlon_posterior, make_duathlon
from skhj.numerics.gaussian_mixture import GaussianMixture

UNITS = {
    "unit widths": {},
    "means 60-95, widths 5": {
        "means": [[60.0, 80.0], [95.0, 65.0], [85.0, 95.0]],
        "widths": 5.0,
        "noise": 1.5,
    },
}
OPERATOR = np.ones((1, 2))
N_DRAWS, N_DRAWN_FOR = 20, 400

INTRODUCTION = f"""\
# Duathlon

Mean squared errors of two times given their noisy sum, on 20,000 fresh samples after
10,000 to learn from (4,000 with ``--quick``), and their ratio to that of the exact
conditional mean, the best possible: means, and ranges, over the seeds. Defaults
everywhere; "standardised" scales both sides.

Draws, {N_DRAWS} for each of the first {N_DRAWN_FOR} sums, answer alone ("a draw") or by
their mean, and are compared there with the conditional mean; CPU time is counted once.
A draw of the exact posterior has twice the smallest error. "Sample" is `sample` of
``loss="energy"``, defaults. Diffusion posterior sampling (Chung et al., ICLR 2023)
learns a score from the times alone and knows the operator; its guidance is the best of
0.03, 0.1 and 0.3 on 100 training pairs. Langevin knows the posterior's exact score.

*No mass* is the share of answers to those sums at which the exact density, along the
line through the two likeliest modes, is below 5 % of its peak. Diffusion models that
leave draws there are what figure 2 of Eliasof, Haber and Treister (arXiv 2402.04653)
claims of them; the row "diffusion, a draw" measures it, beside exact draws.
"""


def each(posteriors):
    """The posterior of each sum."""
    weights, means, covariances = posteriors
    pairs = zip(weights, means, strict=True)
    return [GaussianMixture(*pair, covariances) for pair in pairs]


def share_of_answers_without_mass(answer, posteriors):
    """Share of answers, one or several draws a sum, where posteriors have no mass."""
    exact = each(posteriors)
    answer = answer.reshape(-1, *answer.shape[-2:])[:, : len(exact)]
    rows = zip(answer.swapaxes(0, 1), exact, strict=True)
    return float(np.mean([share_without_mass(*row) for row in rows]))


def samplers(X, y, few, posteriors, seed):
    """Draws of every sampler, (n_draws, n, 2), for few sums."""
    rng = np.random.RandomState(seed)

    def exact():
        draws = [exact_draws(p, N_DRAWS, rng) for p in each(posteriors)]
        return np.stack(draws, axis=1)

    def sample():
        est = EmbeddedInverseSolver(
            OPERATOR, loss="energy", device="cpu", random_state=seed
        )
        return est.fit(X, y).sample(few, N_DRAWS)

    def diffusion():
        guidances = (0.03, 0.1, 0.3)
        options = {"n_draws": N_DRAWS, "seed": seed}
        return diffusion_draws(X, y, OPERATOR, few, guidances, **options)

    return {
        "exact": exact,
        "sample": sample,
        "diffusion": diffusion,
        "Langevin": lambda: langevin(posteriors, N_DRAWS, seed=seed),
    }


def answers_of_draws(draws):
    """A sampler as two methods: by a draw, and by the mean of its draws."""
    draws = {name: cache(draw) for name, draw in draws.items()}
    singles = {f"{name}, a draw": draw for name, draw in draws.items()}
    means = {
        f"{name}, mean of draws": lambda draw=draw: draw().mean(axis=0)
        for name, draw in draws.items()
    }
    return singles | means


def make_methods(X, y, X_test, problem, seed):
    """Answers of every method for the test data."""

    def fitted(estimator):
        return lambda: estimator.fit(X, y).predict(X_test)

    networks = {
        network: fitted(
            EmbeddedInverseSolver(
                OPERATOR, network=network, device="cpu", random_state=seed
            )
        )
        for network in ("eunet", "optenet", "proximal")
    }
    boosting = MultiOutputRegressor(HistGradientBoostingRegressor(random_state=seed))
    return {
        "conditional mean": lambda: duathlon_mmse(X_test, **problem).mean,
        "linear": lambda: linear_estimate(X, y, X_test),
        "MLPRegressor": fitted(MLPRegressor(random_state=seed, max_iter=500)),
        "MLPRegressor, standardised": fitted(standardised_mlp(seed)),
        "HistGradientBoosting": fitted(boosting),
        **networks,
    }


def main():
    """Run both units for each seed."""
    arguments = parse(make_parser(__doc__))
    columns = {"conditional mean": "over the limit", "linear": "over linear"}
    comparison = Comparison("duathlon", INTRODUCTION, arguments, columns)
    seeds = arguments.seeds[:1] if arguments.quick else arguments.seeds
    n_samples = 4000 if arguments.quick else 10_000
    with limit_threads(arguments):
        for seed in seeds:
            for name, problem in UNITS.items():
                rng = np.random.RandomState(seed)
                X, y = make_duathlon(n_samples, random_state=rng, **problem)
                X_test, y_test = make_duathlon(20_000, random_state=rng, **problem)
                few = X_test[:N_DRAWN_FOR]
                exact = GaussianMixture(*duathlon_posterior(few, **problem))
                methods = make_methods(X, y, X_test, problem, seed)
                methods |= answers_of_draws(samplers(X, y, few, exact, seed))
                measure = partial(share_of_answers_without_mass, posteriors=exact)
                measures = {"no mass": measure}
                methods = chosen(methods, arguments)
                comparison.run(name, seed, methods, y_test, measures)


if __name__ == "__main__":
    main()
