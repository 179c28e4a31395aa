"""What HJPriorRegressor was asked for: checked, and made settings of."""

import math
from numbers import Integral

import numpy as np
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data
from torch import nn

from skhj import hamilton_jacobi as hj
from skhj.estimators.counted_rows import count_rows
from skhj.estimators.hold_out import hold_out
from skhj.estimators.metric_option import check_metric
from skhj.estimators.prior_reports import without_outliers
from skhj.estimators.stored_arrays import drawn_rows
from skhj.numerics.given_numbers import check_size
from skhj.operators.image_shape import check_image_shape, with_channels
from skhj.priors.convex.architecture import ICNNArchitecture, UserArchitecture
from skhj.priors.convex.proximal_matching import ProximalMatching
from skhj.priors.few_samples import FewSamples
from skhj.priors.kinds import NAMES
from skhj.priors.samples import Samples
from skhj.priors.search import Settings
from skhj.priors.time_search import TimeSearch
from skhj.training import Schedule, Trainer, checked_net_params

__all__ = ["check_shape", "check_targets", "samples_of", "settings_of"]


def _check_network(est):
    """Refuse a network that is none, or has no units.

    Parameters
    ----------
    est : HJPriorRegressor
        The estimator.

    Raises
    ------
    ValueError
        If a parameter is not of the form asked for.
    """
    if isinstance(est.network, type) and not issubclass(est.network, nn.Module):
        raise ValueError(
            f"network must be one of {sorted(NAMES)} or a subclass of "
            f"torch.nn.Module (the class itself, not an object), got {est.network!r}"
        )
    if (est.network == "images") > (est.image_shape is not None):
        raise ValueError("image_shape must be given with network='images', got None")
    if est.image_shape is not None and est.metric is not None:
        raise ValueError("metric must be None with image_shape: filters have none")
    if est.image_shape is not None and est.network not in ("auto", "images"):
        raise ValueError(
            f"network must be 'auto' or 'images' with image_shape, got {est.network!r}"
        )
    if est.network_params and not isinstance(est.network, type):
        raise ValueError(
            "network_params must be None unless network is a class, got "
            f"{est.network_params} with network={est.network!r}"
        )
    sizes = list(est.hidden_layer_sizes)
    if not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be positive integers, got {sizes}")
    if not sizes and not est.wide_units:
        raise ValueError(
            "hidden_layer_sizes and wide_units must not both leave out all units"
        )


def check_shape(image_shape, X):
    """Channels, height and width of points that are images.

    Parameters
    ----------
    image_shape : tuple of int or None
        As the user gives it: (N,), (H, W) or (C, H, W); None where they are none.
    X : ndarray of shape (n, d)
        Points.

    Returns
    -------
    tuple of int or None
        Three sizes.

    Raises
    ------
    ValueError
        If it is no shape, or not that of the points, or too small for filters, or the
        points too large for the single precision of the training.
    """
    if image_shape is None:
        return None
    sizes = check_image_shape(image_shape, n_axes=(1, 2, 3))
    if math.prod(sizes) != X.shape[1]:
        raise ValueError(
            f"image_shape must be that of a row of X, {X.shape[1]} pixels, got "
            f"{sizes}, {math.prod(sizes)} pixels"
        )
    shape = with_channels(sizes)
    smallest = shape[2] if len(sizes) == 1 else min(shape[1:])
    if smallest < 6:
        raise ValueError(
            f"image_shape must be of at least 6 pixels along each axis, got {sizes}"
        )
    largest = np.abs(X).max()
    if largest > np.finfo(np.float32).max ** 0.5 / math.prod(sizes):
        raise ValueError(
            "X must be images whose squared norms are finite in single precision, got "
            f"pixels up to {largest:.3g}: scale them"
        )
    return shape


def check_targets(est, X, y, gradient, sample_weight):
    """Points, values and gradients of S, from what y is meant to be.

    Of rows that are equal there is one, see `count_rows`.

    Parameters
    ----------
    est : HJPriorRegressor
        The estimator.
    X, y, gradient, sample_weight : array-like
        As given to ``fit``.

    Returns
    -------
    X : ndarray of shape (n, d)
        Points.
    S : ndarray of shape (n,) or None
        Values.
    gradient : ndarray of shape (n, d) or None
        Gradients.
    counts : ndarray of shape (n,) or None
        How often each sample counts.
    outliers : ndarray of shape (n_outliers,)
        Rows that were left out of these, far from what the others say.

    Raises
    ------
    ValueError
        If an array is not of the form asked for, or parameters contradict.
    """
    drawn = drawn_rows(X, y, gradient, names=("X", "y", "gradient"))
    arrays = _checked(est, *drawn.arrays)
    counted = count_rows(drawn.of(sample_weight), *arrays)
    arrays = counted.of(*arrays)
    found, outliers = without_outliers(*arrays, counted.groups)
    outliers = outliers if drawn.rows is None else drawn.rows[outliers]
    arrays = *arrays, counted.counts
    if found.any():
        arrays = (None if array is None else array[~found] for array in arrays)
    return *arrays, outliers


