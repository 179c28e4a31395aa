"""The kind "images": a convolutional prior of whole images."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from skhj import hamilton_jacobi as hj
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for
from skhj.priors.candidate import Candidate
from skhj.priors.images.bilevel import BilevelTraining
from skhj.priors.images.from_values import EnvelopeTraining
from skhj.priors.images.model import ImageModel
from skhj.priors.images.pixel_range import PixelRange
from skhj.priors.images.prior import ImagePrior, cosine_filters
from skhj.priors.kind import Kind
from skhj.priors.samples import Samples

__all__ = ["Images"]


@dataclass(frozen=True)
class Images(Kind):
    """A sum of profiles of filtered images, the same for images of any shape.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height and width of the images; signals are images of one row.
    n_filters : int, default=48
        Number of filters.
    side : int, default=7
        Height and width of the filters, odd; no more than half of the images'.
    rank : int, default=1
        Number of filters on the norm of whose responses each profile acts.
    threshold : float, default=2.5
        First knee of the profiles, as a slope, in units of the noise that filters of
        norm one over their side see.
    window_ratio : int, default=5
        Images so many times as large as the filters, or larger, are taken for windows
        of others: filters are applied where they fit, and pixels near the edges do not
        count. Smaller ones are continued about their edges.
    steps : int, default=40
        Steps of the training for each of ``max_iter``.
    step_pixels : int, default=9600
        Pixels of a step, in from 2 to 32 images.
    filter_rate, profile_rate : float, default=0.15, 1.0
        Step sizes of the filters and of the profiles, as shares of ``learning_rate``.
    slopes : tuple of float, default=(12.0, 40.0)
        First and last bound of the profiles' slopes at the origin.
    share_of_concavity, tail : float, default=0.92, 0.05
        Of the profiles at the start, see `ImagePrior`.
    enough : float, default=1e-3
        Share of the variance of the values on the hold-out that a kind before this one
        may leave: then this one is not tried.
    pairs : BilevelTraining
        Training from pairs of noisy and clean images.
    values : EnvelopeTraining
        Training from values, and from proximal points where known.
    """

    image_shape: tuple[int, int, int]
    n_filters: int = 48
    side: int = 7
    rank: int = 1
    threshold: float = 2.5
    window_ratio: int = 5
    steps: int = 40
    step_pixels: int = 9600
    filter_rate: float = 0.15
    profile_rate: float = 1.0
    slopes: tuple[float, float] = (12.0, 40.0)
    share_of_concavity: float = 0.92
    tail: float = 0.05
    enough: float = 1e-3
    pairs: BilevelTraining = field(default_factory=BilevelTraining)
    values: EnvelopeTraining = field(default_factory=EnvelopeTraining)

    name = "images"

    @classmethod
    def of_shape(cls, image_shape):
        """The kind with the filters that images of a shape ask for."""
        if image_shape[1] == 1:
            return cls(image_shape, n_filters=24, side=17, threshold=1.5, steps=20)
        return cls(image_shape)

    def may_gain(self, search):
        """Whether those before leave more than enough of the values' variance."""
        values = search.samples.values
        if values is None:
            return True
        held_out = values[search.samples.held_out]
        return not search.settles(self.enough * np.var(held_out))

    @property
    def filter_shape(self):
        """Channels, height and width of a filter."""
        C, *sizes = self.image_shape
        return C, *(_odd(min(self.side, max(1, size // 2))) for size in sizes)

    def fit(self, search):
        """Fit the prior to pairs, or to values."""
        samples, device = search.samples, search.settings.trainer.device
        seen = samples.take(samples.seen)
        generator = torch.Generator().manual_seed(search.seed())
        noisy, points, S = self._tensors(seen, device)
        prior = self._start(noisy, points).to(device)
        schedule = self._schedule(search.settings.trainer.schedule)
        size = math.prod(self.image_shape[1:]) * prior.filters.numel()
        with search.settings.trainer.task("prior"), threads_for(size):
            if S is None:
                training = self._of_pairs(schedule)
                result = training.train(prior, noisy, points, generator)
            else:
                weight = search.settings.gradient_weight * self.values.gradient_weight
                training = replace(
                    self.values, schedule=schedule, gradient_weight=weight
                )
                result = training.train(prior, noisy, samples.t * S, generator, points)
                prior.offset += result.offset / samples.t
        prior.requires_grad_(False).eval()
        model = ImageModel(prior, samples.t, self.image_shape)
        return Candidate(self, model, result.loss_curve, np.empty(0), ())

    def _tensors(self, seen, device):
        """Images, proximal points and values, where known, in single precision."""

        def images(rows):
            tensor = to_tensor(rows, dtype=np.float32, device=device)
            return tensor.reshape(len(rows), *self.image_shape)

        points = S = None
        if seen.gradients is not None:
            points = images(hj.prox_from_gradient(seen.X, seen.gradients, seen.t))
        if seen.values is not None:
            S = to_tensor(seen.values, dtype=np.float32, device=device)
        return images(seen.X), points, S

    def _start(self, noisy, points):
        """A prior with cosines for filters, of profiles as wide as the noise."""
        filters = self._filters()
        away = noisy - (noisy.mean() if points is None else points)
        noise = float(away.square().mean().sqrt()) or 1.0
        side = math.sqrt(math.prod(self.filter_shape[1:]))
        return ImagePrior(
            filters,
            self.threshold * noise / side,
            max_slope=self.slopes[0],
            share_of_concavity=self.share_of_concavity,
            tail=self.tail,
            rank=self.rank,
        )

    def _filters(self):
        """The first filters, cosines."""
        n_filters = min(self.n_filters, math.prod(self.filter_shape) - 1)
        return cosine_filters(n_filters - n_filters % self.rank, self.filter_shape)

    def _schedule(self, asked):
        """Schedule of a training, from that of a network."""
        pixels = math.prod(self.image_shape[1:])
        return replace(
            self.pairs.schedule,
            n_steps=self.steps * asked.max_iter,
            batch_size=int(np.clip(self.step_pixels // pixels, 2, 32)),
            learning_rate=self.filter_rate * asked.learning_rate,
            profile_rate=self.profile_rate * asked.learning_rate,
            slopes=self.slopes,
        )

    def _of_pairs(self, schedule):
        sides = zip(self.image_shape[1:], self.filter_shape[1:], strict=True)
        if all(size >= self.window_ratio * side for size, side in sides):
            return replace(self.pairs, schedule=schedule)
        return replace(self.pairs, schedule=schedule, reflect=True, margin=0)

    def load(self, arrays, prior_arrays, *, t, method):
        """The prior's filters and profiles."""
        return ImageModel(ImagePrior.from_arrays(prior_arrays), t, self.image_shape)

    def prior_samples(self, samples, model):
        """The prior at the proximal points that are known, else at some held out."""
        if samples.gradients is None:
            return super().prior_samples(samples.take(samples.held_out), model)
        P = hj.prox_from_gradient(samples.X, samples.gradients, samples.t)
        J, gradient, _ = model.prior(P)
        return Samples(P, J, gradient, samples.t, samples.held_out)

    def reach(self, X):
        """Range of the pixels: covariances of whole images are too large."""
        return PixelRange.of(X)

    def for_images(self, image_shape):
        """The same kind for images of another shape, with as many channels."""
        if image_shape[0] != self.image_shape[0]:
            raise ValueError(
                f"image_shape must have {self.image_shape[0]} channels, as the images "
                f"that the prior was learned from, got {image_shape[0]}"
            )
        if (image_shape[1] == 1) != (self.image_shape[1] == 1):
            raise ValueError(
                "image_shape must be of signals where the prior was learned from "
                f"signals, and of images where from images, got {image_shape[1:]}"
            )
        return replace(self, image_shape=tuple(image_shape))


def _odd(size):
    return size if size % 2 else size - 1
