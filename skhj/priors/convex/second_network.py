"""The second network, of the prior, and the best way to compute it."""

import math
from dataclasses import replace

import numpy as np

from skhj.priors.convex.batch_gauss_newton import BatchGaussNewton
from skhj.priors.convex.fit import SemiconvexFitter
from skhj.priors.prior_model import PriorModel
from skhj.priors.samples import samples_of_prior

__all__ = ["add_prior"]


def add_prior(candidate, search):
    """Fit a network to the prior of a model of the value function, where it has use.

    It answers by itself, or only starts Newton's method: where the user wants that, or
    the model is all but exact, half of the epochs are enough, and it need not settle.

    Parameters
    ----------
    candidate : Candidate
        A `ValueModel`; it is left as it is.
    search : PriorSearch
        Samples, and the method that the user wants.

    Returns
    -------
    Candidate
        One that computes its prior.
    """
    settings, samples, model = search.settings, search.samples, candidate.model
    method = settings.prior_method
    if method == "inversion":
        return candidate._replace(model=model.with_prior(method))
    of_prior = samples_of_prior(samples, model)
    is_exact = search.is_negligible(candidate.validation_error)
    only_starts = method == "newton" or (method == "auto" and is_exact)
    max_iter = math.ceil(search.max_iter / 2) if only_starts else search.max_iter
    fit = _fit(of_prior, search, max_iter)
    if method == "auto":
        method = _better_method(model.with_prior("newton", fit.network), search)
    unsettled = candidate.unsettled
    if method == "network" and not fit.converged:
        unsettled = (*unsettled, "prior")
    return candidate._replace(
        model=model.with_prior(method, fit.network),
        kind=replace(candidate.kind, second=settings.architecture),
        prior_loss_curve=fit.loss_curve,
        unsettled=unsettled,
    )


def _fit(of_prior, search, max_iter):
    settings, seed = search.settings, search.seed()
    core = settings.architecture.core(of_prior.X.shape[1], seed)
    trainer = search.trainer(seed, max_iter)
    fitter = SemiconvexFitter(settings.gradient_weight, ending=BatchGaussNewton())
    with trainer.task("prior", max_iter):
        return fitter.fit(core, of_prior, trainer)


def _better_method(model, search, *, tolerance=0.1):
    """The method whose prior the samples held out speak for.

    Where values and gradients are known, they are samples of the prior. Else both
    priors make value functions: Newton's that of the model, which is exact, and the
    network's its own. Where that explains the samples as well, up to a ``tolerance``,
    the network's is the prior: conjugation amplifies what the model errs by, most where
    it is flat.
    """
    unseen = search.samples.take(search.samples.held_out)
    if unseen.values is not None and unseen.gradients is not None:
        return _closest_method(model, samples_of_prior(unseen, model))
    own = PriorModel(model.prior_function, model.t, model.function)
    try:
        error = search.validation_error(own)
    except FloatingPointError:
        return "newton"
    allowed = (1 + tolerance) * search.validation_error(model)
    return "network" if error <= allowed else "newton"


def _closest_method(model, samples):
    """The method whose prior is closer to the samples, and the cheaper of equals."""
    errors = {
        method: np.mean((model.prior(samples.X, method).value - samples.values) ** 2)
        for method in ("network", "newton")
    }
    return min(errors, key=errors.get)
