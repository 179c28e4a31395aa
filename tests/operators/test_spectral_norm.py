"""The bound of an operator's norm, against the singular value decomposition."""

import numpy as np
import pytest
import scipy.sparse
import torch

from skhj.operators import ExponentialBlur, ForwardOperator, as_operator, spectral_norm


def normals(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (40, 3), (50, 60), (7, 7)])
def test_norm_of_few_unknowns_or_measurements_is_exact(shape):
    matrix = normals(*shape)
    expected = np.linalg.norm(matrix, 2)
    # Rounding of some products with a basis that is orthogonal to rounding.
    assert spectral_norm(as_operator(matrix)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", [(400, 300), (200, 500)])
@pytest.mark.parametrize("seed", range(5))
def test_norm_is_bounded_from_above_and_tightly(shape, seed):
    matrix = normals(*shape, seed=seed)
    bound = spectral_norm(as_operator(matrix)) / np.linalg.norm(matrix, 2)
    # log(1.648 sqrt(300) / 1e-6) = 17.2, over 99 steps and squared: 0.03.
    assert 1 <= bound < 1.016


def test_bound_holds_where_singular_values_crowd_at_the_top():
    # The largest of many that differ by 1e-4: Lanczos alone falls short of it.
    values = 1 - np.linspace(0, 1, 3000) ** 2
    operator = as_operator(scipy.sparse.diags_array(values))
    assert 1 <= spectral_norm(operator) < 1.03
    assert 1 <= spectral_norm(operator, n_steps=20) < 1.2


def test_start_that_spans_an_invariant_space_ends_early():
    assert spectral_norm(as_operator(np.zeros((70, 80)))) == 0
    identity = as_operator(3 * scipy.sparse.eye_array(1000))
    assert spectral_norm(identity) == pytest.approx(3, rel=1e-14)
    rank_one = as_operator(np.outer(normals(90), normals(80, seed=1)))
    expected = np.linalg.norm(rank_one.matrix)
    assert spectral_norm(rank_one) == pytest.approx(expected, rel=1e-12)


def test_blur_contracts_and_its_norm_is_always_the_same():
    blur = ExponentialBlur((20, 30), 2.0)
    bound = spectral_norm(blur)
    assert 1 <= bound < 1.02
    assert bound == spectral_norm(blur)


@pytest.mark.parametrize("factor", [1e-300, 1e-150, 1e150, 1e300])
def test_norm_scales_with_the_operator(factor):
    matrix = normals(60, 70)
    expected = np.linalg.norm(matrix, 2)
    norm = spectral_norm(as_operator(factor * matrix)) / factor
    assert expected <= norm < 1.02 * expected


def test_what_has_no_bound_is_refused():
    with pytest.raises(ValueError, match="operator must be linear"):
        spectral_norm(as_operator(torch.sin, shape=(3, 3)))
    large = as_operator(scipy.sparse.eye_array(1000))
    with pytest.raises(ValueError, match="n_steps must be at least 10 .* got 9"):
        spectral_norm(large, n_steps=9)
    assert np.isfinite(spectral_norm(large, n_steps=10))

    class Infinite(ForwardOperator):
        def _apply(self, x):
            return x / 0

        _apply_adjoint = _apply

    with pytest.raises(ValueError, match="NaN or infinite for random x and r"):
        spectral_norm(Infinite((3, 3)))
