"""Image priors that someone wrote down: few small filters, tried where values tell."""

import math
from dataclasses import dataclass

from torch import nn

from skhj.priors.images.from_values import EnvelopeTraining
from skhj.priors.images.kind import Images
from skhj.priors.images.prior import cosine_filters

__all__ = ["FewFilters"]


@dataclass(frozen=True)
class FewFilters(Images):
    """The kind "images" with few small filters, and profiles that level off.

    Parameters
    ----------
    with_gradients : bool, default=True
        Whether it is for values with gradients, or for values alone. With gradients
        nothing is minimised in training, and slopes may be steep.
    """

    n_filters: int = 2
    side: int = 3
    share_of_concavity: float = 0.05
    tail: float = 0.95
    with_gradients: bool = True

    @classmethod
    def steep(cls, image_shape, n_filters, rank):
        """The kind for values with gradients, and the profiles of norms.

        The last slopes are such that a minimisation from scratch takes 300 steps. Total
        variation is then found from a denoiser's values and outputs in 600 steps of 12
        windows 40 x 40, with R^2 of J 0.99995; where slopes end at 1,000, with 0.9998.
        """
        return cls(
            image_shape,
            n_filters,
            rank=rank,
            steps=8,
            step_pixels=19200,
            filter_rate=1.5,
            profile_rate=2.0,
            slopes=(100.0, 3000.0),
            values=EnvelopeTraining(gradient_weight=8.0),
        )

    @classmethod
    def gentle(cls, image_shape):
        """The kind for values alone."""
        return cls(image_shape, n_filters=8, steps=15, with_gradients=False)

    @property
    def label(self):
        """Its name, with what it starts from."""
        filters = "filter" if self.n_filters == 1 else "filters"
        return f"{self.name}, {self.n_filters} {filters} of rank {self.rank}"

    def may_gain(self, search):
        """Whether it is for such samples, and those before leave more than enough."""
        samples = search.samples
        if samples.values is None:
            return False
        with_gradients = samples.gradients is not None
        return with_gradients == self.with_gradients and super().may_gain(search)

    def _filters(self):
        """Cosines; where they are few, of a pixel and those that follow it."""
        channels, *sizes = self.filter_shape
        after = channels, *(size // 2 + 1 for size in sizes)
        if self.n_filters >= math.prod(after):
            return super()._filters()
        rows, columns = (size // 2 for size in sizes)
        filters = cosine_filters(self.n_filters, after)
        return nn.functional.pad(filters, (columns, 0, rows, 0))
