"""Images, and their measurements through a blur or a magnetic profile."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.datasets import load_digits, load_sample_images
from sklearn.utils import check_array, check_random_state

from skhj.datasets.checks import check_noise
from skhj.numerics.given_numbers import given_numbers, positive_integer
from skhj.operators import ExponentialBlur, ForwardOperator, MagneticProfile
from skhj.operators.image_shape import check_image_shape

__all__ = ["make_deblurring", "make_image_patches", "make_magnetics"]


def make_image_patches(
    images: Sequence[ArrayLike] | None = None,
    *,
    n_samples: int = 1000,
    patch_shape: Sequence[int] = (64, 64),
    random_state: int | np.random.RandomState | None = None,
) -> np.ndarray:
    """Cut random windows out of grey images.

    Parameters
    ----------
    images : sequence of array-like of shape (H_i, W_i) or None, default=None
        Images, of any sizes; None takes the grey levels, from 0 to 1, of scikit-learn's
        two photographs.
    n_samples : int, default=1000
        Number n of patches. Each comes from an image drawn at random.
    patch_shape : tuple of int, default=(64, 64)
        Shape (H, W) of a patch.
    random_state : int, RandomState instance or None, default=None
        Source of the windows; an int makes them reproducible.

    Returns
    -------
    ndarray of shape (n, H, W)
        The patches.

    Raises
    ------
    ValueError
        If an image is not two-dimensional, or smaller than a patch.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.datasets import make_image_patches
    >>> image = np.arange(600.0).reshape(20, 30)
    >>> make_image_patches([image], n_samples=5, patch_shape=(8, 8)).shape
    (5, 8, 8)
    """
    if images is None:
        # Rec. 601's grey of an RGB photograph.
        rgb = load_sample_images().images
        images = [image @ (0.299, 0.587, 0.114) / 255 for image in rgb]
    try:
        checked = [check_array(image, dtype=np.float64) for image in images]
    except (TypeError, ValueError) as error:
        raise ValueError(f"images must be matrices of numbers: {error}") from error
    if not checked:
        raise ValueError("images must be at least one, got none")
    positive_integer(n_samples, "n_samples")
    H, W = check_image_shape(patch_shape, name="patch_shape")
    for image in checked:
        if image.shape[0] < H or image.shape[1] < W:
            raise ValueError(
                f"images must be at least as large as a patch, {(H, W)}, got one of "
                f"shape {image.shape}"
            )
    rng = check_random_state(random_state)
    patches = np.empty((n_samples, H, W))
    for patch in patches:
        image = checked[rng.randint(len(checked))]
        top = rng.randint(image.shape[0] - H + 1)
        left = rng.randint(image.shape[1] - W + 1)
        patch[:] = image[top : top + H, left : left + W]
    return patches


def make_deblurring(
    images: ArrayLike | None = None,
    s: float = 5.0,
    *,
    boundary: str = "reflect",
    noise: float = 0.002,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray, ExponentialBlur]:
    """Blur images by exp(-|r| / s) and add noise.

    Parameters
    ----------
    images : array-like of shape (n, H, W) or None, default=None
        Images; None takes scikit-learn's 1797 digits, 8 x 8, from 0 to 1. See
        `make_image_patches` for patches of photographs.
    s : float, default=5.0
        Width of the blur in pixels.
    boundary : {"reflect", "periodic"}, default="reflect"
        How images continue beyond their borders.
    noise : float, default=0.002
        Standard deviation of the noise; the default is 1 % of the spread of grey
        levels in photographs.
    random_state : int, RandomState instance or None, default=None
        Source of the noise; an int makes it reproducible.

    Returns
    -------
    X : ndarray of shape (n, H * W)
        Blurred images with noise, flattened.
    y : ndarray of shape (n, H * W)
        The images, flattened.
    operator : ExponentialBlur
        The blur.

    Raises
    ------
    ValueError
        If images are not of shape (n, H, W), or a parameter is out of range.

    Examples
    --------
    >>> from skhj.datasets import make_deblurring
    >>> X, y, operator = make_deblurring(s=1.0, random_state=0)
    >>> X.shape, y.shape, operator.shape
    ((1797, 64), (1797, 64), (64, 64))
    """
    images = _check_images(images)
    operator = ExponentialBlur(images.shape[1:], s, boundary=boundary)
    return *_measure(operator, images, noise, random_state), operator


def make_magnetics(
    images: ArrayLike | None = None,
    *,
    n_stations: int | None = None,
    noise: float = 4e-3,
    random_state: int | np.random.RandomState | None = None,
    **geometry: Any,
) -> tuple[np.ndarray, np.ndarray, MagneticProfile]:
    """Measure the magnetic anomaly of images, taken as sections of susceptibility.

    Parameters
    ----------
    images : array-like of shape (n, H, W) or None, default=None
        Susceptibilities, the first row being at the ground; None takes scikit-learn's
        1797 digits, 8 x 8, from 0 to 1.
    n_stations : int or None, default=None
        Number M of stations; None takes one a column.
    noise : float, default=4e-3
        Standard deviation of the noise. The default is 1 % of the standard deviation
        of the digits' data.
    random_state : int, RandomState instance or None, default=None
        Source of the noise; an int makes it reproducible.
    **geometry : dict
        Further parameters of `skhj.operators.MagneticProfile`, such as ``height``.

    Returns
    -------
    X : ndarray of shape (n, M)
        Magnetic data with noise.
    y : ndarray of shape (n, H * W)
        The sections, flattened.
    operator : MagneticProfile
        The operator.

    Raises
    ------
    ValueError
        If images are not of shape (n, H, W), or a parameter is out of range.

    Examples
    --------
    >>> from skhj.datasets import make_magnetics
    >>> X, y, operator = make_magnetics(random_state=0)
    >>> X.shape, y.shape, operator.shape
    ((1797, 8), (1797, 64), (8, 64))
    """
    images = _check_images(images)
    operator = MagneticProfile(images.shape[1:], n_stations, **geometry)
    return *_measure(operator, images, noise, random_state), operator


def _check_images(images: ArrayLike | None) -> np.ndarray:
    if images is None:
        return load_digits().images / 16
    images = given_numbers(images, "images")
    images = check_array(images, ensure_2d=False, allow_nd=True, input_name="images")
    if images.ndim != 3:
        raise ValueError(f"images must be of shape (n, H, W), got {images.shape}")
    return images


def _measure(
    operator: ForwardOperator,
    images: np.ndarray,
    noise: float,
    random_state: int | np.random.RandomState | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Noisy measurements of images, and the images, both flattened."""
    noise = check_noise(noise)
    y = images.reshape(len(images), -1)
    rng = check_random_state(random_state)
    X = operator.matmat(y.T).T
    return X + noise * rng.standard_normal(X.shape), y
