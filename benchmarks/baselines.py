"""What a user of scikit-learn, or of a textbook, would try first."""

import warnings

import numpy as np
from scipy.fft import dctn, fftn, idctn, ifftn
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import DictionaryLearning, sparse_encode
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

LEVELS = 10.0 ** np.arange(-8, 3)


def standardised_mlp(seed, hidden_layer_sizes=(256, 256)):
    """MLPRegressor with both sides standardised and early stopping."""
    network = MLPRegressor(
        hidden_layer_sizes=hidden_layer_sizes, early_stopping=True, random_state=seed
    )
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), network), transformer=StandardScaler()
    )


def linear_estimate(X, y, X_test):
    """Estimate linearly, with the covariances of the training pairs."""
    mean_X, mean_y = X.mean(axis=0), y.mean(axis=0)
    gain = np.linalg.lstsq(X - mean_X, y - mean_y, rcond=None)[0]
    return mean_y + (X_test - mean_X) @ gain


def tikhonov(A, X, y, X_test):
    """Minimise |A x - b|^2 + level |x|^2, with the best level on the training pairs."""
    U, s, Vt = np.linalg.svd(A, full_matrices=False)

    def solve(level, X):
        return (X @ U * (s / (s**2 + level))) @ Vt

    levels = s[0] ** 2 * LEVELS
    errors = [np.mean((solve(level, X) - y) ** 2) for level in levels]
    return solve(levels[np.argmin(errors)], X_test)


def kernel_ridge(X, y, X_test, seed):
    """Fit a Gaussian kernel; width and penalty from a hold-out of 2,000 samples."""
    scaler = StandardScaler().fit(X)
    X, X_test = scaler.transform(X), scaler.transform(X_test)
    few = np.random.default_rng(seed).permutation(len(X))[:2000]
    seen, held_out = train_test_split(few, random_state=seed)
    candidates = [
        {"kernel": "rbf", "gamma": gamma / X.shape[1], "alpha": alpha}
        for gamma in (0.03, 0.1, 0.3, 1.0)
        for alpha in (1e-4, 1e-3, 1e-2, 1e-1)
    ]
    mean = y[seen].mean(axis=0)

    def held_out_error(parameters):
        model = KernelRidge(**parameters).fit(X[seen], y[seen] - mean)
        return np.mean((model.predict(X[held_out]) + mean - y[held_out]) ** 2)

    best = min(candidates, key=held_out_error)
    mean = y.mean(axis=0)
    return KernelRidge(**best).fit(X, y - mean).predict(X_test) + mean


def learned_dictionary(A, X, y, X_test, seed, *, n_atoms=128, n_judges=300):
    """Sparse codes z of A D z = b, for a dictionary D learned from the models.

    By lasso of several weights, basis pursuit in the limit, or orthogonal matching
    pursuit of several lengths, whichever is best on the first training pairs. D is
    over-complete where a model has less than ``n_atoms`` unknowns.
    """
    mean_X, mean_y = X.mean(axis=0), y.mean(axis=0)
    dictionary = DictionaryLearning(
        n_atoms, alpha=0.2, max_iter=30, fit_algorithm="cd", random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of codes, on the way
        D = dictionary.fit(y - mean_y).components_
    seen = D @ A.T
    scale = np.abs((X - mean_X) @ seen.T).max()  # every code is zero at this weight
    choices = [{"algorithm": "omp", "n_nonzero_coefs": k} for k in (1, 2, 4, 8)]
    weights = scale * 10.0 ** np.arange(-5, 0, 0.5)
    choices += [{"algorithm": "lasso_lars", "alpha": weight} for weight in weights]

    def solve(choice, X):
        with warnings.catch_warnings():
            # Atoms that look alike from the ground are dropped.
            warnings.simplefilter("ignore", (ConvergenceWarning, RuntimeWarning))
            return mean_y + sparse_encode(X - mean_X, seen, **choice) @ D

    def error(choice):
        return np.mean((solve(choice, X[:n_judges]) - y[:n_judges]) ** 2)

    return solve(min(choices, key=error), X_test)


def total_variation(A, X, y, X_test, image_shape, *, n_judges=300, n_steps=500):
    """Minimise |A x - b|^2 / 2 + weight TV(x) by ADMM, isotropic.

    With the best weight on the first training pairs.
    """
    eyes = [np.eye(size) for size in image_shape]
    steps = [np.diff(eye, axis=0, append=eye[-1:]) for eye in eyes]
    D = np.concatenate([np.kron(steps[0], eyes[1]), np.kron(eyes[0], steps[1])])

    def solve(weight, X):
        rho = 5 * weight  # the inverse of a usual step between pixels
        inverse = np.linalg.inv(A.T @ A + rho * D.T @ D)
        constant, back = X @ A @ inverse, rho * D @ inverse
        v = u = np.zeros((len(X), len(D)))
        for _ in range(n_steps):
            x = constant + (v - u) @ back
            w = x @ D.T + u
            sizes = np.linalg.norm(w.reshape(len(X), 2, -1), axis=1)
            shrink = np.maximum(1 - weight / rho / np.maximum(sizes, 1e-300), 0)
            v = w * np.tile(shrink, 2)
            u = w - v
        return x

    levels = np.linalg.norm(A, 2) ** 2 * 10.0 ** np.arange(-5, 0, 0.5)
    errors = [np.mean((solve(w, X[:n_judges]) - y[:n_judges]) ** 2) for w in levels]
    return solve(levels[np.argmin(errors)], X_test)


class SpectralBlur:
    """The blur in the basis that diagonalises it: Fourier's, or cosines to reflect.

    Parameters
    ----------
    operator : ExponentialBlur
        The blur.
    """

    def __init__(self, operator):
        self.shape = operator.image_shape
        self.periodic = operator.boundary == "periodic"
        impulse = np.zeros(self.shape)
        impulse[0, 0] = 1.0
        blurred = operator.matvec(impulse.ravel())[None]
        self.gain = (self.forward(blurred) / self.forward(impulse.reshape(1, -1))).real

    def forward(self, X):
        """Coefficients of flattened images."""
        images = X.reshape(len(X), *self.shape)
        if self.periodic:
            return fftn(images, axes=(1, 2), norm="ortho")
        return dctn(images, axes=(1, 2), norm="ortho")

    def backward(self, coefficients):
        """Flattened images of coefficients."""
        if self.periodic:
            images = ifftn(coefficients, axes=(1, 2), norm="ortho").real
        else:
            images = idctn(coefficients, axes=(1, 2), norm="ortho")
        return images.reshape(len(images), -1)

    def tikhonov(self, X, y, X_test):
        """Minimise |A x - b|^2 + level |x|^2, with the best level on the pairs."""
        data, true = self.forward(X), self.forward(y)
        filters = [self.gain / (self.gain**2 + level) for level in LEVELS]
        errors = [np.mean(np.abs(f * data - true) ** 2) for f in filters]
        return self.backward(filters[np.argmin(errors)] * self.forward(X_test))

    def wiener(self, y, noise, X_test):
        """Apply Wiener's filter, with the mean and the spectrum of the images."""
        mean = y.mean()
        spectrum = np.mean(np.abs(self.forward(y - mean)) ** 2, axis=0)
        wiener = self.gain * spectrum / (self.gain**2 * spectrum + noise**2)
        return mean + self.backward(wiener * self.forward(X_test - mean))
