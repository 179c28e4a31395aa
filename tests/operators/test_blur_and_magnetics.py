"""The blur and the magnetic profile, against direct summation."""

import itertools

import numpy as np
import pytest
import torch
from operator_battery import check_operator
from scipy.ndimage import correlate, gaussian_filter

from skhj.operators import ExponentialBlur, GaussianBlur, MagneticProfile


def summed_blur(image, s, boundary):
    """Weighted sums over the pixels of one period of the continued image."""
    H, W = image.shape
    if boundary == "reflect":
        image = np.block([[image, image[:, ::-1]], [image[::-1], image[::-1, ::-1]]])
    weights = np.zeros(image.shape)
    for i, j in np.ndindex(*image.shape):
        nearest = [min(k, n - k) for k, n in zip((i, j), image.shape, strict=True)]
        weights[i, j] = np.exp(-np.hypot(*nearest) / s)
    weights /= weights.sum()
    blurred = np.zeros((H, W))
    for i, j in np.ndindex(H, W):
        shifted = np.roll(image, (-i, -j), axis=(0, 1))
        blurred[i, j] = (shifted * weights).sum()
    return blurred


@pytest.mark.parametrize("boundary", ["periodic", "reflect"])
@pytest.mark.parametrize("image_shape", [(6, 6), (7, 4), (1, 5)])
@pytest.mark.parametrize("s", [0.5, 3.0])
def test_blur_is_the_sum_over_the_continued_image(image_shape, s, boundary):
    blur = ExponentialBlur(image_shape, s, boundary=boundary)
    image = np.random.default_rng(0).standard_normal(image_shape)
    expected = summed_blur(image, s, boundary)
    # Rounding of sums of a few hundred terms.
    np.testing.assert_allclose(
        blur.matvec(image.ravel()), expected.ravel(), rtol=0, atol=1e-14
    )
    check_operator(blur)
    np.testing.assert_allclose(blur.dense(), blur.dense().T, rtol=0, atol=1e-15)


def test_reflecting_blur_is_that_of_image_processing():
    # A narrow function does not reach round the period: scipy's correlation with it.
    offsets = np.arange(-15, 16)
    kernel = np.exp(-np.hypot(offsets[:, None], offsets) / 0.4)
    image = np.random.default_rng(0).standard_normal((16, 16))
    expected = correlate(image, kernel / kernel.sum(), mode="reflect")
    blurred = ExponentialBlur((16, 16), 0.4, boundary="reflect").matvec(image.ravel())
    np.testing.assert_allclose(blurred, expected.ravel(), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("boundary", "mode"), [("periodic", "wrap"), ("reflect", "reflect")]
)
@pytest.mark.parametrize("image_shape", [(20, 20), (17, 24)])
def test_gaussian_blur_is_that_of_image_processing(image_shape, boundary, mode):
    blur = GaussianBlur(image_shape, 0.9, boundary)
    image = np.random.default_rng(0).standard_normal(image_shape)
    # Scipy's function stops at 9 of its widths, ours at half an image of 9.4.
    expected = gaussian_filter(image, 0.9, mode=mode, truncate=9)
    np.testing.assert_allclose(
        blur.matvec(image.ravel()), expected.ravel(), rtol=0, atol=1e-14
    )
    check_operator(blur)


@pytest.mark.parametrize("boundary", ["periodic", "reflect"])
def test_blur_keeps_constants_and_contracts(boundary):
    eigenvalues = np.linalg.eigvalsh(ExponentialBlur((6, 5), 2.0, boundary).dense())
    assert eigenvalues.max() == pytest.approx(1, abs=1e-14)
    assert np.abs(eigenvalues).max() == pytest.approx(1, abs=1e-14)


DIRECTIONS = [((0, 1), (0, 1)), ((1, 0), (0, 2)), ((0.6, -0.8), (3, 4))]


@pytest.mark.parametrize(("n_I", "n_J"), DIRECTIONS)
def test_profile_is_the_midpoint_rule_of_the_potentials_second_derivatives(n_I, n_J):
    H, W, height, spacing, cell = 3, 4, 0.7, 0.9, 0.5
    profile = MagneticProfile(
        (H, W),
        5,
        height=height,
        spacing=spacing,
        cell_size=cell,
        field_direction=n_I,
        magnetization_direction=n_J,
    )
    I, J = (torch.tensor(n, dtype=torch.float64) for n in (n_I, n_J))  # noqa: E741
    expected = np.zeros((5, H, W))
    for k, i, j in itertools.product(range(5), range(H), range(W)):
        station = torch.tensor([spacing * (k - 2), -height], dtype=torch.float64)
        cell_center = [cell * (j - 1.5), cell * (i + 0.5)]
        hessian = torch.autograd.functional.hessian(
            lambda r, at=station: 1 / (r - at).norm(),
            torch.tensor(cell_center, dtype=torch.float64),
        )
        expected[k, i, j] = cell**2 * (I @ hessian @ J) / (I.norm() * J.norm())
    np.testing.assert_allclose(
        profile.matrix, expected.reshape(5, -1), rtol=1e-12, atol=1e-13
    )
    check_operator(profile)


def test_stations_spread_over_the_section_and_units_cancel():
    profile = MagneticProfile((4, 6))
    assert profile.shape == (6, 24)
    np.testing.assert_allclose(profile.stations, np.arange(6) - 2.5)
    # A section twice as large, seen from twice as high: its field is halved, since
    # the area grows by 4 and the kernel falls by 8.
    large = MagneticProfile((4, 6), height=2.0, cell_size=2.0)
    np.testing.assert_allclose(large.matrix, profile.matrix / 2)


def test_finer_cells_converge_to_the_integral():
    def datum(n):
        profile = MagneticProfile((n, n), 1, height=1.0, cell_size=1 / n)
        return profile.matvec(np.ones(n * n))[0]

    # The midpoint rule is of second order: halving the cells leaves a quarter.
    errors = [datum(n) - datum(256) for n in (8, 16, 32)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ExponentialBlur(8, 1.0), r"image_shape must be two .* got 8"),
        (lambda: ExponentialBlur((8, 0), 1.0), r"image_shape must be two positive"),
        (lambda: ExponentialBlur((3, 8, 8), 1.0), r"got \(3, 8, 8\)"),
        (lambda: ExponentialBlur((8, 8), 0.0), "s must be a positive finite number"),
        (lambda: ExponentialBlur((8, 8), "1"), "s must be a positive finite number"),
        (lambda: GaussianBlur((8, 8), -1), "width must be a positive finite number"),
        (lambda: GaussianBlur((8,), 1), "image_shape must be two positive integers"),
        (lambda: ExponentialBlur((8, 8), 1, "zero"), "boundary must be 'periodic' or"),
        (lambda: MagneticProfile((8, 8), 0), "n_stations must be a positive integer"),
        (lambda: MagneticProfile((8, 8), height=0), "height must be a positive"),
        (lambda: MagneticProfile((8, 8), spacing=-1.0), "spacing must be a positive"),
        (lambda: MagneticProfile((8, 8), cell_size=[1.0]), "cell_size must be a pos"),
        (
            lambda: MagneticProfile((8, 8), field_direction="down"),
            "field_direction must be real numbers",
        ),
        (
            lambda: MagneticProfile((8, 8), field_direction=(0, 0)),
            "field_direction must be two finite numbers",
        ),
        (
            lambda: MagneticProfile((8, 8), magnetization_direction=(0, 0, 1)),
            "magnetization_direction must be two finite numbers",
        ),
    ],
)
def test_bad_parameters_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
