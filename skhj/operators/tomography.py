"""Tomography: line integrals of an image, in parallel beams."""

import math
from collections.abc import Sequence

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike

from skhj.numerics.given_numbers import positive_integer
from skhj.operators.image_shape import check_image_shape
from skhj.operators.matrices import SparseOperator

__all__ = ["ParallelBeam"]


class ParallelBeam(SparseOperator):
    r"""Line integrals of flattened images along parallel rays, at some angles.

    The ray at angle :math:`\theta` and offset s is the sum over integers u of the image
    at column :math:`x_0 + s \cos\theta + u \sin\theta` and row :math:`y_0 - s \sin
    \theta + u \cos\theta`, interpolated linearly in each direction and zero outside of
    the image. The centre :math:`(y_0, x_0)` is pixel (H // 2, W // 2). At angle 0 the
    rays run down the columns.

    Parameters
    ----------
    image_shape : tuple of int
        Shape (H, W) of an image.
    angles : array-like of shape (n_angles,)
        Angles in degrees.
    n_detectors : int or None, default=None
        Number of rays an angle, one pixel apart: s is an integer from
        -(n_detectors // 2). None takes as many as the diagonal of the square over the
        larger of H and W is long, rounded up.

    Attributes
    ----------
    angles : ndarray of shape (n_angles,)
        The angles.
    n_detectors : int
        Number of rays an angle.
    data_shape : tuple of int
        Shape (n_angles, n_detectors) of the measurements of one image before these are
        flattened.

    Raises
    ------
    ValueError
        If a parameter is not of the form asked for.

    Notes
    -----
    This is the geometry of `skimage.transform.radon`: with ``circle=False``, its result
    is the transpose of ours, (n_detectors, n_angles). The operator is a sparse matrix,
    and its adjoint the exact transpose; it holds about three numbers for each pixel and
    angle.

    Examples
    --------
    >>> import numpy as np
    >>> from skhj.operators import ParallelBeam
    >>> A = ParallelBeam((4, 4), angles=[0, 45, 90])
    >>> A.data_shape
    (3, 6)
    >>> A.matvec(np.ones(16)).reshape(A.data_shape)[0]
    array([0., 4., 4., 4., 4., 0.])
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        angles: ArrayLike,
        n_detectors: int | None = None,
    ) -> None:
        self.image_shape = check_image_shape(image_shape)
        self.angles = _check_angles(angles)
        if n_detectors is None:
            n_detectors = math.ceil(math.sqrt(2) * max(self.image_shape))
        self.n_detectors = positive_integer(n_detectors, "n_detectors", largest=10**6)
        self.data_shape = len(self.angles), self.n_detectors
        projections = [
            _projection(self.image_shape, angle, self.n_detectors)
            for angle in np.deg2rad(self.angles)
        ]
        super().__init__(scipy.sparse.vstack(projections, format="csr"))


def _check_angles(angles):
    try:
        array = np.array(angles, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError(
            "angles must be an array of shape (n_angles,) of at least one finite "
            f"number, in degrees, got {angles!r}"
        )
    return array


def _projection(image_shape, angle, n_detectors):
    """Matrix of shape (n_detectors, H * W) of the rays at one angle, in radians."""
    H, W = image_shape
    # No pixel is farther from the centre, and no ray is needed beyond.
    reach = math.ceil(math.hypot(H // 2 + 1, W // 2 + 1))
    detector, u = np.meshgrid(
        np.arange(n_detectors), np.arange(-reach, reach + 1), indexing="ij"
    )
    s = detector - n_detectors // 2
    x = W // 2 + s * math.cos(angle) + u * math.sin(angle)
    y = H // 2 - s * math.sin(angle) + u * math.cos(angle)
    near = (x > -1) & (x < W) & (y > -1) & (y < H)
    detector, x, y = detector[near], x[near], y[near]
    rays = scipy.sparse.coo_array(([], ([], [])), shape=(n_detectors, H * W)).tocsr()
    for column, row in ((0, 0), (0, 1), (1, 0), (1, 1)):
        i, j = np.floor(y).astype(int) + row, np.floor(x).astype(int) + column
        weight = (1 - np.abs(y - i)) * (1 - np.abs(x - j))
        inside = (i >= 0) & (i < H) & (j >= 0) & (j < W) & (weight > 0)
        places = detector[inside], i[inside] * W + j[inside]
        rays += scipy.sparse.coo_array((weight[inside], places), shape=rays.shape)
    return rays
