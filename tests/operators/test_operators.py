"""Forward operators: every form a user has, one interface."""

import math
import pickle

import numpy as np
import pytest
import scipy.sparse
import torch
from operator_battery import check_operator
from scipy.sparse.linalg import LinearOperator, aslinearoperator, lsqr

from skhj.operators import (
    DenseOperator,
    SparseOperator,
    adjoint_mismatch,
    as_operator,
    check_adjoint,
    spectral_norm,
)

MATRIX = np.random.default_rng(0).standard_normal((5, 12))
MATRIX[np.abs(MATRIX) < 0.3] = 0


class Physics:
    """Named methods on tensors of rows, as a user would write them."""

    def A(self, x):
        return x @ torch.tensor(MATRIX).to(x).T

    def A_adjoint(self, r):
        return r @ torch.tensor(MATRIX).to(r)


class Duck:
    """The least that scipy takes for an operator."""

    shape = MATRIX.shape

    def matvec(self, x):
        return MATRIX @ x

    def rmatvec(self, r):
        return MATRIX.T @ r


class Convolution(torch.nn.Module):
    """Like a physics of deepinv: images in, images out, in single precision."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("kernel", torch.randn(2, 1, 3, 3, generator=generator))

    def forward(self, x):
        return self.A(x) + torch.randn_like(self.A(x))  # noise, as deepinv's does

    def A(self, x):
        return torch.nn.functional.conv2d(x, self.kernel)

    def A_adjoint(self, r):
        return torch.nn.functional.conv_transpose2d(r, self.kernel)


def normals(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes
    ]


FORMS = {
    "array": lambda: MATRIX,
    "list": lambda: MATRIX.tolist(),
    "numpy matrix": lambda: scipy.sparse.csr_matrix(MATRIX).todense(),
    "duck with matvec": Duck,
    "read-only view": lambda: np.broadcast_to(MATRIX, (1, 5, 12))[0],
    "sparse array": lambda: scipy.sparse.csc_array(MATRIX),
    "sparse matrix": lambda: scipy.sparse.coo_matrix(MATRIX),
    "scipy operator": lambda: aslinearoperator(MATRIX),
    "scipy product": lambda: aslinearoperator(MATRIX) @ aslinearoperator(np.eye(12)),
    "tensor": lambda: torch.tensor(MATRIX, requires_grad=True),
    "sparse tensor": lambda: torch.tensor(MATRIX).to_sparse_coo(),
    "object with A": Physics,
}


# These hold an object that is not ours to save with skops.
FOREIGN = {"duck with matvec", "scipy operator", "scipy product", "object with A"}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_matrix_is_that_matrix(form):
    operator = as_operator(FORMS[form](), shape=(5, 12))
    np.testing.assert_allclose(operator.dense().numpy(), MATRIX, rtol=1e-14)
    assert operator.is_linear
    check_operator(operator, foreign=form in FOREIGN)


def test_pylops_operators_are_taken_as_they_are():
    pylops = pytest.importorskip("pylops")
    derivative = pylops.FirstDerivative(10, kind="forward")
    operator = as_operator(derivative)
    check_operator(operator, foreign=True)
    np.testing.assert_allclose(operator.dense().numpy(), derivative.todense())


def test_images_reach_a_physics_in_their_shape_and_its_dtype():
    physics = Convolution()
    operator = as_operator(physics, image_shape=(6, 5))
    assert operator.shape == (2 * 4 * 3, 30)
    (x,) = normals((4, 30))
    expected = physics.A(x.float().reshape(4, 1, 6, 5)).reshape(4, -1)
    torch.testing.assert_close(operator.forward(x), expected.double(), rtol=0, atol=0)
    # The physics calculates in single precision, whatever it is given.
    check_operator(operator, relative_rounding=1e-5, foreign=True)
    physics.img_size = (1, 6, 5)
    assert as_operator(physics).shape == operator.shape


def test_operators_are_scipys():
    b = MATRIX @ np.arange(12.0)
    operator = as_operator(scipy.sparse.csr_array(MATRIX))
    x = lsqr(operator, b)[0]
    np.testing.assert_allclose(x, np.linalg.lstsq(MATRIX, b, rcond=None)[0], atol=1e-5)
    twice = as_operator(operator + operator)
    np.testing.assert_allclose(twice.dense().numpy(), 2 * MATRIX)
    assert as_operator(operator) is operator


def test_large_operators_are_not_formed():
    assert as_operator(scipy.sparse.eye_array(2001)).dense() is None
    assert as_operator(scipy.sparse.eye_array(2000)).dense().shape == (2000, 2000)


class TestNonLinear:
    """Functions of tensors."""

    W = torch.tensor(MATRIX)

    def function(self, x):
        return torch.sin(x) @ self.W.T

    @pytest.fixture
    def operator(self):
        return as_operator(self.function, shape=(5, 12))

    def test_adjoint_is_that_of_the_derivative_at_the_iterate(self, operator):
        x, v, r = normals((3, 12), (3, 12), (3, 5))
        adjoint = operator.adjoint(r, x)
        torch.testing.assert_close(adjoint, torch.cos(x) * (r @ self.W))
        step = 1e-6
        difference = operator.forward(x + step * v) - operator.forward(x - step * v)
        # Central differences: an error of step^2, and rounding over the step.
        torch.testing.assert_close(
            (adjoint * v).sum(1),
            (r * difference).sum(1) / (2 * step),
            atol=1e-7,
            rtol=0,
        )
        assert adjoint_mismatch(operator) < 1e-14

    def test_adjoint_is_differentiable_in_both_arguments(self, operator):
        r, x = (tensor.requires_grad_() for tensor in normals((2, 5), (2, 12)))
        assert torch.autograd.gradcheck(operator.adjoint, (r, x))
        assert not operator.adjoint(r.detach(), x.detach()).requires_grad
        with torch.no_grad():
            assert not operator.adjoint(r, x).requires_grad

    def test_function_that_knows_one_dtype_is_called_in_it(self, operator):
        assert operator.signature.dtype == torch.float64
        x = torch.ones(2, 12)
        assert operator.forward(x).dtype == torch.float32
        assert as_operator(torch.sin, shape=(4, 4)).signature.dtype is None

    def test_it_is_never_formed_and_needs_its_iterate(self, operator):
        assert not operator.is_linear
        assert operator.dense() is None
        with pytest.raises(ValueError, match="x must be given to the adjoint of a non"):
            operator.adjoint(torch.ones(1, 5))

    def test_rows_are_tried_before_images(self):
        def flip(x):
            return x.flip(1)

        x = torch.arange(6.0)[None]
        rows = as_operator(flip, shape=(6, 6), image_shape=(2, 3))
        torch.testing.assert_close(rows.forward(x), x.flip(1))
        pool = torch.nn.AvgPool2d(2)
        assert as_operator(pool, image_shape=(4, 6)).shape == (6, 24)
        assert as_operator(lambda x: x.sum(dim=1), shape=(1, 3)).shape == (1, 3)


class Scaled(Physics):
    """An adjoint too large."""

    def A_adjoint(self, r):
        return 1.1 * super().A_adjoint(r)


def test_mismatch_estimates_the_relative_norm_of_the_difference():
    generator = torch.Generator().manual_seed(0)
    mismatch = np.mean(
        [
            adjoint_mismatch(as_operator(Scaled(), shape=(5, 12)), generator)
            for _ in range(100)
        ]
    )
    # By definition 0.1, relative to the larger of the two.
    assert mismatch == pytest.approx(0.1 / 1.1, rel=1e-6)

    flipped = LinearOperator(
        (5, 12), matvec=MATRIX.dot, rmatvec=lambda r: MATRIX.T @ r[::-1], dtype=float
    )
    frobenius = np.linalg.norm(MATRIX - MATRIX[::-1]) / np.linalg.norm(MATRIX)
    operator = as_operator(flipped)
    squares = [adjoint_mismatch(operator, generator) ** 2 for _ in range(200)]
    # Eight pairs estimate it to a third, 200 times as many to a few per cent.
    assert math.sqrt(np.mean(squares)) == pytest.approx(frobenius, rel=0.25)


def test_wrong_adjoints_and_overflows_are_refused():
    with pytest.raises(ValueError, match="differ by 0.091 relative to their size"):
        check_adjoint(as_operator(Scaled(), shape=(5, 12)))
    infinite = LinearOperator(
        (2, 2), matvec=lambda x: x / 0, rmatvec=lambda x: x, dtype=float
    )
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match="NaN or inf"):
        check_adjoint(as_operator(infinite))
    check_adjoint(as_operator(np.zeros((2, 3))))
    check_adjoint(as_operator(MATRIX))


NOTHING_LEFT = LinearOperator((2, 2), matvec=lambda x: x, dtype=float)
COMPLEX = aslinearoperator(np.eye(2) * 1j)


@pytest.mark.parametrize(
    ("obj", "options", "message"),
    [
        (np.ones(3), {}, r"of shape \(measurements, unknowns\), got .* shape \(3,\)"),
        (np.full((2, 2), np.nan), {}, "Input operator contains NaN"),
        (scipy.sparse.csr_array([[np.inf]]), {}, "operator contains infinity"),
        (torch.tensor([[torch.nan]]), {}, "Input operator contains NaN"),
        (torch.ones(3).to_sparse(), {}, r"got a sparse tensor of shape \(3,\)"),
        (torch.ones(1, 1) * 1j, {}, "operator must be real"),
        (np.eye(2) * 1j, {}, "Complex data not supported"),
        (COMPLEX, {}, "operator must be real, got one of dtype complex128"),
        (NOTHING_LEFT, {}, "operator must come with its adjoint"),
        (MATRIX, {"shape": (5, 3)}, r"shape \(5, 3\), .* got shape \(5, 12\)"),
        (as_operator(MATRIX), {"shape": (5, 3)}, r"\(5, 3\), .* got shape \(5, 12\)"),
        (torch.sin, {}, r"give shape=\(measurements, unknowns\) or image_shape"),
        (torch.sin, {"shape": (3, 4)}, "returns 4 values a sample and must return 3"),
        (Physics(), {"shape": (5, 4)}, r"\(2, 4\): RuntimeError: mat1 and mat2 shapes"),
        (torch.detach, {"shape": (2, 2)}, "must be differentiable by torch"),
        (torch.sum, {"shape": (1, 2)}, "measurements must be of 2 samples too"),
        (torch.numel, {"shape": (1, 2)}, "must be a real tensor, got int"),
        pytest.param(
            scipy.sparse.coo_array([1.0, 2.0]),
            {},
            r"got an array of shape \(2,\)",
            marks=pytest.mark.skipif(
                scipy.sparse.coo_array([1.0]).ndim == 2,
                reason="an older scipy makes a row of a vector",
            ),
        ),
    ],
)
def test_bad_operators_are_refused_with_what_they_must_be(obj, options, message):
    with pytest.raises(ValueError, match=message):
        as_operator(obj, **options)


def test_arguments_of_the_wrong_shape_are_named_with_both_shapes():
    operator = as_operator(MATRIX)
    with pytest.raises(ValueError, match=r"x must be of shape \(n, 12\) .* \(2, 5\)"):
        operator.forward(torch.ones(2, 5))
    with pytest.raises(ValueError, match=r"r must be of shape \(n, 5\) .* got \(5,\)"):
        operator.adjoint(torch.ones(5))


@pytest.mark.parametrize(
    ("operator", "got"),
    [
        ("blur", "str"),
        (None, "NoneType"),
        ({}, "dict"),
        (object(), "object"),
        (3.0, "float"),
        ([[1.0, 2.0], [3.0]], "list"),
        (np.ones((2, 2, 2)), r"an array of shape \(2, 2, 2\) and dtype float64"),
        (np.array([["a"]], dtype=object), "an array .* dtype object"),
    ],
)
def test_what_is_no_operator_is_refused_by_name(operator, got):
    message = f"operator must be a matrix of numbers.*got {got}"
    with pytest.raises(ValueError, match=message):
        as_operator(operator)


def test_adjoint_that_returns_another_length_is_refused():
    wrong = LinearOperator(
        (2, 3), matvec=lambda x: x[:2], rmatvec=lambda r: r, dtype=float
    )
    with pytest.raises(ValueError, match="vectors of 2 real numbers to .* of 3 by"):
        as_operator(wrong)


@pytest.mark.parametrize(
    ("matvec", "complaint"),
    [(lambda x: x[:2], "failed"), (lambda x: x * 1j, "complex128")],
)
def test_linear_operator_that_returns_something_else_is_refused(matvec, complaint):
    wrong = LinearOperator((3, 3), matvec=matvec, rmatvec=lambda r: r, dtype=float)
    with pytest.raises(ValueError, match=r"of shape \(3, 3\), must map.*" + complaint):
        check_adjoint(as_operator(wrong))


def test_adjoint_of_another_shape_is_refused():
    class Wrong:
        def A(self, x):
            return x[:, :2]

        def A_adjoint(self, r):
            return r

    with pytest.raises(ValueError, match=r"adjoint that maps shape \(2,\) to \(3,\)"):
        check_adjoint(as_operator(Wrong(), shape=(2, 3)))


def test_products_with_arrays_are_made_in_blocks():
    operator = as_operator(MATRIX)
    X, R = np.ones((7, 12)), np.ones((7, 5))
    for product, rows, expected in [
        (operator.forward, X, X @ MATRIX.T),
        (operator.adjoint, R, R @ MATRIX),
    ]:
        for block_size in (1, 24, 10**6):
            values = operator._by_blocks(product, rows, block_size=block_size)
            np.testing.assert_allclose(values, expected, rtol=1e-14)
    assert operator.data(np.ones((0, 12))).shape == (0, 5)
    assert operator.rmatmat(np.ones((5, 0))).shape == (12, 0)


def test_what_scipy_keeps_in_its_operators_is_not_pickled(monkeypatch):
    """Such as the module of arrays that it has since 1.18."""
    init = LinearOperator.__init__

    def with_module(self, *args, **options):
        init(self, *args, **options)
        self._xp = np

    monkeypatch.setattr(LinearOperator, "__init__", with_module)
    operator = as_operator(MATRIX)
    again = pickle.loads(pickle.dumps(operator))
    assert again._xp is np
    assert again.dtype == operator.dtype
    np.testing.assert_array_equal(again @ MATRIX[0], operator @ MATRIX[0])


def test_what_is_said_of_operators_is_said_of_matrices():
    assert adjoint_mismatch(MATRIX) < 1e-15
    check_adjoint(MATRIX)
    np.testing.assert_allclose(spectral_norm(MATRIX), np.linalg.norm(MATRIX, 2))
    torch_matrix = torch.tensor(MATRIX)
    np.testing.assert_allclose(spectral_norm(torch_matrix), np.linalg.norm(MATRIX, 2))


@pytest.mark.parametrize("matrix", [np.ones(3), 2.0, "matrix", [[np.nan]], [[1j]]])
@pytest.mark.parametrize("form", [DenseOperator, SparseOperator])
def test_matrices_that_are_none_are_refused(form, matrix):
    with pytest.raises(ValueError, match=r"matrix must|Input matrix|Complex"):
        form(matrix)
