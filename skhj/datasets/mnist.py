"""MNIST, from OpenML."""

from importlib.util import find_spec
from os import PathLike

import numpy as np
from sklearn.datasets import fetch_openml

__all__ = ["fetch_mnist"]


def fetch_mnist(data_home: str | PathLike[str] | None = None) -> np.ndarray:
    """Download the 70,000 images of handwritten digits of MNIST, or load them again.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        Folder to keep the download in; None takes scikit-learn's.

    Returns
    -------
    ndarray of shape (70000, 28, 28)
        Images, from 0 to 1, in float32; the last 10,000 are the usual test set.

    Examples
    --------
    >>> from skhj.datasets import fetch_mnist
    >>> images = fetch_mnist()  # doctest: +SKIP
    >>> images.shape  # doctest: +SKIP
    (70000, 28, 28)
    """
    pixels = fetch_openml(
        "mnist_784",
        version=1,
        as_frame=False,
        return_X_y=True,
        data_home=data_home,
        # scikit-learn's own parser needs no other package, but minutes.
        parser="pandas" if find_spec("pandas") else "liac-arff",
    )[0]
    return np.asarray(pixels, dtype=np.float32).reshape(-1, 28, 28) / 255
