"""Samples to learn from."""

from skhj.datasets.duathlon import duathlon_mmse, duathlon_posterior, make_duathlon
from skhj.datasets.images import make_deblurring, make_image_patches, make_magnetics
from skhj.datasets.mnist import fetch_mnist
from skhj.datasets.value_samples import make_value_samples

__all__ = [
    "duathlon_mmse",
    "duathlon_posterior",
    "fetch_mnist",
    "make_deblurring",
    "make_duathlon",
    "make_image_patches",
    "make_magnetics",
    "make_value_samples",
]
