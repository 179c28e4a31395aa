"""Image priors from samples: the first weights, their training, their convexity."""

import math
from dataclasses import dataclass, field

import torch
from torch import nn

from skhj.priors.images.bilevel import BilevelTraining
from skhj.priors.images.certificate import make_convex_
from skhj.priors.images.from_values import EnvelopeTraining
from skhj.priors.images.prior import ImagePrior, cosine_filters
from skhj.priors.images.schedule import ImageSchedule

__all__ = ["ImageFit"]


@dataclass(frozen=True)
class ImageFit:
    """How a prior of images is learned.

    Parameters
    ----------
    n_filters : int, default=48
        Largest number of filters; there are at most their weights minus one.
    filter_size : int, default=7
        Height and width of a filter.
    rank : int, default=1
        Number of filters on the norm of whose responses each profile acts.
    from_corner : bool, default=False
        Whether the first filters see only a pixel and those that follow it, as
        differences do.
    threshold : float, default=2.5
        First slope at the knee, in standard deviations of the noise's responses.
    pairs : BilevelTraining
        Training from noisy and clean images.
    values : EnvelopeTraining
        Training from values.
    first_tail, first_concavity : float, default=0.9, 0.05
        The profiles' first tails and shares of concavity when values are given: nearly
        convex, as the priors behind most denoisers are.
    certificate_size : int, default=6
        Height and width of the images on which the concavity is bounded, in filters.
    """

    n_filters: int = 48
    filter_size: int = 7
    rank: int = 1
    from_corner: bool = False
    threshold: float = 2.5
    pairs: BilevelTraining = field(default_factory=BilevelTraining)
    values: EnvelopeTraining = field(default_factory=EnvelopeTraining)
    first_tail: float = 0.9
    first_concavity: float = 0.05
    certificate_size: int = 6

    @classmethod
    def of_signals(cls):
        """For images of one row, whole rather than windows of longer ones.

        24 filters of 17 samples: on piecewise constant signals (64 samples, noise 0.3)
        the mean squared error is 0.0128 after 50 seconds, 16 filters of 9 have 0.0144
        after 16.
        """
        schedule = ImageSchedule(n_steps=2000, batch_size=32, learning_rate=3e-3)
        pairs = BilevelTraining(schedule, reflect=True, margin=0)
        return cls(24, 17, threshold=1.5, pairs=pairs)

    @classmethod
    def steep(cls, n_filters, rank):
        """For values with gradients, and the profiles of norms.

        The last slopes are such that a minimisation from scratch takes 300 steps. Total
        variation is then found from a denoiser's values and outputs in 800 steps of 12
        windows 40 x 40, with R^2 of J 0.99995; where slopes end at 1,000, with 0.9998.
        """
        schedule = ImageSchedule(800, 12, 0.03, 0.04, slopes=(100.0, 3000.0))
        return cls(
            n_filters,
            filter_size=3,
            rank=rank,
            from_corner=n_filters < 4,
            values=EnvelopeTraining(schedule, gradient_weight=8.0),
            first_tail=0.95,
        )

    @classmethod
    def gentle(cls):
        """For values alone, of priors with few small filters."""
        schedule = ImageSchedule(1500, 6, 3e-3, 2e-2)
        values = EnvelopeTraining(schedule)
        return cls(8, filter_size=3, values=values, first_tail=0.95)

    def from_pairs(self, noisy, clean, generator):
        """Learn the prior whose proximal points are nearest to clean images.

        Parameters
        ----------
        noisy, clean : Tensor of shape (n, C, H, W)
            Pairs of images.
        generator : torch.Generator
            Source of all chance, on the CPU.

        Returns
        -------
        prior : ImagePrior
            The prior, its concavity bounded by the power method.
        result : BilevelResult
            The loss curve.
        """
        prior = self._first(noisy, float((noisy - clean).std()))
        result = self.pairs.train(prior, noisy, clean, generator)
        self._make_convex(prior, noisy, generator)
        return prior, result

    def from_values(self, images, values, generator, points=None):
        """Learn the prior that generates the values t S of whole images.

        Parameters
        ----------
        images : Tensor of shape (n, C, H, W)
            The images.
        values : Tensor of shape (n,)
            Values t S.
        generator : torch.Generator
            Source of all chance, on the CPU.
        points : Tensor of shape (n, C, H, W), optional
            Proximal points.

        Returns
        -------
        prior : ImagePrior
            The prior, its concavity bounded by the power method.
        result : EnvelopeResult
            The loss curve.
        """
        # The prior's slope, over the filters: that of the distance moved, or a tenth.
        moved = 0.1 * images.std() if points is None else (images - points).std()
        prior = self._first(
            images,
            float(moved),
            max_slope=self.values.schedule.slopes[0],
            tail=self.first_tail,
            share_of_concavity=self.first_concavity,
        )
        result = self.values.train(prior, images, values, generator, points)
        self._make_convex(prior, images, generator)
        return prior, result

    def _first(self, images, noise, **shares):
        """A prior whose profiles see responses to the noise as such."""
        shape = (images.shape[1], *self.sizes(images))
        noise = noise or 1.0
        threshold = self.threshold * noise / math.prod(shape) ** 0.5
        filters = self._cosines(shape).to(images)
        return ImagePrior(filters, threshold, rank=self.rank, **shares)

    def _cosines(self, shape):
        """First filters, cosines over all of their shape or from its middle."""
        n_filters = min(self.n_filters, math.prod(shape) - 1)
        n_filters -= n_filters % self.rank
        if not self.from_corner:
            return cosine_filters(n_filters, shape)
        halves = [size // 2 for size in shape[1:]]
        corner = shape[0], *(half + 1 for half in halves)
        padding = (halves[1], 0, halves[0], 0)
        return nn.functional.pad(cosine_filters(n_filters, corner), padding)

    def n_weights(self, images):
        """Numbers of all filters, for images of this shape."""
        n_weights = images.shape[1] * math.prod(self.sizes(images))
        return min(self.n_filters, n_weights - 1) * n_weights

    def sizes(self, images):
        """Odd height and width of the filters, no larger than half an image."""
        largest = [max(1, (size // 2 - 1) // 2 * 2 + 1) for size in images.shape[-2:]]
        return [min(self.filter_size, size) for size in largest]

    def _make_convex(self, prior, images, generator):
        with torch.no_grad():
            shape = (
                images.shape[1],
                *(self.certificate_size * size for size in prior.filters.shape[-2:]),
            )
            shape = shape if images.shape[-2] > 1 else (shape[0], 1, shape[2])
            make_convex_(prior, shape, generator)
