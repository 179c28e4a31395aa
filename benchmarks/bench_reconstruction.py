"""Windows of photographs from few noisy measurements, by a learned prior and others.

The prior is learned from pairs of noisy and clean windows alone, and serves every
operator: tomography, blur, missing pixels, and Fourier samples.

    python benchmarks/bench_reconstruction.py --quick
    python benchmarks/bench_reconstruction.py --train folder/train --test folder/Set68

Options are those of bench_images.py. ``--models PATH`` takes its fitted estimators.
``--pictures PATH`` draws a window of each problem into a folder. Needs pyproximal.
"""

import warnings
from pathlib import Path
from time import process_time

import numpy as np
import pylops
import pyproximal
from comparison import chosen, limit_threads, make_parser, parse
from learned_images import LearnedPrior, add_options
from photographs import PhotographResults, photographs, psnr
from pyproximal.optimization.primaldual import PrimalDual
from scipy.optimize import minimize_scalar
from scipy.sparse.linalg import aslinearoperator

from skhj import PriorInverseSolver
from skhj.exceptions import ExtrapolationWarning
from skhj.operators import (
    FourierSampling,
    GaussianBlur,
    Inpainting,
    ParallelBeam,
    SparseOperator,
    spectral_norm,
)

SHAPE = (96, 96)
CORNER = (80, 80)
NOISE = 0.01

# Mean PSNR of four windows of Set68, measured with the published weights of
# https://github.com/axgoujon/weakly_convex_ridge_regularizer.
PUBLISHED = {
    "tomography": {"CRR [1]": 27.5, "WCRR [2]": 28.1},
    "blur": {"CRR [1]": 27.20, "WCRR [2]": 27.54},
}

INTRODUCTION = """\
# Reconstruction of images

Mean PSNR in dB of {n_test} windows of 96 x 96 of {name}, grey levels from 0 to 1,
clipped to that range for the PSNR only, from measurements with Gaussian noise of
deviation 0.01:

- tomography: 40 angles over half a turn, the operator scaled to norm 1;
- blur: Gaussian, of width 1.6 pixels, periodic;
- inpainting: 70 % of the pixels are missing;
- Fourier: a quarter of the frequencies, more of the low ones.

"learned prior" is `PriorInverseSolver(operator, prior, noise_level=0.01)`, with the
`HJPriorRegressor` that bench_images.py fits at sigma 25: it has seen no operator.
"plug and play" puts its prox, at the best time up to that of the noise it was learned
with, in the place of the prox of an unknown prior, in 60 accelerated forward-backward
steps. Total variation is solved by pyproximal's
primal-dual algorithm, 1,000 steps. Weights are the best on two other windows. Seconds
are CPU seconds a window, "steps" the most that a window took, "unsolved" windows whose
residual is above the tolerance, 1e-5.

Figures of others, with their published weights on four windows of Set68: [1] Goujon et
al., IEEE Trans. Comput. Imaging 9, 2023; [2] Goujon et al., SIAM J. Imaging Sciences
17, 2024.
"""


