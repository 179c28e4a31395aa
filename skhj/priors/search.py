"""The ways to learn a prior from samples, and the choice of the best of them."""

import math
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch

from skhj import hamilton_jacobi as hj
from skhj.numerics.covariance import spanned
from skhj.priors.convex.build import make_core
from skhj.priors.convex.fit import fit_semiconvex
from skhj.priors.envelope.fit import fit_norm_envelope
from skhj.priors.learned_prior import LearnedPrior
from skhj.priors.samples import Samples
from skhj.priors.splines.basis_search import BasisSearch
from skhj.priors.splines.fit import SplineSolver, fit_splines
from skhj.priors.splines.network import SplineNetwork
from skhj.training import Schedule, Trainer

__all__ = ["Candidate", "PriorSearch", "Samples", "Settings", "gradient_mismatch"]

# A model that leaves this share of the variance needs no competitor, nor does one
# that leaves this share of what a rough network does, which has this share of epochs.
NEGLIGIBLE, FAR_BETTER, ROUGH_SHARE = 1e-6, 0.05, 0.2
# Steps of a rough network at least: from a rougher one the prior's side may not start.
ROUGH_STEPS = 1500
# Samples up to which a network is trained once. For a model of the prior: samples for
# each squared feature at least, and features at most, for the time its steps take.
SMALL, FEWEST, MOST_FEATURES = 2000, 5, 16
# Held-out samples from which gradients are judged.
FEWEST_TO_JUDGE = 10
# Features up to which that model takes all of its steps.
FULL_STEPS = 8


class Candidate(NamedTuple):
    """A fitted model.

    Attributes
    ----------
    name : str
        Which it is.
    model : LearnedPrior
        The value function and the prior.
    validation_error : float
        Mean squared error on the hold-out, of S, or of the prox where that was given.
    seconds : float
        Time that it took.
    value_fit, prior_fit : SemiconvexFit, SplineFit, EnvelopeFit or None
        How the two networks were fitted.
    prior_method : str
        How the model's ``prior`` is best computed, unless the user said.
    """

    name: str
    model: LearnedPrior
    validation_error: float
    seconds: float
    value_fit: Any
    prior_fit: Any = None
    prior_method: str = "newton"


class Settings(NamedTuple):
    """How networks are built and trained; see the parameters of HJPriorRegressor."""

    architecture: dict
    max_iter: int
    batch_size: int | str
    learning_rate: float
    gradient_weight: float
    matching_width: float | None
    prior_method: str
    device: torch.device
    verbose: int


