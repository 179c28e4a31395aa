"""Photographs with Gaussian noise: learned image priors beside classical methods.

Priors are learned from windows of 40 x 40, turned and flipped at random, and denoise
whole images of any shape. By default the photographs are scikit-image's and
scikit-learn's; with ``--train PATH --test PATH`` the PNG pictures of two folders.

    python benchmarks/bench_images.py --quick
    python benchmarks/bench_images.py --train folder/train --test folder/Set68

Cells are added to results/images.json, and a Markdown file is rewritten from it after
each. Delete the former after a change of the code. ``--methods "learned prior"``, or
"lower time", runs only that of the learned ones. ``--models PATH`` keeps fitted
estimators in a folder and takes those that are there.
"""

import json
import sys
import warnings
from pathlib import Path
from time import process_time

import joblib
import matplotlib.image
import numpy as np
from comparison import chosen, describe, limit_threads, make_parser, parse
from skimage import data
from skimage.metrics import peak_signal_noise_ratio
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle
from sklearn.datasets import load_sample_images
from sklearn.exceptions import ConvergenceWarning

from skhj import HJPriorRegressor
from skhj.datasets import make_image_patches

GREY = (0.299, 0.587, 0.114)
SHAPE = (40, 40)
SHARES = {"total variation": np.arange(0.4, 1.05, 0.1), "non-local means": (0.5, 0.8)}

# Mean PSNR on Set68, the 68 grey test images of BSD, as the papers have it.
PUBLISHED = {
    5: {"CRR [1]": 36.96, "WCRR [2]": 37.65},
    15: {"CRR [1]": 30.54, "BM3D [3]": 31.07, "WCRR [2]": 31.21, "DnCNN [3]": 31.73},
    25: {
        "CRR [1]": 28.10,
        "BM3D [3]": 28.57,
        "fields of experts, bilevel [4]": 28.66,
        "WCRR [2]": 28.68,
        "DnCNN [3]": 29.23,
    },
}

INTRODUCTION = """\
# Image priors

Mean PSNR in dB of {n_test} whole images of {name} with Gaussian noise of sigma/255,
grey levels from 0 to 1, clipped to that range for the PSNR only. "learned prior" is
`HJPriorRegressor(t=sigma**2, target="prox", image_shape=(40, 40))`, fitted to
{n_windows} noisy and clean windows of {n_train} other images, then `for_images(shape)`;
"residual" is the largest norm of the energy's gradient over that of the noisy image
minus its mean, after the solver's answer in single precision. "at a lower time" is the
prior learned at the largest sigma, by `prox(X, time=sigma**2)`. Weights of total
variation and of non-local means (scikit-image) are the best on two training images.
Seconds are CPU seconds: of the fit, and of an image.

Published figures are means over Set68, the 68 grey test images of BSD, with networks
trained on its 400: [1] Goujon et al., IEEE Trans. Comput. Imaging 9, 2023; [2] Goujon
et al., SIAM J. Imaging Sciences 17, 2024; [3] Zhang et al., IEEE Trans. Image
Processing 26, 2017 (no prior is behind DnCNN); [4] Chen, Ranftl, Pock, IEEE Trans.
Image Processing 23, 2014.
"""


def bundled_photographs():
    """Grey photographs to learn from, and others to judge."""
    china, flower = load_sample_images().images
    train = [china, flower, data.astronaut(), data.chelsea(), data.rocket()]
    test = [data.camera(), data.coffee(), data.coins(), data.moon()]
    return (*([grey(image / 255) for image in images] for images in (train, test)),)


def read_images(folder):
    """Grey images of a folder, by name."""
    paths = sorted(folder.rglob("*.png"))
    return [grey(matplotlib.image.imread(path).astype(float)) for path in paths]


def grey(image):
    """Grey levels of an image, which may be grey."""
    return image if image.ndim == 2 else image[..., :3] @ GREY


def windows(images, n_samples, rng):
    """Windows, turned by quarters and flipped at random, in rows."""
    cut = make_image_patches(
        images, n_samples=n_samples, patch_shape=SHAPE, random_state=rng
    )
    turned = [
        np.rot90(window if rng.randint(2) else window[:, ::-1], rng.randint(4))
        for window in cut
    ]
    return np.stack(turned).reshape(n_samples, -1)


def total_variation(image, sigma, share):
    """Minimiser by Chambolle's algorithm; the weight is a share of the noise."""
    return denoise_tv_chambolle(image, weight=share * sigma, max_num_iter=300)


def non_local_means(image, sigma, share):
    """Non-local means that know the noise."""
    return denoise_nl_means(
        image, patch_size=5, patch_distance=9, h=share * sigma, sigma=sigma
    )


def best_share(method, shares, images, sigma, rng):
    """The share with the largest PSNR on some images."""
    noisy = [image + sigma * rng.standard_normal(image.shape) for image in images]

    def mean_psnr(share):
        answers = [method(image, sigma, share) for image in noisy]
        return np.mean([psnr(c, x) for c, x in zip(images, answers, strict=True)])

    return max(shares, key=mean_psnr)


