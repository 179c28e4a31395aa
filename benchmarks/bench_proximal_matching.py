"""From the mean to the mode: learned proximal networks of a Laplacian.

Clean signals are Laplacian of scale 1, in one dimension; noisy ones have unit Gaussian
noise beside. The mode of the clean signal given the noisy one is the soft threshold,
the proximal operator of |x|; the mean is smooth. Fang, Buchanan and Sulam ("What's in a
prior? Learned proximal networks for inverse problems", ICLR 2024) show that their
proximal matching loss tends to the former. Here ``HJPriorRegressor(target="prox")``
learns from n pairs with either loss; errors are root mean squares over [-4, 4].

    python benchmarks/bench_proximal_matching.py
"""

import argparse
from pathlib import Path
from time import process_time

import numpy as np
import torch
from comparison import machine
from threadpoolctl import threadpool_limits

from skhj import HJPriorRegressor

METHODS = {
    "squared": {},
    "matching, width 0.5 (default)": {"prox_loss": "matching"},
    "matching, width 0.25": {"prox_loss": "matching", "matching_width": 0.25},
}


def posterior_mean(x):
    """E[clean | x] by quadrature."""
    grid = np.linspace(-15, 15, 6001)
    weights = np.exp(-np.abs(grid) - (x - grid) ** 2 / 2)
    return (weights * grid).sum(axis=1, keepdims=True) / weights.sum(1, keepdims=True)


def main():
    """Fit and judge every loss with every number of pairs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--n-samples", type=int, nargs="+", default=[1_000, 5_000, 20_000])
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=2)
    add("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    x = np.linspace(-4, 4, 161)[:, None]
    mode, mean = np.sign(x) * np.maximum(np.abs(x) - 1, 0), posterior_mean(x)
    lines = [
        "# Proximal matching on a Laplacian\n",
        "Root mean squared distance of the learned prox from the mode (the soft "
        f"threshold) and from the mean, seed {arguments.seed}.\n",
        f"{machine(arguments.threads)}\n",
        "    python benchmarks/bench_proximal_matching.py\n",
        "| loss | n | from the mode | from the mean | CPU-s |\n|---|---|---|---|---|",
    ]
    with threadpool_limits(arguments.threads):
        for n_samples in arguments.n_samples:
            rng = np.random.default_rng(arguments.seed)
            clean = rng.laplace(size=(n_samples, 1))
            noisy = clean + rng.normal(size=clean.shape)
            for name, parameters in METHODS.items():
                est = HJPriorRegressor(network="icnn", target="prox", random_state=0)
                start = process_time()
                prox = est.set_params(**parameters).fit(noisy, clean).predict(x)
                seconds = process_time() - start
                errors = [np.sqrt(np.mean((prox - y) ** 2)) for y in (mode, mean)]
                lines.append(
                    f"| {name} | {n_samples} | {errors[0]:.3f} | {errors[1]:.3f} "
                    f"| {seconds:.0f} |"
                )
                print(lines[-1], flush=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    file = arguments.output / "proximal_matching.md"
    file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