class PriorSearch:
    """Fit models to the same samples, one after the other, as long as it pays.

    Parameters
    ----------
    samples : Samples
        The samples.
    settings : Settings
        How to train.
    rng : RandomState
        Source of every seed.
    progress : FitProgress
        Told of each network and each of its epochs.
    """

    def __init__(self, samples, settings, rng, progress):
        self.samples = samples
        self.settings = settings
        self.rng = rng
        self.progress = progress

    def run(self, network):
        """Fit what ``network`` asks for.

        Parameters
        ----------
        network : str or nn.Module class
            The parameter of HJPriorRegressor.

        Returns
        -------
        list of Candidate
            The models, best first.
        """
        search = {
            "auto": self._best_of_all,
            "ridge": self._ridges,
            "envelope": self._envelopes,
        }.get(network, self._network_alone)
        best, *others = sorted(search(), key=_finite_error)
        return [self._with_prior(best), *others]

    def _best_of_all(self):
        if self.settings.matching_width is not None:
            return self._network_alone()  # Splines know the squared error only.
        found = self._ridges()
        if self._settles(found):
            return found
        n_seen = int((~self.samples.held_out).sum())
        is_small = n_seen <= SMALL
        # A small one costs so little that it need not be rough.
        rough = self._fit_network(1.0 if is_small else self._rough_share())
        if self._affords_envelope(n_seen):
            found.append(self._fit_envelope(rough))
        if is_small:
            found.append(rough)
        elif not self._settles(found, rough):
            found.append(self._fit_network())
        return found

    def _rough_share(self):
        """Share of the epochs of a rough network: enough steps for its gradients."""
        n_seen = int((~self.samples.held_out).sum())
        n_steps = self.settings.max_iter * math.ceil(n_seen / self._batch_size())
        return min(1.0, max(ROUGH_SHARE, ROUGH_STEPS / n_steps))

    def _affords_envelope(self, n_seen):
        """Whether there are values, few features, and enough samples for them."""
        n_features = self.samples.X.shape[1]
        if self.samples.values is None or n_features > MOST_FEATURES:
            return False
        spans, _ = spanned(self.samples.X, SplineSolver().narrowest)
        return spans.shape[1] == n_features and n_seen >= FEWEST * n_features**2

    def _settles(self, candidates, rough=None):
        """Whether the best model leaves next to nothing that a network could gain."""
        best = min(candidate.validation_error for candidate in candidates)
        if rough is not None and best <= FAR_BETTER * rough.validation_error:
            return True
        return best <= NEGLIGIBLE * self._variance()

    def _variance(self):
        """Variance on the hold-out of what ``validation_error`` is about."""
        X, S, gradient, t, held_out = self.samples
        values = X - t * gradient if S is None else S
        return _spread(values, held_out)

    def _ridges(self):
        found = [self._fit_ridge("ridge (axes)", SplineSolver())]
        if not self._settles(found):
            solver = SplineSolver(basis=BasisSearch())
            found.append(self._fit_ridge("ridge (basis)", solver))
        return found

    def _envelopes(self):
        rough = self._fit_network(self._rough_share())
        return [self._fit_envelope(rough), rough]

    def _fit_envelope(self, rough):
        """Fit a sum of norms to the prior, through the value function."""
        start, max_iter = perf_counter(), self.settings.max_iter
        n_features = self.samples.X.shape[1]
        with self.progress.task("prior", None):
            fit = fit_norm_envelope(
                self.samples,
                self.prior_samples(rough.model),
                self._trainer(max_iter, self._seed()),
                # The time of a step grows faster than the square of the features.
                max_iter=math.ceil(0.8 * max_iter * min(1, FULL_STEPS / n_features)),
                pair_iter=-(-max_iter // 5),
            )
        model = LearnedPrior(
            rough.model.value_network,
            fit.network,
            self.samples.t,
            value_by_minimisation=True,
        )
        return self._judged("envelope", model, start, rough.value_fit, fit)

    def _fit_ridge(self, name, solver):
        """Fit a sum of convex splines to the value function."""
        start = perf_counter()
        fit = fit_splines(
            self.samples.negated(),
            gradient_weight=self.settings.gradient_weight,
            rng=self.rng,
            solver=solver,
        )
        network = fit.network.to(self.settings.device)
        model = LearnedPrior(network, None, self.samples.t)
        return self._judged(name, model, start, fit)

    def _network_alone(self):
        return [self._fit_network()]

    def _fit_network(self, share=1.0):
        """Fit a convex network to the value function, in a share of the epochs."""
        start = perf_counter()
        max_iter = math.ceil(share * self.settings.max_iter)
        fit = self._train("value function", self.samples.negated(), max_iter)
        model = LearnedPrior(fit.network, None, self.samples.t)
        network = self.settings.architecture["network"]
        name = network if isinstance(network, str) else network.__name__
        return self._judged(name, model, start, fit)

    def _with_prior(self, candidate):
        """Fit a second network, to the prior, where the model has use for it."""
        method = self.settings.prior_method
        if candidate.model.value_by_minimisation:
            return candidate._replace(prior_method="network")
        is_ridge = isinstance(candidate.model.value_network, SplineNetwork)
        if is_ridge and method in {"auto", "newton"}:
            exact = candidate.model.value_network.is_additive
            return candidate._replace(prior_method="exact" if exact else "newton")
        if method == "inversion":
            return candidate._replace(prior_method=method)
        start, model = perf_counter() - candidate.seconds, candidate.model
        of_prior = self.prior_samples(model)
        only_starts = self._prior_only_starts()
        max_iter = math.ceil(self.settings.max_iter / (1 + only_starts))
        fit = self._train("prior", of_prior, max_iter)
        model.prior_network = fit.network
        if only_starts:
            method, fit = "newton", fit._replace(converged=True)
        elif method == "auto":
            unseen = of_prior.take(of_prior.held_out)
            method = _closest_method(model, unseen.X, unseen.values)
        seconds = perf_counter() - start
        return candidate._replace(prior_fit=fit, prior_method=method, seconds=seconds)

    def prior_samples(self, model):
        """Points p = prox(x), the prior and its gradient there.

        Parameters
        ----------
        model : LearnedPrior
            Makes them, unless exact gradients do.

        Returns
        -------
        Samples
            Of the prior.
        """
        X, S, slope, t, held_out = self.samples
        if S is None or slope is None:
            S, slope, _ = model.value(X)
        P = hj.prox_from_gradient(X, slope, t)
        J = hj.prior_at_prox(X, P, S, t)
        gradient = hj.prior_gradient_from_point(P, X, t)
        return Samples(P, J, gradient, t, held_out)

    def _judged(self, name, model, start, value_fit, prior_fit=None):
        """Return a candidate with its error on the hold-out."""
        X, S, gradient, t, held_out = self.samples
        answer = model.value(X[held_out])
        errors = (
            answer.value - S[held_out]
            if S is not None
            else t * (answer.gradient - gradient[held_out])
        )
        with np.errstate(over="ignore"):
            error = float(np.mean(errors**2))
        return Candidate(
            name, model, error, perf_counter() - start, value_fit, prior_fit
        )

    def _seed(self):
        return int(self.rng.randint(np.iinfo(np.int32).max))

    def _batch_size(self):
        if self.settings.batch_size != "auto":
            return self.settings.batch_size
        n_seen = int((~self.samples.held_out).sum())
        return int(np.clip(n_seen // 16, 32, 256))

    def _trainer(self, max_iter, seed):
        settings = self.settings
        return Trainer(
            Schedule(max_iter, self._batch_size(), settings.learning_rate),
            torch.Generator().manual_seed(seed),
            settings.device,
            settings.verbose,
            self.progress,
        )

    def _train(self, name, samples, max_iter):
        settings, seed = self.settings, self._seed()
        matching_width = settings.matching_width if samples.values is None else None
        core = make_core(
            n_features=samples.X.shape[1], seed=seed, **settings.architecture
        )
        # Matching adds epochs; None says that their number is not known.
        n_epochs = max_iter if matching_width is None else None
        with self.progress.task(name, n_epochs):
            return fit_semiconvex(
                core,
                samples,
                self._trainer(max_iter, seed),
                gradient_weight=settings.gradient_weight,
                matching_width=matching_width,
            )

    def _prior_only_starts(self):
        """Whether the prior's network only starts Newton's method."""
        method, samples = self.settings.prior_method, self.samples
        exact = samples.values is not None and samples.gradients is not None
        return method == "newton" or (method == "auto" and not exact)


def gradient_mismatch(model, samples):
    """Share of the given gradients' variance that a model leaves on the hold-out.

    Parameters
    ----------
    model : LearnedPrior
        The model.
    samples : Samples
        What it was learned from.

    Returns
    -------
    float
        The share; zero where values or gradients are not given, or few held out.
    """
    few = samples.held_out.sum() < FEWEST_TO_JUDGE
    if samples.values is None or samples.gradients is None or few:
        return 0.0
    given = samples.gradients[samples.held_out]
    errors = model.value(samples.X[samples.held_out]).gradient - given
    spread = _spread(samples.gradients, samples.held_out)
    return float((errors**2).mean() / max(spread, 1e-300))


def _closest_method(model, P, J):
    """Return the method whose prior is closer to J at P, and the cheaper of equals."""
    errors = {
        method: np.mean((model.prior(P, method).value - J) ** 2)
        for method in ("network", "newton")
    }
    return min(errors, key=errors.get)


def _finite_error(candidate):
    """Error on the hold-out, infinite where a fit has run away."""
    error = candidate.validation_error
    return error if np.isfinite(error) else np.inf


def _spread(array, held_out):
    """Mean square on the hold-out of the deviation from the mean of all."""
    return float(((array - array.mean(axis=0))[held_out] ** 2).mean())
