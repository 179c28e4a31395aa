"""Image priors from samples: the first weights, their training, the convexity proof."""

import math
from dataclasses import dataclass, field, replace

import torch

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
        Height and width of a filter. 64 filters 9 x 9 were 0.25 dB behind after three
        minutes of training.
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
    threshold: float = 2.5
    pairs: BilevelTraining = field(default_factory=BilevelTraining)
    values: EnvelopeTraining = field(default_factory=EnvelopeTraining)
    first_tail: float = 0.9
    first_concavity: float = 0.05
    certificate_size: int = 6

    @classmethod
    def of_signals(cls, **options):
        """For images of one row, whole rather than windows of longer ones.

        24 filters of 17 samples: on piecewise constant signals (64 samples, noise 0.3)
        the mean squared error is 0.0128 after 50 seconds, 16 filters of 9 have 0.0144
        after 16.
        """
        schedule = ImageSchedule(n_steps=2000, batch_size=32, learning_rate=3e-3)
        pairs = BilevelTraining(schedule, reflect=True, margin=0)
        return replace(cls(24, 17, 1.5, pairs), **options)

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
            The prior, convexity proven.
        result : BilevelResult
            The loss curve.
        """
        prior = self._first(noisy, float((noisy - clean).std()))
        result = self.pairs.train(prior, noisy, clean, generator)
        self._prove(prior, noisy, generator)
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
            The prior, convexity proven.
        result : EnvelopeResult
            The loss curve.
        """
        # The prior's slope, over the filters: that of the distance moved, or a tenth.
        moved = 0.1 * images.std() if points is None else (images - points).std()
        prior = self._first(
            images,
            float(moved),
            tail=self.first_tail,
            share_of_concavity=self.first_concavity,
        )
        result = self.values.train(prior, images, values, generator, points)
        self._prove(prior, images, generator)
        return prior, result

    def _first(self, images, noise, **shares):
        """A prior whose profiles see responses to the noise as such."""
        shape = (images.shape[1], *self.sizes(images))
        n_weights = math.prod(shape)
        filters = cosine_filters(min(self.n_filters, n_weights - 1), shape).to(images)
        noise = noise or 1.0
        return ImagePrior(filters, self.threshold * noise / n_weights**0.5, **shares)

    def n_weights(self, images):
        """Numbers of all filters, for images of this shape."""
        n_weights = images.shape[1] * math.prod(self.sizes(images))
        return min(self.n_filters, n_weights - 1) * n_weights

    def sizes(self, images):
        """Odd height and width of the filters, no larger than half an image."""
        largest = [max(1, (size // 2 - 1) // 2 * 2 + 1) for size in images.shape[-2:]]
        return [min(self.filter_size, size) for size in largest]

    def _prove(self, prior, images, generator):
        with torch.no_grad():
            shape = (
                images.shape[1],
                *(self.certificate_size * size for size in prior.filters.shape[-2:]),
            )
            shape = shape if images.shape[-2] > 1 else (shape[0], 1, shape[2])
            make_convex_(prior, shape, generator)
