"""HJPriorRegressor with many plain features: pairs of signals, and an l1 norm.

Pairs of noisy and clean signals are given without the shape of their images, noise 0.3:
digits of MNIST (with ``--mnist PATH``, a file train-images or t10k-images of idx, as it
is or gzipped), 4,000 pairs of 784 features to learn from and 2,000 to judge; the same
in coordinates of a random rotation; and a mixture of 10 Gaussians in 100 features. The
default ``HJPriorRegressor(t=0.09, target="prox")`` stands beside scikit-learn's Ridge
and MLPRegressor, whose parameters are the best by a hold-out, and its own.

The l1 norm of cosine transforms is learned from values and gradients at points uniform
in [-4, 4]^d, d pixels; errors are those of its proximal operator.

    python benchmarks/bench_many_features.py --threads 1 --mnist train-images.gz

Cells are added to results/many_features.json, and results/many_features.md is rewritten
from it after each. Delete the former after a change of the code.
"""

import gzip
import warnings
from pathlib import Path

import numpy as np
from comparison import Comparison, chosen, limit_threads, make_parser, parse
from scipy.fft import dct
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPRegressor

from skhj import HJPriorRegressor
from skhj.problems import L1

NOISE, N_TRAIN, N_TEST = 0.3, 4000, 2000

INTRODUCTION = """\
# Many features

Mean squared errors for each feature on fresh samples, of what `prox` or `predict`
answers; means over the seeds. "HJPriorRegressor" has its default parameters; Ridge the
best weight of seven by leaving out one, MLPRegressor 256 and 256 units with early
stopping. "noisy" is the input itself. Signals are given without the shape of images,
with noise of standard deviation 0.3, 4,000 pairs to learn from; "rotated" are the same
in the coordinates of a random orthogonal matrix. The l1 norm in a basis of cosines has
5,000 samples of values and gradients at t = 1, uniform in a cube of the pixels.
"""


def read_images(path):
    """Images of an idx file, in rows, from 0 to 1."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        numbers = np.frombuffer(file.read(), np.uint8, offset=16)
    return numbers.reshape(-1, 784) / 255


def mixture(n, rng, n_features=100, n_modes=10):
    """Draws of Gaussians of 5 dimensions about centres of their own."""
    fixed = np.random.default_rng(0)
    centres = 0.5 * fixed.normal(size=(n_modes, n_features))
    spans = 0.5 * fixed.normal(size=(n_modes, 5, n_features)) / np.sqrt(5)
    modes = rng.integers(n_modes, size=n)
    inside = rng.normal(size=(n, 1, 5))
    return centres[modes] + (inside @ spans[modes])[:, 0]


def denoisers(X, P, X_test, seed):
    """Answers of every method that learns from pairs."""
    network = MLPRegressor(
        hidden_layer_sizes=(256, 256), early_stopping=True, random_state=seed
    )
    ours = HJPriorRegressor(NOISE**2, target="prox", random_state=seed)
    return {
        "HJPriorRegressor": lambda: _reported(ours.fit(X, P)).predict(X_test),
        "Ridge": lambda: RidgeCV(np.logspace(0, 3, 7)).fit(X, P).predict(X_test),
        "MLPRegressor": lambda: network.fit(X, P).predict(X_test),
        "noisy": lambda: X_test,
    }


def run_pairs(comparison, name, clean, seed, arguments):
    """Compare the methods on noisy signals."""
    rng = np.random.default_rng(seed)
    noisy = clean + NOISE * rng.normal(size=clean.shape)
    X, X_test, _ = np.split(noisy, [N_TRAIN, N_TRAIN + N_TEST])
    P, P_test, _ = np.split(clean, [N_TRAIN, N_TRAIN + N_TEST])
    methods = chosen(denoisers(X, P, X_test, seed), arguments)
    comparison.run(name, seed, methods, P_test)


def run_waves(comparison, d, seed, arguments, n=5000):
    """Learn the l1 norm of cosine transforms."""
    waves, problem = dct(np.eye(d), norm="ortho", axis=0), L1()
    rng = np.random.default_rng(seed)
    X, X_test = (rng.uniform(-4, 4, size=(m, d)) @ waves.T for m in (n, 1000))
    S, gradient = problem.value(X, 1.0), (X - problem.prox(X, 1.0)) @ waves
    est = HJPriorRegressor(1.0, random_state=seed)
    methods = {
        "HJPriorRegressor": lambda: _reported(
            est.fit(X @ waves, S, gradient=gradient)
        ).prox(X_test @ waves),
        "identity": lambda: X_test @ waves,
    }
    truth = problem.prox(X_test, 1.0) @ waves
    name = f"l1 norm of cosines, d = {d}"
    comparison.run(name, seed, chosen(methods, arguments), truth)


def _reported(est):
    for one in est.candidates_:
        print("   ", one, flush=True)
    return est


def main():
    """Run all problems."""
    parser = make_parser(__doc__)
    parser.add_argument("--mnist", type=Path, help="file of images")
    parser.add_argument("--waves", type=int, nargs="*", default=[64])
    problems = ["digits", "rotated", "mixture", "l1"]
    parser.add_argument("--problems", nargs="+", default=problems)
    arguments = parse(parser)
    for option in ("waves", "problems"):
        arguments.changed.pop(option, None)
    comparison = Comparison(
        "many_features", INTRODUCTION, arguments, {"Ridge": "over Ridge"}
    )
    # That a training could go on is for those who look at it.
    warnings.simplefilter("ignore", ConvergenceWarning)
    with limit_threads(arguments):
        for seed in arguments.seeds[:1] if arguments.quick else arguments.seeds:
            rng = np.random.default_rng(100 + seed)
            if arguments.mnist:
                clean = rng.permutation(read_images(arguments.mnist))
                clean = clean[: N_TRAIN + N_TEST]
                Q = np.linalg.qr(rng.normal(size=(784, 784)))[0]
                if "digits" in arguments.problems:
                    run_pairs(comparison, "MNIST, 784 pixels", clean, seed, arguments)
                if "rotated" in arguments.problems:
                    run_pairs(comparison, "MNIST, rotated", clean @ Q, seed, arguments)
            if "mixture" in arguments.problems:
                clean = mixture(N_TRAIN + N_TEST, rng)
                name = "10 Gaussians, 100 features"
                run_pairs(comparison, name, clean, seed, arguments)
            if "l1" in arguments.problems:
                for d in arguments.waves:
                    run_waves(comparison, d, seed, arguments)


if __name__ == "__main__":
    main()
