"""What a user of scikit-learn, or of a textbook, would try first."""

import numpy as np
from scipy.fft import dctn, fftn, idctn, ifftn
from sklearn.compose import TransformedTargetRegressor
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
    gain = np.linalg.lstsq(X - mean_X, y - mean_y)[0]
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
