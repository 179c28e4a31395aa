"""Operators that tell that unknowns are the samples of a signal."""

import numpy as np
import pytest
from scipy.linalg import circulant, toeplitz
from sklearn.exceptions import ConvergenceWarning

from skhj import EmbeddedInverseSolver
from skhj.inverse.signals import is_convolution

N = 24
DECAY = 0.6 ** np.arange(N)


def reflected(kernel):
    """A convolution that reflects the signal at its edges."""
    side = len(kernel) // 2
    padded = np.pad(np.eye(N), [(0, 0), (side, side)], mode="symmetric")
    rows = [np.convolve(row, kernel, mode="valid") for row in padded]
    return np.transpose(rows)


@pytest.mark.parametrize(
    "matrix",
    [
        toeplitz(DECAY),
        toeplitz(DECAY, np.r_[1.0, np.zeros(N - 1)]),
        circulant(np.r_[0.5, 0.3, np.zeros(N - 3), 0.2]),
        reflected(np.array([0.2, 0.5, 0.3])),
        1e-9 * toeplitz(DECAY),
    ],
    ids=["zeros outside", "causal", "periodic", "reflected", "other units"],
)
def test_convolutions_are_so_whatever_their_edges(matrix):
    assert is_convolution(matrix)


@pytest.mark.parametrize(
    "matrix",
    [
        3 * np.eye(N),
        np.zeros((N, N)),
        toeplitz(DECAY)[: N // 2],
        toeplitz(DECAY[:8]),
        toeplitz(DECAY) * np.linspace(1, 2, N),
        toeplitz(DECAY)[:, np.random.RandomState(0).permutation(N)],
    ],
    ids=["identity", "zero", "fewer rows", "short", "growing", "out of order"],
)
def test_other_operators_are_none(matrix):
    assert not is_convolution(matrix)


@pytest.fixture(scope="module")
def blur():
    kernel = np.exp(-(np.arange(N) ** 2) / 8)
    return toeplitz(kernel) / (2 * kernel.sum() - 1)


def fitted(A, X, **parameters):
    rng = np.random.RandomState(1)
    B = X @ A.T + 0.02 * rng.normal(size=X.shape)
    parameters = {"n_layers": 2, "max_iter": 14, "random_state": 0} | parameters
    est = EmbeddedInverseSolver(A, **parameters).fit(B[:600], X[:600])
    return est, np.mean((est.predict(B[600:]) - X[600:]) ** 2)


def test_spikes_anywhere_are_signals_and_learned_better_so(blur):
    rng = np.random.RandomState(0)
    X = (rng.uniform(size=(900, N)) < 0.08) * rng.normal(size=(900, N))
    est, error = fitted(blur, X)
    assert est.image_shape_ == (1, 1, N)
    # Of a matrix that is no convolution, by a millionth, the same models are vectors.
    vectors, other_error = fitted(blur * np.linspace(1, 1.001, N), X)
    assert vectors.image_shape_ is None
    assert error < 0.7 * other_error


def test_what_a_user_asks_for_stands(blur):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(900, N))
    with pytest.warns(ConvergenceWarning, match="no better than the linear estimate"):
        est, _ = fitted(blur, X, embedding_dim=16, max_iter=1)
    assert est.image_shape_ is None
