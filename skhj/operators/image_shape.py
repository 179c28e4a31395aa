"""Shapes of flattened images."""

from numbers import Integral

__all__ = ["check_image_shape"]


def check_image_shape(image_shape, name="image_shape"):
    """Shape (H, W) as a tuple of two positive ints, or an error that says so."""
    try:
        sizes = tuple(image_shape)
    except TypeError:
        sizes = ()
    if len(sizes) != 2 or not all(isinstance(n, Integral) and n > 0 for n in sizes):
        raise ValueError(
            f"{name} must be two positive integers, (H, W), got {image_shape!r}"
        )
    return tuple(int(n) for n in sizes)
