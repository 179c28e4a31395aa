"""Joint diagonalisation: exact where it can be, stationary where it cannot."""

import numpy as np
import pytest

from skhj.numerics.joint_diagonalisation import joint_diagonalisation


def random_orthogonal(d, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def off_diagonal(matrices):
    d = matrices.shape[1]
    return (matrices[:, ~np.eye(d, dtype=bool)] ** 2).sum()


@pytest.mark.parametrize("d", [1, 2, 5, 12])
def test_common_eigenvectors_are_found(d):
    Q = random_orthogonal(d)
    values = np.random.default_rng(1).normal(size=(20, d))
    found = joint_diagonalisation((Q.T * values[:, None]) @ Q)
    # Each row is one of Q's, up to its sign.
    overlap = np.abs(found @ Q.T)
    np.testing.assert_allclose(np.sort(overlap, axis=1)[:, -1], 1.0, atol=1e-12)
    np.testing.assert_allclose(overlap.sum(axis=1), 1.0, atol=1e-6)


def test_the_answer_is_orthogonal_and_its_input_untouched():
    A = np.random.default_rng(2).normal(size=(10, 4, 4))
    A = A + A.transpose(0, 2, 1)
    before = A.copy()
    Q = joint_diagonalisation(A)
    np.testing.assert_allclose(Q @ Q.T, np.eye(4), atol=1e-13)
    np.testing.assert_array_equal(A, before)


def test_no_small_rotation_does_better():
    rng = np.random.default_rng(3)
    A = rng.normal(size=(10, 4, 4))
    A = A + A.transpose(0, 2, 1)
    Q = joint_diagonalisation(A)
    best = off_diagonal(Q @ A @ Q.T)
    for _ in range(20):
        skew = rng.normal(size=(4, 4))
        turn = np.linalg.qr(np.eye(4) + 1e-3 * (skew - skew.T))[0]
        turned = turn @ Q
        assert off_diagonal(turned @ A @ turned.T) >= best
