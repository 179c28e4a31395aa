"""The kinds of models there are, by the name that an estimator calls them."""

from dataclasses import replace

from skhj.priors.convex.kind import ConvexNetwork
from skhj.priors.envelope.kind import Envelope
from skhj.priors.images.few_filters import FewFilters
from skhj.priors.images.kind import Images
from skhj.priors.min_plus.kind import MinPlus
from skhj.priors.polyhedral.kind import Polyhedral
from skhj.priors.sorted.kind import Sorted
from skhj.priors.splines.basis_search import BasisSearch
from skhj.priors.splines.fit import SplineSolver
from skhj.priors.splines.kind import Splines

__all__ = ["NAMES", "kinds_of"]

NAMES = (
    "auto",
    "ridge",
    "min-plus",
    "polyhedral",
    "sorted",
    "envelope",
    "icnn",
    "images",
)


def kinds_of(network, architecture, image_shape=None):
    """Kinds to try, in order, for an estimator's parameter ``network``.

    Parameters
    ----------
    network : str or type
        One of ``NAMES``, or a module's class.
    architecture : Architecture
        Of convex networks.
    image_shape : tuple of int or None, default=None
        Channels, height and width of points that are images.

    Returns
    -------
    tuple of Kind
        The kinds.
    """
    if image_shape is not None:
        is_signal = image_shape[1] == 1
        few = ((1, 1), (2, 1)) if is_signal else ((2, 2), (8, 1), (8, 2))
        steep = (FewFilters.steep(image_shape, *n_and_rank) for n_and_rank in few)
        return *steep, FewFilters.gentle(image_shape), Images.of_shape(image_shape)
    convex = ConvexNetwork(architecture)
    searching = SplineSolver(basis=BasisSearch())
    axes, basis = Splines("axes"), Splines("basis", searching)
    # A search for a basis takes long beside a few quadratics that are all but exact.
    wells = MinPlus(sure=1e-3)
    exact = MinPlus(), Polyhedral(), Sorted()
    kinds = {
        "auto": (axes, wells, basis, *exact, Envelope(), convex),
        "ridge": (axes, basis),
        "envelope": (Envelope(), replace(convex, is_rough=True)),
        **{kind.name: (kind,) for kind in exact},
    }
    return kinds.get(network, (convex,))
