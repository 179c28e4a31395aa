"""Line integrals against scikit-image's, and against those of a Gaussian."""

import math

import numpy as np
import pytest
from operator_battery import check_operator

from skhj.operators import ParallelBeam

ANGLES = [0, 30, 45, 90, 101.3, 180, 270, -33.3, 1234]


def bump(image_shape, center, width):
    """Gaussian bump at an offset (down, right) of the centre of an image."""
    H, W = image_shape
    down = np.arange(H)[:, None] - H // 2 - center[0]
    right = np.arange(W) - W // 2 - center[1]
    return np.exp(-(down**2 + right**2) / (2 * width**2))


@pytest.mark.parametrize("image_shape", [(15, 15), (9, 12), (12, 5), (1, 4)])
def test_operator_passes_the_battery(image_shape):
    check_operator(ParallelBeam(image_shape, ANGLES))


@pytest.mark.parametrize("image_shape", [(41, 41), (40, 53), (60, 31)])
def test_rays_are_those_of_scikit_image(image_shape):
    radon = pytest.importorskip("skimage.transform").radon
    # scikit-image leaves out half a corner of what reaches it: the border is zero.
    image = np.zeros(image_shape)
    image[1:-1, 1:-1] = np.random.default_rng(0).standard_normal(
        image[1:-1, 1:-1].shape
    )
    A = ParallelBeam(image_shape, ANGLES)
    expected = radon(image, ANGLES, circle=False).T
    assert A.data_shape == expected.shape
    # Rounding of sums of a hundred terms of size one.
    np.testing.assert_allclose(
        A.matvec(image.ravel()), expected.ravel(), rtol=0, atol=1e-11
    )


def test_rays_are_those_of_scikit_images_circle():
    radon = pytest.importorskip("skimage.transform").radon
    image = bump((48, 48), (5.0, -8.0), 4.0)
    image[np.hypot(*np.ogrid[-24:24, -24:24]) > 24] = 0
    A = ParallelBeam((48, 48), ANGLES, n_detectors=48)
    expected = radon(image, ANGLES, circle=True).T
    difference = A.matvec(image.ravel()) - expected.ravel()
    # It sums within the square alone, which cuts the bump's far tail.
    assert np.abs(difference).max() < 1e-3 * expected.max()


def test_projection_of_a_gaussian_is_a_gaussian():
    center, width = (6.0, -3.0), 4.0
    A = ParallelBeam((64, 64), ANGLES)
    projections = A.matvec(bump((64, 64), center, width).ravel())
    angles = np.deg2rad(ANGLES)[:, None]
    # A point at (down, right) of the centre is seen at right cos - down sin.
    seen_at = center[1] * np.cos(angles) - center[0] * np.sin(angles)
    s = np.arange(A.n_detectors) - A.n_detectors // 2
    expected = np.exp(-((s - seen_at) ** 2) / (2 * width**2))
    expected *= math.sqrt(2 * math.pi) * width
    error = projections.reshape(A.data_shape) - expected
    # Interpolation widens the square of the width by at most 1/6 along each axis: at
    # most 1 / (12 width^2) of the peak's height, 0.5 %; twice that for its ripple.
    assert np.abs(error).max() < 0.01 * expected.max()


def test_rays_along_an_axis_are_sums_of_columns_and_rows():
    image = np.random.default_rng(0).standard_normal((5, 8))
    A = ParallelBeam((5, 8), [0, 90])
    down, along = A.matvec(image.ravel()).reshape(A.data_shape)
    # The centre, pixel (2, 4), is detector 6 of 12.
    np.testing.assert_allclose(down[2:10], image.sum(axis=0), atol=1e-13)
    np.testing.assert_allclose(along[4:9], image.sum(axis=1)[::-1], atol=1e-13)
    assert np.abs(down).sum() == pytest.approx(np.abs(image.sum(axis=0)).sum())


def test_detectors_are_the_middle_ones_of_more():
    many, few = (ParallelBeam((9, 9), ANGLES, n) for n in (21, 7))
    middle = many.matrix.toarray().reshape(*many.data_shape, -1)[:, 7:14]
    np.testing.assert_array_equal(few.matrix.toarray(), middle.reshape(-1, 81))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ((8, [0.0]), "image_shape must be two positive integers"),
        (((2, 8, 8), [0.0]), "image_shape must be two positive integers"),
        (((8, 8), []), "angles must be an array .* at least one finite number"),
        (((8, 8), 30.0), r"angles must be .* got 30\.0"),
        (((8, 8), [[0.0, 1.0]]), r"angles must be an array of shape \(n_angles,\)"),
        (((8, 8), [0.0, np.nan]), "angles must be .* finite"),
        (((8, 8), ["a"]), r"angles must be .* got \['a'\]"),
        (((8, 8), [1j]), "angles must be .* got"),
        (
            ((8, 8), [0.0], 0),
            "n_detectors must be a positive integer of at most 1000000, got 0",
        ),
        (((8, 8), [0.0], 2.5), "n_detectors must be a positive integer"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        ParallelBeam(*parameters)
