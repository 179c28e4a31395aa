"""Whatever a user has for a prior, as the solvers of reconstruction see it."""

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skhj.estimators.hold_out import hold_out
from skhj.estimators.metric_option import refuse_metric
from skhj.inverse.reconstruction.filtered import FilteredPrior
from skhj.inverse.reconstruction.regularisers import (
    EstimatedPrior,
    ExactPrior,
    ProximalOperator,
)
from skhj.priors.images.model import ImageModel

__all__ = ["check_prior", "frozen", "prepared_prior", "regulariser_of"]


def check_prior(prior):
    """Refuse what is no prior.

    Parameters
    ----------
    prior : object
        What was given.

    Raises
    ------
    ValueError
        If it has neither the methods of a prior nor those of a proximal operator.
    """
    if isinstance(prior, type) or not (
        callable(getattr(prior, "prox", None))
        and (callable(getattr(prior, "prior", None)) or callable(prior))
    ):
        raise ValueError(
            "prior must be an estimator with the methods prox and prior, an object of "
            f"skhj.problems, or a proximal operator of pyproximal, got {prior!r}"
        )


def prepared_prior(prior, models, image_shape, rng, *, fraction=0.1):
    """The prior, fitted, for models of a shape, and the models to judge it by.

    Parameters
    ----------
    prior : object
        The prior. An estimator that is not fitted is copied, and the copy fitted to
        noisy models and clean ones, with noise of its own time as variance.
    models : ndarray of shape (n, N) or None
        Known models.
    image_shape : tuple of int or None
        Their shape, where they are images.
    rng : RandomState
        Source of the noise, of the models held out, and of their order.
    fraction : float, default=0.1
        Share of the models held out from the prior's fit.

    Returns
    -------
    prior : object
        The fitted prior.
    judges : ndarray of int or None
        Rows of the models that it was not fitted to, in random order; None where there
        are no models.

    Raises
    ------
    ValueError
        If the prior has to be fitted and cannot be.
    """
    if _needs_fit(prior):
        if models is None:
            raise ValueError(
                "prior must be fitted before, or fit must be given models X to learn "
                "it from"
            )
        held_out = hold_out(len(models), fraction, rng)
        fitted = _fit(prior, models[~held_out], image_shape, rng)
        return fitted, rng.permutation(np.flatnonzero(held_out))
    if image_shape is not None and isinstance(_model(prior), ImageModel):
        prior = prior.for_images(image_shape)
    return prior, None if models is None else rng.permutation(len(models))


def frozen(prior):
    """The prior for a copy of its solver: one that is fitted is not to be forgotten.

    Parameters
    ----------
    prior : object
        The prior.

    Returns
    -------
    object
        A fitted estimator that copies share, a copy of one that is not, and anything
        else as it is.
    """
    if not hasattr(prior, "fit"):
        return prior
    if _needs_fit(prior):
        return clone(prior)
    return prior if isinstance(prior, FrozenEstimator) else FrozenEstimator(prior)


def _needs_fit(prior):
    """Whether it is an estimator that is not fitted; exact priors are none."""
    if not hasattr(prior, "fit"):
        return False
    try:
        check_is_fitted(prior)
    except NotFittedError:
        return True
    return False


def _fit(prior, models, image_shape, rng):
    """A copy of an estimator, fitted to noisy models and clean ones."""
    parameters = prior.get_params()
    if not {"t", "target"} <= set(parameters):
        raise ValueError(
            "prior must be fitted before, or have the parameters t and target, so that "
            f"it can learn from noisy models, got {prior!r}"
        )
    if parameters["t"] == "auto":
        raise ValueError(
            "prior must be fitted before, or have a number t, got t='auto'"
        )
    options = {"target": "prox"}
    if image_shape is not None and parameters.get("image_shape", ()) is None:
        options["image_shape"] = image_shape
    noise = parameters["t"] ** 0.5 * rng.standard_normal(models.shape)
    return clone(prior).set_params(**options).fit(models + noise, models)


def regulariser_of(prior):
    """Make a `Regulariser` of a prior.

    Parameters
    ----------
    prior : object
        A prior that is fitted, or exact, or a proximal operator of pyproximal.

    Returns
    -------
    Regulariser
        The prior as the solvers see it.
    """
    if not callable(getattr(prior, "prior", None)):
        return ProximalOperator(prior)
    if not hasattr(prior, "fit"):
        return ExactPrior(prior)
    refuse_metric(prior)
    model = _model(prior)
    if isinstance(model, ImageModel):
        return FilteredPrior(model)
    # The time of the fit, even if the parameter was changed since.
    return EstimatedPrior(prior, getattr(prior, "_fitted_time", None) or prior.t)


def _model(prior):
    """The model of an estimator of this project, frozen or not; else None."""
    return getattr(prior, "_loaded_model", None)