def _checked(est, X, y, gradient):
    """Points, values and gradients as they are given."""
    _check_network(est)
    if est.prox_loss == "matching" and est.target == "value":
        raise ValueError(
            "prox_loss='matching' needs target='prox' and a network that is not "
            f"'ridge', got target={est.target!r} and network={est.network!r}"
        )
    if est.target == "value":
        return est._check_samples(X, y, gradient)
    if est.t == "auto":
        raise ValueError(
            "t must be given with target='prox', got t='auto': proximal points tell no "
            "more than t times the prior"
        )
    if gradient is not None:
        raise ValueError(
            "gradient must be None with target='prox': y alone says what it is"
        )
    X, P = validate_data(
        est, X, y, dtype=np.float64, multi_output=True, ensure_min_samples=2
    )
    P = check_array(P, dtype=np.float64, ensure_2d=False, input_name="y")
    if X.shape[1] == 1 and P.ndim == 1:
        P = P[:, None]
    if P.shape != X.shape:
        raise ValueError(
            f"y must have the shape of X, {X.shape}, with target='prox', got {P.shape}"
        )
    check_size(X), check_size(P, "y")
    metric = check_metric(est.metric, X.shape[1])
    if metric is not None:
        X, P = metric.points_to(X), metric.points_to(P)
    return X, None, hj.value_gradient_from_prox(X, P, est.t)


def settings_of(est, n_seen, device, progress):
    """Settings of the search for a model.

    Parameters
    ----------
    est : HJPriorRegressor
        The estimator.
    n_seen : int
        Number of samples to train on.
    device : torch.device
        Where to train.
    progress : FitProgress
        Told of each phase and epoch.

    Returns
    -------
    Settings
        The settings; the trainer's generator is replaced for each training.
    """
    batch_size = est.batch_size
    if batch_size == "auto":
        batch_size = _usual_batch_size(n_seen, est.image_shape)
    schedule = Schedule(est.max_iter, batch_size, est.learning_rate)
    generator = torch.Generator()
    net_params = checked_net_params(est.net_params)
    trainer = Trainer(
        schedule, generator, device, est.verbose, progress, net_params=net_params
    )
    architecture = ICNNArchitecture(
        tuple(est.hidden_layer_sizes), est.wide_units, est.softplus_beta
    )
    if isinstance(est.network, type):
        params = est.network_params or {}
        architecture = UserArchitecture(est.network, params)
    matching = None
    if est.prox_loss == "matching":
        matching = ProximalMatching(est.matching_width)
    return Settings(
        trainer,
        architecture,
        est.gradient_weight,
        matching,
        est.prior_method,
        FewSamples(),
    )


def _usual_batch_size(n_seen, image_shape):
    """A sixteenth of the samples; of images, six windows 40 x 40 or as many pixels."""
    if image_shape is None:
        return int(np.clip(n_seen // 16, 32, 256))
    return int(np.clip(9600 // math.prod(image_shape), 2, 32))


def samples_of(est, X, S, gradient, counts, rng):
    """Samples at the time of the estimator, which is found where it is "auto".

    Parameters
    ----------
    est : HJPriorRegressor
        The estimator.
    X, S, gradient, counts : ndarray or None
        As `check_targets` returns them.
    rng : RandomState
        Source of the hold-out, and of every seed.

    Returns
    -------
    Samples
        Of the value function, some of them held out.

    Raises
    ------
    ValueError
        If it is "auto" and the points are images, or nothing limits it.
    """
    held_out = hold_out(len(X), est.validation_fraction, rng)
    samples = Samples(X, S, gradient, est.t, held_out, counts)
    if est.t != "auto":
        return samples
    if est.image_shape is not None:
        raise ValueError(
            "t must be given with image_shape: it is the variance of the noise, got "
            "t='auto'"
        )
    search, copies = TimeSearch(), samples.repeated()
    n_seen = min(copies.n_seen, search.most_samples)
    settings = settings_of(est, n_seen, torch.device("cpu"), None)
    return samples._replace(t=search.find(copies, settings, rng))
