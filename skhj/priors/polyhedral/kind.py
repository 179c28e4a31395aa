"""The kind "polyhedral": the prior as the largest of few affine functions."""

from dataclasses import dataclass, field

from skhj.priors.polyhedral.fit import PolyhedralSolver
from skhj.priors.polyhedral.function import PolyhedralFunction, PolyhedralTables
from skhj.priors.prox_kind import ProxKind

__all__ = ["Polyhedral"]


@dataclass(frozen=True)
class Polyhedral(ProxKind):
    """The largest of few affine functions, by Gauss and Newton on its envelope.

    Parameters
    ----------
    most_features, sure : int, float
        See `ProxKind`.
    solver : PolyhedralSolver or None
        Fits it; None once that is done.
    samples_per_feature : int, default=40
        Samples for each feature at least: some ten for each affine function.
    """

    solver: PolyhedralSolver | None = field(default_factory=PolyhedralSolver)
    samples_per_feature: int = 40

    name = "polyhedral"
    function = PolyhedralFunction

    def fewest_samples(self, d):
        """So many for each feature."""
        return self.samples_per_feature * d

    def improved(self, rough, search):
        """The function of the affine functions that are left."""
        pieces, units = self.solver.fit(rough, search.least_error), rough.units
        scales = units.center, units.length, units.intercept, units.time
        return PolyhedralFunction(PolyhedralTables(*scales, *pieces))
