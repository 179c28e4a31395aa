"""The second network, of the prior, and the best way to compute it."""

import math
from dataclasses import replace

import numpy as np

from skhj.priors.convex.fit import SemiconvexFitter
from skhj.priors.samples import samples_of_prior

__all__ = ["add_prior"]


def add_prior(candidate, search):
    """Fit a network to the prior of a model of the value function, where it has use.

    It answers by itself, or only starts Newton's method: then half of the epochs are
    enough, and it need not settle.

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
    is_exact = samples.values is not None and samples.gradients is not None
    only_starts = method == "newton" or (method == "auto" and not is_exact)
    max_iter = math.ceil(search.max_iter / 2) if only_starts else search.max_iter
    fit = _fit(of_prior, search, max_iter)
    unsettled = candidate.unsettled
    if not (only_starts or fit.converged):
        unsettled = (*unsettled, "prior")
    model = model.with_prior("newton" if only_starts else "network", fit.network)
    if method == "auto" and is_exact:
        closest = _closest_method(model, of_prior.take(of_prior.held_out))
        model = model.with_prior(closest, fit.network)
    return candidate._replace(
        model=model,
        kind=replace(candidate.kind, second=settings.architecture),
        prior_loss_curve=fit.loss_curve,
        unsettled=unsettled,
    )


def _fit(of_prior, search, max_iter):
    settings, seed = search.settings, search.seed()
    core = settings.architecture.core(of_prior.X.shape[1], seed)
    trainer = search.trainer(seed, max_iter)
    with trainer.task("prior", max_iter):
        return SemiconvexFitter(settings.gradient_weight).fit(core, of_prior, trainer)


def _closest_method(model, samples):
    """The method whose prior is closer to the samples, and the cheaper of equals."""
    errors = {
        method: np.mean((model.prior(samples.X, method).value - samples.values) ** 2)
        for method in ("network", "newton")
    }
    return min(errors, key=errors.get)
