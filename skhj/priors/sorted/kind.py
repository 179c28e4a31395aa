"""The kind "sorted": the prior as weighted singular values, the largest first."""

from dataclasses import dataclass, field

from skhj.priors.prox_kind import ProxKind
from skhj.priors.sorted.fit import SortedSolver
from skhj.priors.sorted.function import SortedFunction

__all__ = ["Sorted"]


@dataclass(frozen=True)
class Sorted(ProxKind):
    """Weighted singular values in a basis, by Gauss and Newton on their envelope.

    Parameters
    ----------
    most_features, sure : int, float
        See `ProxKind`.
    solver : SortedSolver or None
        Fits it; None once that is done.
    samples_per_weight : int, default=5
        Samples for each squared feature at least; a rotation has half as many numbers.
    """

    solver: SortedSolver | None = field(default_factory=SortedSolver)
    samples_per_weight: int = 5

    name = "sorted"
    function = SortedFunction

    def fewest_samples(self, d):
        """So many for each squared feature."""
        return self.samples_per_weight * d**2

    def improved(self, rough, search):
        """The function of the improved norm."""
        return SortedFunction.of(self.solver.fit(rough), rough.units)
