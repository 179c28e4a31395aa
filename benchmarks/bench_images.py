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

from time import process_time

import numpy as np
from comparison import chosen, limit_threads, make_parser, parse
from learned_images import LearnedPrior, add_options
from photographs import PhotographResults, photographs, psnr
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

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


class Results(PhotographResults):
    """Cells for each sigma, method and seed."""

    columns = ("method", "PSNR", "fit", "an image", "residual", "unsolved", "seeds")

    def sections(self):
        """Sigmas, ascending."""
        return sorted(super().sections(), key=noise_of)

    def row(self, method, cells):
        """Means of some cells as text."""
        row = [method, f"{np.mean([cell['psnr'] for cell in cells]):.2f}", "", ""]
        row[3] = f"{np.mean([cell['seconds'] for cell in cells]):.1f}"
        if "residual" not in cells[0]:
            return [*row, "", "", str(len(cells))]
        row[2] = f"{np.mean([cell['fit_seconds'] for cell in cells]):.0f}"
        residual = max(cell["residual"] for cell in cells)
        unsolved = sum(cell["unsolved"] for cell in cells)
        return [*row, f"{residual:.1e}", str(unsolved), str(len(cells))]

    def published(self, section):
        """Means over Set68 of other methods."""
        return [
            f"| Set68, published: {method} | {decibels:.2f}" + " |" * 6
            for method, decibels in PUBLISHED.get(noise_of(section), {}).items()
        ]


def noise_of(section):
    """Sigma of a table's title."""
    return int(section.removeprefix("sigma "))


def run_classical(results, methods, pairs, cell):
    """Add the cells of methods that are functions of an image."""
    for method, denoise in methods.items():
        denoise(pairs[0][1])  # Weights are chosen at the first image: not its time.
        start = process_time()
        ratios = [psnr(clean, denoise(noisy)) for clean, noisy in pairs]
        seconds = (process_time() - start) / len(pairs)
        results.add(cell | {"method": method, "psnr": ratios, "seconds": seconds})


def run_learned(results, prior, pairs, cell):
    """Add the cell of a learned prior, at its own sigma or below."""
    diagnostics = []
    fit_seconds = prior.estimator[1]
    sigma = noise_of(cell["section"])
    ratios = [
        psnr(clean, prior.denoise(noisy, sigma, diagnostics)) for clean, noisy in pairs
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
    add_options(parser)
    add = parser.add_argument
    add("--sigmas", type=int, nargs="+", default=[5, 15, 25])
    add("--n-images", type=int, help="so many of the test images, evenly by name")
    parser.set_defaults(seeds=[0])
    arguments = parse(parser)
    train, test = photographs(parser, arguments)
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
    results = Results("images", introduction, arguments)
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
        cell = {"section": f"sigma {sigma}", "seed": seed}
        classical = classical_methods(train, sigma / 255, seed)
        run_classical(results, chosen(classical, arguments), pairs, cell)
        of_own = arguments.methods is None or "learned prior" in arguments.methods
        if of_own:
            run_learned(results, priors[sigma], pairs, cell)
        if sigma < sigmas[0] and (of_own or "lower time" in arguments.methods):
            run_learned(results, priors[sigmas[0]], pairs, cell)


if __name__ == "__main__":
    main()
