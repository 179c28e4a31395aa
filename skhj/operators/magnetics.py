"""Magnetic anomalies of a vertical section, along a line above the ground."""

import math
from collections.abc import Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from skhj.numerics.given_numbers import given_numbers, positive_integer
from skhj.operators.image_shape import check_image_shape
from skhj.operators.matrices import DenseOperator

__all__ = ["MagneticProfile"]


class MagneticProfile(DenseOperator):
    r"""Magnetic data of stations in a line above a vertical section.

    Each datum is the integral over the section of its susceptibility x times
    :math:`n_I \cdot \nabla \nabla (1 / |r - r'|) \cdot n_J`, r' being the station,
    by the midpoint rule.

    Parameters
    ----------
    image_shape : tuple of int
        Cells (H, W) of the section, its rows from the ground downwards.
    n_stations : int or None, default=None
        Number M of stations; None takes one a column.
    height : float, default=1.0
        Height of the stations above the ground, positive.
    spacing : float or None, default=None
        Distance between stations. They lie symmetrically above the section; None
        spreads them over its width.
    cell_size : float, default=1.0
        Side of a cell.
    field_direction : array-like of shape (2,), default=(0.0, 1.0)
        Direction n_I of the field, (along the line, down), of any length but zero.
    magnetization_direction : array-like of shape (2,), default=(0.0, 1.0)
        Direction n_J of the magnetisation.

    Notes
    -----
    This is equation 5.2 of Eliasof, Haber, Treister, "An over complete deep learning
    method for inverse problems", arXiv 2402.04653. With d = r - r', the double
    gradient is (3 d d^T - |d|^2 I) / |d|^5.

    Examples
    --------
    >>> from skhj.operators import MagneticProfile
    >>> MagneticProfile((28, 28), n_stations=14).shape
    (14, 784)
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        n_stations: int | None = None,
        *,
        height: float = 1.0,
        spacing: float | None = None,
        cell_size: float = 1.0,
        field_direction: ArrayLike = (0.0, 1.0),
        magnetization_direction: ArrayLike = (0.0, 1.0),
    ) -> None:
        H, W = self.image_shape = check_image_shape(image_shape)
        n_stations = W if n_stations is None else n_stations
        n_stations = positive_integer(n_stations, "n_stations")
        lengths = {"height": height, "cell_size": cell_size}
        if spacing is not None:
            lengths["spacing"] = spacing
        for name, length in lengths.items():
            if not isinstance(length, Real) or not 0 < length < math.inf:
                raise ValueError(
                    f"{name} must be a positive finite number, got {length!r}"
                )
        spacing = W * cell_size / n_stations if spacing is None else spacing
        n_I = _unit_vector("field_direction", field_direction)
        n_J = _unit_vector("magnetization_direction", magnetization_direction)

        self.stations = spacing * (np.arange(n_stations) - (n_stations - 1) / 2)
        columns = cell_size * (np.arange(W) - (W - 1) / 2)
        depths = cell_size * (np.arange(H) + 0.5)
        along = columns - self.stations[:, None, None]
        down = (height + depths)[:, None]
        kernel = _double_gradient(along, down, n_I, n_J)
        super().__init__(cell_size**2 * kernel.reshape(n_stations, H * W))


def _double_gradient(along, down, n_I, n_J):
    """Evaluate n_I . grad grad (1 / |d|) . n_J at d = (along, down), broadcast."""
    squared = along**2 + down**2
    product = (n_I[0] * along + n_I[1] * down) * (n_J[0] * along + n_J[1] * down)
    return (3 * product / squared - n_I @ n_J) / squared**1.5


def _unit_vector(name, direction):
    vector = given_numbers(direction, name)
    length = np.linalg.norm(vector)
    if vector.shape != (2,) or not 0 < length < np.inf:
        raise ValueError(
            f"{name} must be two finite numbers, (along the line, down), not both "
            f"zero, got {direction!r}"
        )
    return vector / length
