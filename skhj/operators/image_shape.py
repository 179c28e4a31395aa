"""Shapes of flattened images."""

from numbers import Integral

__all__ = ["check_image_shape", "with_channels"]

_FORMS = {1: "one positive integer, (N,)", 2: "two, (H, W)", 3: "three, (C, H, W)"}


def check_image_shape(image_shape, name="image_shape", n_axes=(2,)):
    """Shape as a tuple of positive ints, or an error that says so.

    Parameters
    ----------
    image_shape : tuple of int
        Shape of an image.
    name : str, default="image_shape"
        What it is called.
    n_axes : tuple of int, default=(2,)
        Numbers of axes allowed.

    Returns
    -------
    tuple of int
        The shape.

    Raises
    ------
    ValueError
        If it is no such shape.
    """
    try:
        sizes = tuple(image_shape)
    except TypeError:
        sizes = ()
    if len(sizes) not in n_axes or not all(
        isinstance(n, Integral) and n > 0 for n in sizes
    ):
        forms = " or ".join(_FORMS[n] for n in n_axes)
        if n_axes == (2,):
            forms = "two positive integers, (H, W)"
        raise ValueError(f"{name} must be {forms}, got {image_shape!r}")
    return tuple(int(n) for n in sizes)


def with_channels(image_shape):
    """Channels, height and width of a signal (N,) or an image (H, W) or (C, H, W)."""
    return (1,) * (3 - len(image_shape)) + tuple(image_shape)
