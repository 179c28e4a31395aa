"""Pixels and Fourier coefficients where a mask is true, against numpy's."""

import numpy as np
import pytest
from operator_battery import check_operator

from skhj.operators import FourierSampling, Inpainting, spectral_norm


def random_mask(*shape):
    return np.random.default_rng(0).uniform(size=shape) < 0.4


def normals(*shape):
    return np.random.default_rng(1).standard_normal(shape)


@pytest.mark.parametrize("shape", [(11,), (6, 5), (2, 4, 3)])
def test_inpainting_measures_the_pixels_of_the_mask(shape):
    mask, image = random_mask(*shape), normals(*shape)
    A = Inpainting(mask)
    np.testing.assert_array_equal(A.matvec(image.ravel()), image[mask])
    back = A.rmatvec(image[mask]).reshape(shape)
    np.testing.assert_array_equal(back, np.where(mask, image, 0))
    check_operator(A)


@pytest.mark.parametrize("shape", [(11,), (8,), (6, 5), (4, 8)])
def test_fourier_sampling_measures_numpys_coefficients(shape):
    mask, image = random_mask(*shape), normals(*shape)
    A = FourierSampling(mask)
    expected = np.fft.fftn(image, norm="ortho")[mask]
    measured = A.matvec(image.ravel())
    # Rounding of a transform of a few dozen numbers.
    np.testing.assert_allclose(
        measured.view(np.complex128), expected, rtol=0, atol=1e-14
    )
    check_operator(A)
    assert spectral_norm(A) <= 1 + 1e-12


def test_all_coefficients_are_an_isometry():
    A = FourierSampling(np.ones((6, 5), dtype=bool))
    np.testing.assert_allclose(A.dense().T @ A.dense(), np.eye(30), atol=1e-14)


@pytest.mark.parametrize("kind", [Inpainting, FourierSampling])
def test_a_change_of_the_callers_mask_changes_nothing(kind):
    mask = random_mask(4, 4)
    A = kind(mask)
    before = A.dense()
    mask[:] = True
    np.testing.assert_array_equal(kind(A.mask).dense(), before)


@pytest.mark.parametrize(
    ("kind", "mask", "message"),
    [
        (Inpainting, [[0, 1]], r"got an array of shape \(1, 2\) and dtype int64"),
        (Inpainting, True, r"mask must be an array of booleans of shape \(N,\) or"),
        (Inpainting, None, "mask must be .* got NoneType"),
        (Inpainting, [[True], [True, False]], "mask must be .* got list"),
        (Inpainting, np.ones((1, 1, 2, 2), bool), r"got an array of shape \(1, 1, 2"),
        (Inpainting, np.zeros((2, 2), bool), "mask must be True for at least one"),
        (FourierSampling, np.zeros(3, bool), "mask must be True for at least one"),
        (FourierSampling, [], "mask must be an array of booleans"),
        (FourierSampling, np.ones((1, 2, 2), bool), r"\(H, W\), got .* \(1, 2, 2\)"),
        (FourierSampling, np.ones((2, 2)), "dtype float64"),
    ],
)
def test_bad_masks_are_named(kind, mask, message):
    with pytest.raises(ValueError, match=message):
        kind(mask)