def operators(seed):
    """Each problem's operator of norm at most one, and the shape to draw its data in.

    Nothing that is drawn for the data without a shape.
    """
    rng = np.random.RandomState(seed)
    angles = np.linspace(0, 180, 40, endpoint=False)
    beams = ParallelBeam(SHAPE, angles)
    rows, columns = np.meshgrid(*(np.fft.fftfreq(size) for size in SHAPE))
    # Sampled at random, the sooner the lower; the lowest of all for certain.
    order = np.hypot(rows, columns) / rng.uniform(1e-3, 1, SHAPE)
    order[np.hypot(rows, columns) < 0.04] = 0
    lowest = np.zeros(SHAPE, dtype=bool)
    lowest.flat[np.argsort(order, axis=None)[: np.prod(SHAPE) // 4]] = True
    return {
        "tomography": SparseOperator(beams.matrix / spectral_norm(beams)),
        "blur": GaussianBlur(SHAPE, 1.6),
        "inpainting": Inpainting(rng.uniform(size=SHAPE) < 0.3),
        "Fourier": FourierSampling(lowest),
    }


def window(image):
    """A window of an image, flattened."""
    top, left = CORNER
    cut = image[top : top + SHAPE[0], left : left + SHAPE[1]]
    if cut.shape != SHAPE:
        raise ValueError(f"an image of shape {image.shape} is too small")
    return cut.ravel()


class TotalVariation:
    """Least |A x - b|^2 / 2 + weight TV(x), with the best weight on some pairs.

    Parameters
    ----------
    operator : ForwardOperator
        The operator A, of norm at most one.
    n_solves : int, default=8
        Weights that are tried.
    """

    weights = (1e-5, 1e-1)

    def __init__(self, operator, n_solves=8):
        self.operator, self.n_solves = operator, n_solves

    def fit(self, B, X):
        """Choose the weight."""

        def error(log_weight):
            return np.square(self.solve(B, np.exp(log_weight)) - X).mean()

        self.weight = np.exp(
            minimize_scalar(
                error,
                bounds=np.log(self.weights),
                method="bounded",
                options={"maxiter": self.n_solves},
            ).x
        )
        return self

    def predict(self, B):
        """Windows of measurements."""
        return self.solve(B, self.weight), {}

    def solve(self, B, weight, n_steps=1000):
        """Windows at a weight."""
        size = self.operator.shape[1]
        differences = pylops.Gradient(SHAPE, kind="forward", edge=False)
        both = pylops.VStack(
            [pylops.LinearOperator(aslinearoperator(self.operator)), differences]
        )
        step = 0.99 / 3  # |A|^2 + |D|^2 <= 1 + 8
        return np.stack(
            [
                PrimalDual(
                    pyproximal.Box(),
                    pyproximal.VStack(
                        [
                            pyproximal.L2(b=b),
                            pyproximal.L21(2, sigma=weight),
                        ],
                        nn=[len(b), 2 * size],
                    ),
                    both,
                    self.operator.rmatvec(b),
                    tau=step,
                    mu=step,
                    niter=n_steps,
                )
                for b in B
            ]
        )


class PlugAndPlay:
    """Forward-backward steps with a denoiser; nothing is minimised that is known.

    Steps are of length one. How much is denoised, a share of the prior's time, is the
    best on some pairs.

    Parameters
    ----------
    operator : ForwardOperator
        The operator A, of norm at most one.
    prior : HJPriorRegressor
        Its prox is the denoiser.
    """

    weights = (1e-3, 1.0)

    def __init__(self, operator, prior, n_solves=6):
        self.operator, self.prior = operator, prior.for_images(SHAPE)
        self.n_solves = n_solves

    fit = TotalVariation.fit
    predict = TotalVariation.predict

    def solve(self, B, share, n_steps=60):
        """Windows at a share of the prior's time."""
        time = share * self.prior.t
        X = Y = self.operator.rmatmat(B.T).T
        for k in range(n_steps):
            left = self.operator.data(Y) - B
            inner = Y - self.operator.rmatmat(left.T).T
            last, X = X, self.prior.prox(inner, time=time)
            Y = X + k / (k + 3) * (X - last)
        return X


class Learned:
    """The solver with the learned prior.

    Parameters
    ----------
    operator : ForwardOperator
        The operator.
    prior : HJPriorRegressor
        The prior.
    """

    def __init__(self, operator, prior):
        self.solver = PriorInverseSolver(
            operator, prior, noise_level=NOISE, image_shape=SHAPE
        )

    def fit(self, B, X):
        """Choose the strength."""
        self.solver.fit(B, X)
        return self

    def predict(self, B):
        """Windows of measurements, and how they were found."""
        X, info = self.solver.predict(B, return_info=True)
        return X, {
            "strength": self.solver.strength_,
            "steps": int(info.n_iter.max()),
            "unsolved": int((info.residual > 1e-5).sum()),
        }


class Results(PhotographResults):
    """Cells for each problem, method and seed."""

    columns = ("method", "PSNR", "a window", "fit", "steps", "unsolved", "seeds")

    def row(self, method, cells):
        """Means of some cells as text."""

        def mean(name):
            return np.mean([cell[name] for cell in cells])

        row = [method, f"{mean('psnr'):.2f}", f"{mean('seconds'):.1f}"]
        row.append(f"{mean('fit_seconds'):.0f}")
        for name, summary in (("steps", max), ("unsolved", sum)):
            known = [cell[name] for cell in cells if name in cell]
            row.append(str(summary(known)) if known else "")
        return [*row, str(len(cells))]

    def published(self, section):
        """Figures of other learned priors."""
        return [
            f"| with published weights: {method} | {decibels:.2f}" + " |" * 6
            for method, decibels in PUBLISHED.get(section, {}).items()
        ]


def run_seed(results, test, tuning, prior, seed, arguments):
    """Run every method on every problem."""
    X, X_tuning = (np.stack([window(x) for x in part]) for part in (test, tuning))
    for problem, operator in operators(seed).items():
        rng = np.random.RandomState(seed + 1000)
        B, B_tuning = (
            operator.data(x) + NOISE * rng.standard_normal((len(x), operator.shape[0]))
            for x in (X, X_tuning)
        )
        methods = {
            "total variation": lambda A: TotalVariation(A),
            "plug and play": lambda A: PlugAndPlay(A, prior.estimator[0]),
            "learned prior": lambda A: Learned(A, prior.estimator[0]),
        }
        answers = {}
        for name, make in chosen(methods, arguments).items():
            start = process_time()
            method = make(operator).fit(B_tuning, X_tuning)
            fitted = process_time()
            answers[name], info = method.predict(B)
            results.add(
                {
                    "section": problem,
                    "method": name,
                    "seed": seed,
                    "psnr": [
                        psnr(*pair) for pair in zip(X, answers[name], strict=True)
                    ],
                    "seconds": (process_time() - fitted) / len(B),
                    "fit_seconds": fitted - start,
                }
                | info
            )
        if arguments.pictures:
            draw(arguments.pictures / f"{problem}.png", operator, B, X, answers)


def draw(path, operator, B, X, answers, *, index=0):
    """Draw a window, what its measurements tell at once, and the answers."""
    import matplotlib.pyplot as plt

    columns = {"true": X, "adjoint of the data": operator.rmatmat(B.T).T} | answers
    figure, axes = plt.subplots(
        1, len(columns), figsize=(2.4 * len(columns), 2.8), layout="constrained"
    )
    for ax, (name, images) in zip(axes, columns.items(), strict=True):
        image = images[index]
        title = name
        if name in answers:
            title += f"\n{psnr(X[index], image):.1f} dB"
        limits = {"vmin": 0, "vmax": 1} if name in {"true", *answers} else {}
        ax.imshow(image.reshape(SHAPE), cmap="gray", **limits)
        ax.set_title(title, fontsize=8)
        ax.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def main():
    """Run each seed: its noise, its masks and its prior."""
    parser = make_parser(__doc__)
    add_options(parser)
    parser.add_argument("--n-images", type=int, default=4, help="test windows")
    parser.add_argument("--pictures", type=Path, help="folder to draw into")
    parser.set_defaults(seeds=[0], threads=1)
    arguments = parse(parser)
    # Iterates of plug and play may be no images.
    warnings.simplefilter("ignore", ExtrapolationWarning)
    train, test = photographs(parser, arguments)
    if arguments.quick:
        arguments.n_windows, arguments.n_images, arguments.max_iter = 400, 1, 5
    n_test = min(arguments.n_images, len(test) - 2)
    introduction = INTRODUCTION.format(
        n_test=n_test,
        name=arguments.test.name if arguments.test else "bundled photographs",
    )
    results = Results("reconstruction", introduction, arguments)
    tuning = test[n_test : n_test + 2]
    with limit_threads(arguments), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of pyproximal
        for seed in arguments.seeds:
            prior = LearnedPrior(train, 25, seed, arguments)
            run_seed(results, test[:n_test], tuning, prior, seed, arguments)


if __name__ == "__main__":
    main()