def psnr(clean, image):
    """Peak signal-to-noise ratio of an image clipped to its range, in dB."""
    return peak_signal_noise_ratio(clean, image.clip(0, 1), data_range=1)


def classical_methods(train, sigma, seed):
    """Functions of a noisy image, and of nothing that fits them."""
    rng = np.random.RandomState(seed)
    tuning = [train[i] for i in rng.choice(len(train), 2, replace=False)]
    methods = {"noisy": lambda image: image}
    for name, method in (
        ("total variation", total_variation),
        ("non-local means", non_local_means),
    ):

        def tuned(image, name=name, method=method):
            if name not in shares:
                shares[name] = best_share(method, SHARES[name], tuning, sigma, rng)
            return method(image, sigma, shares[name])

        methods[name] = tuned
    shares = {}
    try:
        from bm3d import bm3d
    except ImportError:
        return methods
    return methods | {"BM3D": lambda image: bm3d(image, sigma)}


class LearnedPrior:
    """The estimator, fitted when it is first asked for an image.

    Parameters
    ----------
    train : list of ndarray
        Images to learn from.
    sigma : int
        Noise, in 255ths.
    seed : int
        Source of the windows, of their noise, and of the fit.
    arguments : argparse.Namespace
        From `parse`.
    """

    def __init__(self, train, sigma, seed, arguments):
        self.train, self.sigma, self.seed = train, sigma, seed
        self.arguments, self.fitted = arguments, None

    @property
    def estimator(self):
        """The fitted estimator, and its CPU seconds."""
        folder = self.arguments.models
        path = folder and folder / f"images_{self.sigma}_{self.seed}.joblib"
        if self.fitted is None and path and path.exists():
            self.fitted = joblib.load(path)
        if self.fitted is None:
            self.fitted = self.fit()
            if path:
                folder.mkdir(parents=True, exist_ok=True)
                joblib.dump(self.fitted, path)
        return self.fitted

    def fit(self):
        """Fit to windows of the images."""
        rng, sigma = np.random.RandomState(self.seed), self.sigma / 255
        clean = windows(self.train, self.arguments.n_windows, rng)
        noisy = clean + sigma * rng.standard_normal(clean.shape)
        options = {"image_shape": SHAPE, "random_state": self.seed, "device": "cpu"}
        if self.arguments.max_iter:
            options["max_iter"] = self.arguments.max_iter
        est = HJPriorRegressor(t=sigma**2, target="prox", **options)
        start = process_time()
        est.fit(noisy, clean)
        return est, process_time() - start

    def denoise(self, image, sigma, diagnostics):
        """Denoise an image; add its residual, or the text of a warning."""
        est = self.estimator[0].for_images(image.shape)
        row = image.reshape(1, -1)
        time = None if sigma == self.sigma else (sigma / 255) ** 2
        start = process_time()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            prox = est.prox(row, time=time)
        seconds = process_time() - start
        gradient = prox - row + (sigma / 255) ** 2 * est.prior_gradient(prox)
        residual = np.linalg.norm(gradient) / np.linalg.norm(row - row.mean())
        diagnostics.append((float(residual), seconds, len(caught)))
        return prox.reshape(image.shape)


class Results:
    """Cells of a file, one for each sigma, method and seed, and their table."""

    def __init__(self, introduction, arguments):
        arguments.output.mkdir(parents=True, exist_ok=True)
        self.json_file = arguments.output / "images.json"
        self.introduction, self.cells = introduction, {}
        self.settings = describe(arguments)
        if self.json_file.exists():
            stored = json.loads(self.json_file.read_text())
            self.cells = {cell_key(cell): cell for cell in stored["cells"]}
            if stored["settings"] != self.settings:
                sys.exit(
                    f"{self.json_file} holds results of other settings, "
                    f"{stored['settings']}: delete it, or choose another --output"
                )

    def add(self, cell):
        """Keep a cell, and rewrite both files."""
        self.cells[cell_key(cell)] = cell
        stored = {"settings": self.settings, "cells": list(self.cells.values())}
        self.json_file.write_text(json.dumps(stored, indent=1) + "\n")
        self.json_file.with_suffix(".md").write_text(self.markdown())
        print(
            f"sigma {cell['sigma']}, seed {cell['seed']}: {cell['method']:<32} "
            f"{np.mean(cell['psnr']):.3f} dB  {cell['seconds']:.2f} CPU-s an image",
            flush=True,
        )

    def markdown(self):
        """Write a table for each sigma: means over images and seeds."""
        text = [self.introduction, f"{self.settings['machine']}\n"]
        text.append(f"    {self.settings['command']}\n")
        header = ["method", "PSNR", "fit", "an image", "residual", "unsolved", "seeds"]
        for sigma in sorted({cell["sigma"] for cell in self.cells.values()}):
            of_sigma = [c for c in self.cells.values() if c["sigma"] == sigma]
            text.append(f"## sigma {sigma}\n")
            text.append("| " + " | ".join(header) + " |")
            text.append("|" + "---|" * len(header))
            for method in dict.fromkeys(cell["method"] for cell in of_sigma):
                cells = [cell for cell in of_sigma if cell["method"] == method]
                text.append("| " + " | ".join(table_row(method, cells)) + " |")
            for method, decibels in PUBLISHED.get(sigma, {}).items():
                text.append(f"| Set68, published: {method} | {decibels:.2f}" + " |" * 6)
            text.append("")
        return "\n".join(text)


