"""Photographs blurred by exp(-|r| / s), reflected at their borders, with noise of 1 %.

4,000 windows of 64 x 64 to learn from, 500 to judge, from different photographs or
different parts of them: the upper three quarters of scikit-learn's two against the
rest; or with ``--images PATH`` the pictures of a folder, those below a folder named
train to learn from and all others to judge.

    python benchmarks/bench_deblurring.py --quick
    python benchmarks/bench_deblurring.py --images folder --widths 1 3 5 7 9

Cells are added to results/deblurring.json (deblurring_images.json), and a Markdown
file is rewritten from it after each. Delete the former after a change of the code.
"""

from functools import partial
from pathlib import Path

import numpy as np
from baselines import SpectralBlur
from comparison import Comparison, chosen, limit_threads, make_parser, parse
from deepinv_peer import unrolled_hqs
from sklearn.datasets import load_sample_images

from skhj import EmbeddedInverseSolver
from skhj.datasets import make_deblurring, make_image_patches

NOISE, PATCH = 0.002, (64, 64)
GREY = (0.299, 0.587, 0.114)

INTRODUCTION = """\
# Deblurring

Mean squared errors on {n_test} windows of 64 x 64 pixels of {name}, with {n_train}
windows of others to learn from, blurred by exp(-|r|/s) and with noise of {noise}, grey
levels from 0 to 1: means, and ranges of the ratios, over the seeds. "Tikhonov" has the
best weight on the training pairs, "Wiener" their mean and spectrum; "deepinv HQS"
(with ``--deepinv``) is four layers of its half-quadratic splitting with a DnCNN each,
trained for the CPU time of our EUnet, or more.
"""


def bundled_images():
    """Upper three quarters of scikit-learn's photographs, and the rest."""
    pictures = [image @ GREY / 255 for image in load_sample_images().images]
    cut = [3 * len(picture) // 4 for picture in pictures]
    train = [picture[:row] for picture, row in zip(pictures, cut, strict=True)]
    return train, [picture[row:] for picture, row in zip(pictures, cut, strict=True)]


def read_images(folder):
    """Grey images below a folder: those below one named train, and all others."""
    import matplotlib.image

    sets = [], []
    for path in sorted(folder.rglob("*.png")):
        pixels = matplotlib.image.imread(path)
        grey = pixels if pixels.ndim == 2 else pixels[..., :3] @ GREY
        sets["train" not in path.relative_to(folder).parts].append(grey)
    return sets


def make_methods(X, y, X_test, operator, seed):
    """Answers of every method for the test data, except deepinv's."""

    def fitted(estimator):
        return lambda: estimator.fit(X, y).predict(X_test)

    spectral = SpectralBlur(operator)
    networks = {
        network: fitted(
            EmbeddedInverseSolver(
                operator,
                network=network,
                image_shape=PATCH,
                device="cpu",
                random_state=seed,
            )
        )
        for network in ("eunet", "optenet", "proximal")
    }
    return {
        "blurred": lambda: X_test,
        "Tikhonov": lambda: spectral.tikhonov(X, y, X_test),
        "Wiener": lambda: spectral.wiener(y, NOISE, X_test),
        **networks,
    }


def main():
    """Run the widths asked for, for each seed."""
    parser = make_parser(__doc__)
    add = parser.add_argument
    add("--images", type=Path, help="folder of PNG pictures, some below train")
    add("--widths", type=float, nargs="+", default=[1.0, 3.0, 5.0, 7.0, 9.0])
    add("--deepinv", action="store_true", help="deepinv too, for the time of eunet")
    add("--n-train", type=int, default=4000)
    arguments = parse(parser)
    n_train = 500 if arguments.quick else arguments.n_train
    widths = [5.0] if arguments.quick else arguments.widths
    train, test = (
        read_images(arguments.images) if arguments.images else bundled_images()
    )
    introduction = INTRODUCTION.format(
        name="the folder's pictures" if arguments.images else "two photographs",
        noise=NOISE,
        n_train=n_train,
        n_test=500,
    )
    file_name = "deblurring_images" if arguments.images else "deblurring"
    columns = {"Wiener": "over Wiener", "proximal": "over proximal"}
    comparison = Comparison(file_name, introduction, arguments, columns)
    with limit_threads(arguments):
        for seed in arguments.seeds[:1] if arguments.quick else arguments.seeds:
            rng = np.random.RandomState(seed)
            options = {"patch_shape": PATCH, "random_state": rng}
            windows = make_image_patches(train, n_samples=n_train, **options)
            fresh = make_image_patches(test, n_samples=500, **options)
            for s in widths:
                rng = np.random.RandomState(seed + 1000)
                blur = {"noise": NOISE, "random_state": rng}
                X, y, operator = make_deblurring(windows, s, **blur)
                X_test, y_test, _ = make_deblurring(fresh, s, **blur)
                methods = make_methods(X, y, X_test, operator, seed)
                methods = chosen(methods, arguments)
                problem = f"s = {s:g}"
                comparison.run(problem, seed, methods, y_test)
                if arguments.deepinv:
                    seconds = comparison.seconds(problem, "eunet", seed)
                    peer = partial(
                        unrolled_hqs, operator, X, y, X_test, seconds=seconds, seed=seed
                    )
                    comparison.run(problem, seed, {"deepinv HQS": peer}, y_test)


if __name__ == "__main__":
    main()
