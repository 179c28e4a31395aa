"""The maximum of quadratics: conjugates, earlier times, derivatives."""

import numpy as np
import pytest
import torch

from skhj.priors.min_plus.function import MinPlusFunction, MinPlusTables
from skhj.priors.min_plus.model import MinPlusModel

T = 0.8


def tables(m=4, d=2, seed=0, *, is_full=True):
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(m, d, d))
    H = 0.3 * (roots + roots.transpose(0, 2, 1))
    H = np.clip(rng.uniform(-1, 0.9, m), -1, 0.9)[:, None, None] * np.eye(d) + (
        0.0 if not is_full else H - np.linalg.norm(H, 2, (1, 2))[:, None, None]
        * np.eye(d)
    )  # fmt: skip
    b, c = rng.normal(size=(m, d)), rng.normal(size=m)
    return MinPlusTables(rng.normal(size=d), 2.0, 0.3, T, c, b, H)


def tensors(array):
    return torch.as_tensor(np.asarray(array))


def potential(function, X, tau=T):
    w, _ = function.value_and_gradient_at(tensors(X))
    return (X**2).sum(axis=-1) / 2 + tau * w.numpy()


both = pytest.mark.parametrize("is_full", [False, True], ids=["numbers", "matrices"])


@both
@pytest.mark.parametrize("d", [1, 3])
def test_conjugate_is_attained_and_above_all_other_points(d, is_full):
    function = MinPlusFunction(tables(d=d, is_full=is_full))
    rng = np.random.default_rng(1)
    Y, X = rng.normal(scale=5, size=(2, 300, d))
    value, point = (part.numpy() for part in function.conjugate_at(tensors(Y)))
    attained = (point * Y).sum(axis=1) - potential(function, point)
    # The solver's tolerance, 1e-13 of terms of size 100.
    np.testing.assert_allclose(value, attained, rtol=0, atol=1e-10)
    pairs = (X[:, None] * Y).sum(axis=-1) - potential(function, X)[:, None]
    assert (pairs <= value + 1e-10).all()


@both
def test_derivatives_are_those_of_the_value(is_full):
    function = MinPlusFunction(tables(is_full=is_full))
    X, step = np.random.default_rng(1).normal(scale=3, size=(200, 2)), 1e-5
    _, gradient = function.value_and_gradient_at(tensors(X))
    hessian = function.hessian_at(tensors(X)).numpy()
    smooth = np.ones(len(X), dtype=bool)
    for j, e in enumerate(step * np.eye(2)):
        (ahead, up), (behind, down) = (
            function.value_and_gradient_at(tensors(X + sign * e)) for sign in (1, -1)
        )
        slope = (ahead - behind).numpy() / (2 * step)
        curvature = (up - down).numpy() / (2 * step)
        smooth &= np.abs(curvature).max(axis=1) < 1e3
        np.testing.assert_allclose(slope[smooth], gradient[smooth, j], atol=1e-5)
        np.testing.assert_allclose(
            curvature[smooth], hessian[smooth][:, :, j], atol=1e-5
        )
    assert smooth.mean() > 0.9


@both
@pytest.mark.parametrize("time", [0.1, 0.5, 0.79])
def test_earlier_times_are_the_largest_below_all_paraboloids(time, is_full):
    """S(x, s) = max_z S(z, t) - |x - z|^2 / (2 (t - s)), over a grid in one feature."""
    model = MinPlusModel(MinPlusFunction(tables(d=1, is_full=is_full)), T)
    X = np.linspace(-4, 4, 81)[:, None]
    grid = np.linspace(-30, 30, 60001)
    S = model.value(grid[:, None]).value
    answer = model.evolve(X, time)
    below = (S - (X - grid) ** 2 / (2 * (T - time))).max(axis=1)
    # A grid of spacing 1e-3, curvature 1 / (t - s) <= 100 and kinks of slope 10.
    np.testing.assert_allclose(answer.value, below, rtol=0, atol=1e-2)
    assert (answer.value >= below - 1e-10).all()


@both
@pytest.mark.parametrize("time", [0.3, T])
def test_derivative_of_the_prox_is_that_of_differences(time, is_full):
    model = MinPlusModel(MinPlusFunction(tables(is_full=is_full)), T)
    rng = np.random.default_rng(1)
    X, V = rng.normal(scale=3, size=(2, 300, 2))
    step = 1e-6

    def prox(X):
        return X - time * model.evolve(X, time).gradient

    if time == T:

        def prox(X):
            return X - T * model.value(X).gradient

    differences = (prox(X + step * V) - prox(X - step * V)) / (2 * step)
    derivative = model.prox_derivative(X, V, time)
    # Points are good to 1e-8; some change their pieces within a step.
    wrong = np.abs(derivative - differences).max(axis=1) > 1e-2
    assert wrong.mean() < 0.03


def test_arrays_bring_it_back():
    function = MinPlusFunction(tables())
    function.shift_(0.5)
    again = MinPlusFunction.from_arrays(function.to_arrays())
    X = tensors(np.random.default_rng(0).normal(size=(10, 2)))
    for ours, theirs in zip(
        function.value_and_gradient_at(X), again.value_and_gradient_at(X), strict=True
    ):
        assert torch.equal(ours, theirs)