def cell_key(cell):
    """What tells cells apart."""
    return cell["sigma"], cell["method"], cell["seed"]


def table_row(method, cells):
    """Means of some cells as text."""
    row = [method, f"{np.mean([cell['psnr'] for cell in cells]):.2f}", "", ""]
    row[3] = f"{np.mean([cell['seconds'] for cell in cells]):.1f}"
    if "residual" not in cells[0]:
        return [*row, "", "", str(len(cells))]
    row[2] = f"{np.mean([cell['fit_seconds'] for cell in cells]):.0f}"
    residual = max(cell["residual"] for cell in cells)
    unsolved = sum(cell["unsolved"] for cell in cells)
    return [*row, f"{residual:.1e}", str(unsolved), str(len(cells))]


def run_classical(results, methods, pairs, cell):
    """Add the cells of methods that are functions of an image."""
    for method, denoise in methods.items():
        denoise(pairs[0][1])  # Weights are chosen at the first image: not its time.
        start = process_time()
        ratios = [float(psnr(clean, denoise(noisy))) for clean, noisy in pairs]
        seconds = (process_time() - start) / len(pairs)
        results.add(cell | {"method": method, "psnr": ratios, "seconds": seconds})


def run_learned(results, prior, pairs, cell):
    """Add the cell of a learned prior, at its own sigma or below."""
    diagnostics = []
    fit_seconds = prior.estimator[1]
    sigma = cell["sigma"]
    ratios = [
        float(psnr(clean, prior.denoise(noisy, sigma, diagnostics)))
        for clean, noisy in pairs
    ]
    residuals, seconds, unsolved = (
        list(part) for part in zip(*diagnostics, strict=True)
    )
    at_lower_time = f"learned prior of {prior.sigma}, at a lower time"
    results.add(
        cell
        | {
            "method": "learned prior" if sigma == prior.sigma else at_lower_time,
            "psnr": ratios,
            "seconds": float(np.mean(seconds)),
            "fit_seconds": fit_seconds,
            "residual": max(residuals),
            "unsolved": sum(unsolved),
        }
    )


def main():
    """Run each sigma, the largest first, for each seed."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--train", type=Path, help="folder of PNG pictures to learn from")
    add("--test", type=Path, help="folder of PNG pictures to judge")
    add("--models", type=Path, help="folder of fitted estimators")
    add("--sigmas", type=int, nargs="+", default=[5, 15, 25])
    add("--n-windows", type=int, default=3200)
    add("--max-iter", type=int, help="of the estimator; its default without")
    add("--n-images", type=int, help="so many of the test images, evenly by name")
    parser.set_defaults(seeds=[0])
    arguments = parse(parser)
    if (arguments.train is None) != (arguments.test is None):
        parser.error("--train and --test belong together")
    train, test = bundled_photographs()
    if arguments.train:
        train, test = read_images(arguments.train), read_images(arguments.test)
    if arguments.quick:
        arguments.n_windows, arguments.n_images = 400, 2
        arguments.max_iter = 5
    if arguments.n_images:
        evenly = np.linspace(0, len(test) - 1, arguments.n_images).round().astype(int)
        test = [test[i] for i in evenly]
    introduction = INTRODUCTION.format(
        n_test=len(test),
        name=arguments.test.name if arguments.test else "bundled photographs",
        n_windows=arguments.n_windows,
        n_train=len(train),
    )
    results = Results(introduction, arguments)
    with limit_threads(arguments):
        for seed in arguments.seeds:
            run_seed(results, train, test, seed, arguments)


def run_seed(results, train, test, seed, arguments):
    """Run each sigma, the largest first."""
    sigmas = sorted(arguments.sigmas, reverse=True)
    priors = {s: LearnedPrior(train, s, seed, arguments) for s in sigmas}
    for sigma in sigmas:
        rng = np.random.RandomState(seed + 1000)
        pairs = [(c, c + sigma / 255 * rng.standard_normal(c.shape)) for c in test]
        cell = {"sigma": sigma, "seed": seed}
        classical = classical_methods(train, sigma / 255, seed)
        run_classical(results, chosen(classical, arguments), pairs, cell)
        of_own = arguments.methods is None or "learned prior" in arguments.methods
        if of_own:
            run_learned(results, priors[sigma], pairs, cell)
        if sigma < sigmas[0] and (of_own or "lower time" in arguments.methods):
            run_learned(results, priors[sigmas[0]], pairs, cell)


if __name__ == "__main__":
    main()
