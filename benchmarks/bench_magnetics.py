"""Sections of susceptibility from their magnetic anomaly along a line.

Images are scikit-learn's digits, 8 x 8, of which the last 297 are kept to judge; or
with ``--mnist PATH`` the digits of an IDX file of MNIST, gzipped or not, of which the
first 8,000 are to learn from and the last 2,000 to judge. One station a column, and
noise of 1 % of the standard deviation of the data, drawn for each seed.

    python benchmarks/bench_magnetics.py --quick
    python benchmarks/bench_magnetics.py --mnist t10k-images-idx3-ubyte.gz

Cells are added to results/magnetics.json (magnetics_mnist.json), and a Markdown file
is rewritten from it after each. Delete the former after a change of the code.
"""

import gzip
from functools import cache
from pathlib import Path

import numpy as np
from baselines import (
    kernel_ridge,
    learned_dictionary,
    linear_estimate,
    standardised_mlp,
    tikhonov,
    total_variation,
)
from comparison import Comparison, chosen, limit_threads, make_parser, parse
from samplers import diffusion_draws
from sklearn.datasets import load_digits

from skhj import EmbeddedInverseSolver
from skhj.datasets import make_magnetics

INTRODUCTION = """\
# Magnetics

Mean squared errors of {name}, {n_train} to learn from and {n_test} to judge, from
their magnetic data with noise of 1 %: means, and ranges of the ratios, over the seeds.
"Linear" is the best linear estimate from the training pairs, "Tikhonov" has the best
weight on them.

Total variation, isotropic, and sparse codes of a learned dictionary (scikit-learn's
``DictionaryLearning`` of the images, 128 atoms; lasso or orthogonal matching pursuit)
have the best weight on the first 300 pairs. Diffusion posterior sampling (Chung et al.,
ICLR 2023) learns a score from the images alone and knows the operator; its guidance is
the best of 0.1, 0.3 and 1 on the first 100 pairs, and an answer one of 20 draws, or
their mean, whose CPU time is counted once.
"""


def read_idx(path):
    """Images of an IDX file, from 0 to 1."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        content = file.read()
    shape = np.frombuffer(content, ">i4", count=3, offset=4)
    return np.frombuffer(content, np.uint8, offset=16).reshape(shape) / 255


def make_methods(X, y, X_test, operator, image_shape, seed):
    """Answers of every method for the test data."""
    A = operator.matrix

    def fitted(estimator):
        return lambda: estimator.fit(X, y).predict(X_test)

    @cache
    def draws():
        guidances = (0.1, 0.3, 1.0)
        return diffusion_draws(X, y, A, X_test, guidances, n_draws=20, seed=seed)

    networks = {
        network: fitted(
            EmbeddedInverseSolver(
                operator, network=network, device="cpu", random_state=seed
            )
        )
        for network in ("eunet", "optenet", "proximal")
    }
    return {
        "mean image": lambda: np.broadcast_to(
            y.mean(axis=0), (len(X_test), y.shape[1])
        ),
        "Tikhonov": lambda: tikhonov(A, X, y, X_test),
        "total variation": lambda: total_variation(A, X, y, X_test, image_shape),
        "learned dictionary": lambda: learned_dictionary(A, X, y, X_test, seed),
        "linear": lambda: linear_estimate(X, y, X_test),
        "kernel ridge": lambda: kernel_ridge(X, y, X_test, seed),
        "MLPRegressor, standardised": fitted(standardised_mlp(seed)),
        "diffusion, a draw": draws,
        "diffusion, mean of draws": lambda: draws().mean(axis=0),
        **networks,
    }


def main():
    """Run the images asked for, for each seed."""
    parser = make_parser(__doc__)
    parser.add_argument("--mnist", type=Path, help="IDX file of images")
    arguments = parse(parser)
    if arguments.mnist:
        images, n_train, n_test = read_idx(arguments.mnist), 8000, 2000
    else:
        images, n_train, n_test = load_digits().images / 16, 1500, 297
    if arguments.quick:
        n_train, n_test = n_train // 4, n_test // 2
    name = "MNIST's digits" if arguments.mnist else "scikit-learn's digits"
    introduction = INTRODUCTION.format(name=name, n_train=n_train, n_test=n_test)
    columns = {"linear": "over linear", "kernel ridge": "over kernel ridge"}
    file_name = "magnetics_mnist" if arguments.mnist else "magnetics"
    comparison = Comparison(file_name, introduction, arguments, columns)
    noise = 0.01 * make_magnetics(images[:n_train], noise=0)[0].std()
    with limit_threads(arguments):
        for seed in arguments.seeds[:1] if arguments.quick else arguments.seeds:
            X, y, operator = make_magnetics(images, noise=noise, random_state=seed)
            train, test = slice(n_train), slice(len(X) - n_test, None)
            pairs = X[train], y[train], X[test]
            methods = make_methods(*pairs, operator, images.shape[1:], seed)
            methods = chosen(methods, arguments)
            comparison.run("magnetics", seed, methods, y[test])


if __name__ == "__main__":
    main()
