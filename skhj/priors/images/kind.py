"""The kind "images": a convolutional prior of whole images."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from skhj import hamilton_jacobi as hj
from skhj.numerics.tensors import to_tensor
from skhj.numerics.threads import threads_for
from skhj.priors.candidate import Candidate
from skhj.priors.images.fit import ImageFit
from skhj.priors.images.model import ImageModel
from skhj.priors.images.pixel_range import PixelRange
from skhj.priors.images.prior import ImagePrior
from skhj.priors.kind import Kind

__all__ = ["Images"]


@dataclass(frozen=True)
class Images(Kind):
    """A sum of profiles of filtered images, the same for images of any shape.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height and width of the images; signals are images of one row.
    solver : ImageFit
        Learns the prior.
    window_ratio : int, default=5
        Images so many times as large as the filters, or larger, are taken for windows
        of others: filters are applied where they fit, and pixels near the edges do not
        count. Smaller ones are whole images, continued about their edges.
    enough : float, default=1e-3
        Share of the variance on the hold-out that kinds before this one may leave: then
        this one is not tried.
    usual_max_iter, usual_rate : int and float, default=100, 0.02
        The estimator's defaults, for which the solver's numbers of steps and step sizes
        are meant.
    largest : float, default=1e15
        Size of pixels, and one over the least, whose squares, and those of slopes, are
        numbers in single precision.
    """

    image_shape: tuple[int, int, int]
    solver: ImageFit = field(default_factory=ImageFit)
    window_ratio: int = 5
    enough: float = 1e-3
    usual_max_iter: int = 100
    usual_rate: float = 0.02
    largest: float = 1e15

    name = "images"

    @classmethod
    def of_shape(cls, image_shape):
        """The kind with the filters that images of a shape ask for."""
        is_signal = image_shape[1] == 1
        return cls(image_shape, ImageFit.of_signals() if is_signal else ImageFit())

    def may_gain(self, search):
        """Whether those before, if any, leave more than enough."""
        return not search.settles(share=self.enough)

    def fit(self, search):
        """Learn the prior from pairs, or from values."""
        samples, trainer = search.samples, search.settings.trainer
        noisy, points, S = self._tensors(samples.take(samples.seen), trainer.device)
        generator = torch.Generator().manual_seed(search.seed())
        solver = self._scheduled(
            noisy, trainer.schedule, search.settings.gradient_weight
        )
        n_products = math.prod(self.image_shape) * solver.n_weights(noisy)
        with trainer.task("prior"), threads_for(n_products):
            if S is None:
                prior, result = solver.from_pairs(noisy, points, generator)
            else:
                prior, result = solver.from_values(
                    noisy, samples.t * S, generator, points
                )
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

    def _scheduled(self, images, asked, gradient_weight):
        """The solver, with the length and step sizes that the user wants."""
        solver = self.solver
        sides = zip(images.shape[-2:], solver.sizes(images), strict=True)
        pairs = replace(solver.pairs, schedule=self._asked(solver.pairs, asked))
        if any(size < self.window_ratio * side for size, side in sides):
            pairs = replace(pairs, reflect=True, margin=0)
        values = replace(
            solver.values,
            schedule=self._asked(solver.values, asked),
            gradient_weight=gradient_weight * solver.values.gradient_weight,
        )
        return replace(solver, pairs=pairs, values=values)

    def _asked(self, training, asked):
        """Its schedule, as many times as long and as fast as what is asked for."""
        longer, faster = asked.max_iter / self.usual_max_iter, asked.learning_rate
        own, usual_size = training.schedule, self.solver.pairs.schedule.batch_size
        return replace(
            own,
            n_steps=max(1, round(longer * own.n_steps)),
            batch_size=max(1, asked.batch_size * own.batch_size // usual_size),
            learning_rate=faster / self.usual_rate * own.learning_rate,
            profile_rate=faster / self.usual_rate * own.profile_rate,
        )

    def saved(self):
        """The shape is all that loading asks for."""
        return replace(self, solver=None)

    def load(self, arrays, prior_arrays, *, t, method):
        """The prior's filters and profiles."""
        return ImageModel(ImagePrior.from_arrays(prior_arrays), t, self.image_shape)

    def prior_samples(self, samples, model):
        """The prior at the proximal points that are known, else at some held out."""
        if samples.gradients is None:
            return super().prior_samples(samples.take(samples.held_out), model)
        P = hj.prox_from_gradient(samples.X, samples.gradients, samples.t)
        J, gradient, _ = model.prior(P)
        return samples._replace(X=P, values=J, gradients=gradient)

    def obstacle(self, samples, settings):
        """Priors of images know the squared error only, in single precision."""
        if settings.matching is not None:
            return (
                "prox_loss must be 'squared' with image_shape: priors of images know "
                "the squared error only, got 'matching'"
            )
        size = np.abs(samples.X).max()
        if 1 / self.largest <= size <= self.largest or size == 0:
            return ""
        return (
            f"X must be images of pixels from {1 / self.largest:g} to {self.largest:g} "
            f"in size for single precision, got {size:.3g}: choose other units"
        )

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
