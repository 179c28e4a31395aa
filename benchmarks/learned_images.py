"""The estimator of image priors, fitted to windows of photographs once."""

import warnings
from pathlib import Path
from time import process_time

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skhj import HJPriorRegressor
from skhj.datasets import make_image_patches

SHAPE = (40, 40)


def add_options(parser):
    """Options of the script's command line that the fit depends on."""
    add = parser.add_argument
    add("--train", type=Path, help="folder of PNG pictures to learn from")
    add("--test", type=Path, help="folder of PNG pictures to judge")
    add("--models", type=Path, help="folder of fitted estimators")
    add("--n-windows", type=int, default=3200)
    add("--max-iter", type=int, help="of the estimator; its default without")


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
