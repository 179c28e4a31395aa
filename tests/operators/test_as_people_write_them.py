"""Operators as people write them: functions of one vector, of integers, of floats."""

import numpy as np
import pytest
import torch
from operator_battery import check_operator
from scipy.ndimage import convolve1d, gaussian_filter1d
from scipy.signal import lfilter
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from skhj.operators import as_operator, check_adjoint

N = 24
KERNEL = np.array([1, 0.8, 0.6, 0.3])
A = np.random.default_rng(0).normal(size=(4, 6))


def filtered(x):
    return lfilter(KERNEL, 1, x)


# Functions along the last axis, and others of one vector, with their adjoints.
OF_VECTORS = {
    "lfilter": (filtered, lambda r: filtered(r[::-1])[::-1]),
    "convolve1d": (
        lambda x: convolve1d(x, [1.0, 2.0, 0.5], mode="constant"),
        lambda r: convolve1d(r, [0.5, 2.0, 1.0], mode="constant"),
    ),
    "gaussian_filter1d": (
        lambda x: gaussian_filter1d(x, 2.0, mode="constant"),
        lambda r: gaussian_filter1d(r, 2.0, mode="constant"),
    ),
    "product": (lambda x: np.arange(N) * x, lambda r: np.arange(N) * r),
    "cumsum": (np.cumsum, lambda r: np.cumsum(r[::-1])[::-1]),
    "roll": (lambda x: np.roll(x, 3), lambda r: np.roll(r, -3)),
}


class Once(torch.autograd.Function):
    """The matrix A, differentiable once, as wrappers of other libraries are."""

    @staticmethod
    def forward(ctx, x):
        return torch.from_numpy(x.detach().numpy() @ A.T.astype(x.numpy().dtype))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return torch.from_numpy(gradient.numpy() @ A.astype(gradient.numpy().dtype))


class SquareOnce(torch.autograd.Function):
    """A square, differentiable once."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


@pytest.mark.parametrize("name", OF_VECTORS)
@pytest.mark.parametrize("scaled", [False, True])
def test_functions_of_one_vector_are_those_of_scipy(name, scaled):
    matvec, rmatvec = OF_VECTORS[name]
    theirs = LinearOperator((N, N), matvec=matvec, rmatvec=rmatvec, dtype=float)
    theirs = 2.0 * theirs if scaled else theirs
    operator = as_operator(theirs)
    expected = np.array([theirs @ e for e in np.eye(N)]).T
    np.testing.assert_allclose(operator.dense().numpy(), expected, atol=1e-13)
    check_operator(operator, local=True)


def test_many_products_at_once_are_used_where_they_are_right():
    calls = []

    class Batched(LinearOperator):
        def _matvec(self, x):
            return A @ x

        def _rmatvec(self, r):
            return A.T @ r

        def _matmat(self, X):
            calls.append(X.shape)
            return A @ X

    operator = as_operator(Batched(float, A.shape))
    operator.forward(torch.ones(5, 6))
    assert calls[-1] == (6, 5)


def test_functions_that_are_differentiable_once_are_linear_operators():
    operator = as_operator(lambda x: Once.apply(x), shape=A.shape)
    assert operator.is_linear
    np.testing.assert_allclose(operator.dense().numpy(), A, rtol=1e-12)
    check_operator(operator, local=True)
    with pytest.raises(ValueError, match="differentiable twice by torch, or linear"):
        as_operator(lambda x: SquareOnce.apply(x), shape=(3, 3))


@pytest.mark.parametrize("kind", [np.int8, np.int64])
def test_operators_of_integers_take_real_numbers(kind):
    whole = np.round(3 * A).astype(kind)
    np.testing.assert_array_equal(as_operator(aslinearoperator(whole)).dense(), whole)
    pylops = pytest.importorskip("pylops")
    derivative = pylops.FirstDerivative(8, kind="forward", dtype=kind)
    exact = pylops.FirstDerivative(8, kind="forward").todense()
    np.testing.assert_allclose(as_operator(derivative).dense(), exact)


@pytest.mark.parametrize("options", [{}, {"batch": True}])
def test_torch_operators_of_pylops_are_taken(options):
    pylops = pytest.importorskip("pylops")
    torch_operator = pylops.TorchOperator(pylops.MatrixMult(A), **options)
    operator = as_operator(torch_operator, shape=A.shape)
    np.testing.assert_allclose(operator.dense().numpy(), A, rtol=1e-12)


def test_functions_are_tried_with_positive_numbers_alone():
    def roots(x):
        assert (x > 0).all()
        return x.sqrt()

    assert not as_operator(roots, shape=(3, 3)).is_linear


def test_functions_of_single_precision_are_taken():
    weights = torch.tensor(A, dtype=torch.float32)
    operator = as_operator(lambda x: x @ weights.T, shape=A.shape)
    x = torch.ones(2, 6, dtype=torch.float64)
    assert operator.forward(x).dtype == torch.float64
    check_adjoint(operator)


@pytest.mark.parametrize("shape", [(3,), 3, (3, 3, 3), (3.0, 3.0), "ab"])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(ValueError, match=r"shape must be \(measurements, unknowns\)"):
        as_operator(torch.sin, shape=shape)


@pytest.mark.parametrize(
    ("matvec", "rmatvec", "message"),
    [
        (lambda x: np.nan * x, lambda r: r, "by matvec, which returned NaN"),
        (lambda x: x, lambda r: r / np.zeros(3), "by rmatvec, which returned NaN"),
        (lambda x: x["a"], lambda r: r, "by matvec, which failed: IndexError"),
        (lambda x: x, lambda r: r + "a", "by rmatvec, which failed: "),
        (lambda x: x, None, "its rmatvec is not implemented"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_what_fails_for_a_vector_is_told(matvec, rmatvec, message):
    wrong = LinearOperator((3, 3), matvec=matvec, rmatvec=rmatvec, dtype=float)
    with pytest.raises(ValueError, match=message):
        as_operator(wrong)
