"""Kinds of models fitted to the same samples, as long as it pays."""

from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch

from skhj.priors.convex.architecture import Architecture
from skhj.priors.convex.proximal_matching import ProximalMatching
from skhj.priors.samples import Samples

__all__ = ["Failure", "PriorSearch", "Settings"]

# What a fit may raise where numbers run away or matrices become singular.
_RUN_AWAY = (ArithmeticError, np.linalg.LinAlgError, torch.linalg.LinAlgError)


@dataclass(frozen=True)
class Settings:
    """How models are built and trained; see the parameters of HJPriorRegressor.

    Parameters
    ----------
    trainer : Trainer
        Trains modules, for ``max_iter`` epochs.
    architecture : Architecture
        Of convex networks.
    gradient_weight : float, default=1.0
        Weight of the gradients where the values have 1.
    matching : ProximalMatching or None, default=None
        What follows the squared error of proximal points.
    prior_method : str, default="auto"
        How the user wants the prior to be computed.
    few_samples : FewSamples or None, default=None
        Compares the best model of few samples with plain ones.
    negligible : float, default=1e-6
        Share of the variance on the hold-out that needs no competitor.
    """

    trainer: Any
    architecture: Architecture
    gradient_weight: float = 1.0
    matching: ProximalMatching | None = None
    prior_method: str = "auto"
    few_samples: Any = None
    negligible: float = 1e-6


class Failure(NamedTuple):
    """A kind that could not be fitted.

    Attributes
    ----------
    kind : Kind
        Which.
    error : Exception
        Why.
    """

    kind: Any
    error: Exception


class PassedOver(NamedTuple):
    """A kind of which there is no model.

    Attributes
    ----------
    kind : Kind
        Which.
    why : str
        Why.
    """

    kind: Any
    why: str

    def summary(self):
        """What is told of it, a dict with the entries of those that were fitted."""
        return {
            "name": self.kind.label,
            "validation_error": np.inf,
            "seconds": 0.0,
            "why_not": self.why,
        }


@dataclass
class PriorSearch:
    """Fit kinds of models to the same samples, one after the other, as long as it pays.

    Parameters
    ----------
    samples : Samples
        Values of a value function, its gradients, or both. Kinds are fitted to as many
        copies as they count, and asked beforehand whether they afford the samples.
    settings : Settings
        How to train.
    rng : RandomState
        Source of every seed.
    """

    samples: Samples
    settings: Settings
    rng: np.random.RandomState
    found: list = field(default_factory=list)
    failures: list = field(default_factory=list)
    passed_over: list = field(default_factory=list)
    _shared: dict = field(default_factory=dict)

    # A fit beyond arithmetic shows in its error on the hold-out.
    @np.errstate(over="ignore", invalid="ignore")
    def run(self, kinds, *, wanted=False):
        """Fit kinds until one leaves next to nothing.

        Parameters
        ----------
        kinds : sequence of Kind
            In the order in which to try them.
        wanted : bool, default=False
            Whether the user asked for these: then they need not afford the samples, and
            the first must be able to learn from them.

        Returns
        -------
        list of Candidate
            The models, best first; only the first is complete.

        Raises
        ------
        FloatingPointError
            If all kinds fail.
        ValueError
            If none can learn from the samples, or the one that is wanted cannot.
        """
        obstacles = [kind.obstacle(self.samples, self.settings) for kind in kinds]
        if obstacles[0] and (wanted or all(obstacles)):
            raise ValueError(obstacles[0])
        able = [kind for kind, o in zip(kinds, obstacles, strict=True) if not o]
        for kind, obstacle in zip(kinds, obstacles, strict=True):
            # The last answers where no other does, whatever it gains.
            only = kind is able[-1] and not self.found and not self.failures
            why_not = obstacle or self._why_not(kind, wanted or only)
            if not why_not:
                with self.settings.trainer.task(kind.label, None):
                    why_not = self._try(kind, only)
            if why_not:
                self.passed_over.append(PassedOver(kind, why_not))
        fitted = {one.kind.label for one in self.found}
        last = {one.kind.label: one for one in self.passed_over}
        self.passed_over = [one for label, one in last.items() if label not in fitted]
        if not self.found:
            raise self.failures[-1].error
        self.found.sort(key=lambda one: one.validation_error)
        few = None if wanted else self.settings.few_samples
        plain = few.plain(self, self.found[0]) if few else None
        if plain is not None:
            self.found.insert(0, plain)
        best, *others = self.found
        return [best.kind.finish(best, self.repeated()), *others]

    def repeated(self):
        """The same search, on as many copies of the samples as they count."""
        return replace(self, samples=self.samples.repeated())

    def _why_not(self, kind, wanted):
        """Why a kind that can learn from the samples is not tried; empty if it is."""
        if self.settles():
            best = min(self.found, key=lambda one: one.validation_error)
            return f"{best.kind.label!r} leaves next to nothing"
        return "" if wanted else kind.limit(self)

    def _try(self, kind, only):
        """Fit a kind, or say why there is no model of it."""
        start = perf_counter()
        try:
            if not only and not kind.may_gain(self):
                return "it promises no gain beside what was found"
            candidate = kind.fit(self.repeated())
            error = self.validation_error(candidate.model)
        except _RUN_AWAY as failure:
            self.failures.append(Failure(kind, failure))
            return f"it failed: {failure}"
        seconds = perf_counter() - start
        self.found.append(candidate._replace(validation_error=error, seconds=seconds))
        return ""

    @property
    def least_error(self):
        """Error of the best model on the hold-out; infinite where there is none."""
        return min((one.validation_error for one in self.found), default=np.inf)

    def settles(self, beside=0.0, share=0.0):
        """Whether the best model leaves next to nothing.

        Or else no more than the error ``beside``, or than this share of the variance.
        """
        return bool(self.found) and self.is_negligible(self.least_error, beside, share)

    def is_negligible(self, error, beside=0.0, share=0.0):
        """Whether such an error on the hold-out is next to nothing, or no more."""
        samples = self.samples.repeated()
        values, held_out = samples.targets(), samples.held_out
        with np.errstate(over="ignore"):
            variance = ((values - values.mean(axis=0))[held_out] ** 2).mean()
        share = max(share, self.settings.negligible)
        return bool(error <= max(share * variance, beside))

    def validation_error(self, model):
        """Mean squared error on the hold-out, of S, or of the prox where known."""
        unseen = self.samples.take(self.samples.held_out).repeated()
        answer = model.value(unseen.X)
        with np.errstate(over="ignore", invalid="ignore"):
            if unseen.values is not None:
                errors = answer.value - unseen.values
            else:
                errors = unseen.t * (answer.gradient - unseen.gradients)
            error = float(np.mean(errors**2))
        if not np.isfinite(error):
            raise FloatingPointError("its answers on the hold-out are not finite")
        return error

    def trainer(self, seed, max_iter=None):
        """Trainer with a generator of its own."""
        trainer = self.settings.trainer.seeded(seed)
        return trainer if max_iter is None else trainer.scheduled(max_iter=max_iter)

    @property
    def max_iter(self):
        """Largest number of epochs of a training."""
        return self.settings.trainer.schedule.max_iter

    def seed(self):
        """A new seed."""
        return int(self.rng.randint(np.iinfo(np.int32).max))

    def shared(self, make):
        """What several kinds start from, made by the first that asks for it.

        Parameters
        ----------
        make : callable
            Maps this search to it; called once.

        Returns
        -------
        object
            What it made.
        """
        if make not in self._shared:
            self._shared[make] = make(self.repeated())
        return self._shared[make]
