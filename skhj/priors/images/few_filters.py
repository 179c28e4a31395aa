"""Image priors that someone wrote down: few small filters, tried where values tell."""

from dataclasses import dataclass

from skhj.priors.images.fit import ImageFit
from skhj.priors.images.kind import Images

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

    with_gradients: bool = True

    @classmethod
    def steep(cls, image_shape, n_filters, rank):
        """The kind for values with gradients, and the profiles of norms."""
        return cls(image_shape, ImageFit.steep(n_filters, rank))

    @classmethod
    def gentle(cls, image_shape):
        """The kind for values alone."""
        return cls(image_shape, ImageFit.gentle(), with_gradients=False)

    @property
    def label(self):
        """Its name, with what it starts from."""
        n_filters, rank = self.solver.n_filters, self.solver.rank
        filters = "filter" if n_filters == 1 else "filters"
        return f"{self.name}, {n_filters} {filters} of rank {rank}"

    def may_gain(self, search):
        """Whether it is for such samples, and those before leave more than enough."""
        samples = search.samples
        if samples.values is None:
            return False
        with_gradients = samples.gradients is not None
        return with_gradients == self.with_gradients and super().may_gain(search)
