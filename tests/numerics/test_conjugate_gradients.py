"""Conjugate gradients: exact in as many steps as there are eigenvalues."""

import numpy as np
import pytest

from skhj.numerics.conjugate_gradients import conjugate_gradients


def system(eigenvalues):
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=2 * (len(eigenvalues),)))[0]
    return (Q * eigenvalues) @ Q.T, rng.normal(size=len(eigenvalues))


def test_two_eigenvalues_take_two_iterations():
    A, b = system(np.repeat([1.0, 5.0], 4))
    x = conjugate_gradients(lambda v: A @ v, b, lambda v: v, tol=1e-12, max_iter=2)
    np.testing.assert_allclose(A @ x, b, atol=1e-13)


def test_the_inverse_as_preconditioner_takes_one_iteration():
    A, b = system(np.logspace(-3, 3, 8))
    x = conjugate_gradients(
        lambda v: A @ v, b, lambda v: np.linalg.solve(A, v), tol=1e-9, max_iter=1
    )
    # Condition number 1e6 times eps, in units of an answer of 1e3.
    np.testing.assert_allclose(x, np.linalg.solve(A, b), atol=1e-6)


@pytest.mark.parametrize("tol", [1e-1, 1e-4])
def test_units_of_the_variables_make_no_difference(tol):
    A, b = system(np.linspace(1.0, 50.0, 12))
    units = np.logspace(-4, 4, 12)
    x = conjugate_gradients(lambda v: A @ v, b, lambda v: v, tol=tol, max_iter=50)
    y = conjugate_gradients(
        lambda v: units * (A @ (units * v)),
        units * b,
        lambda v: v / units**2,
        tol=tol,
        max_iter=50,
    )
    np.testing.assert_allclose(units * y, x, rtol=1e-9)


def test_no_target_is_no_error():
    x = conjugate_gradients(lambda v: v, np.zeros(3), lambda v: v, tol=1e-3, max_iter=9)
    np.testing.assert_array_equal(x, 0.0)
