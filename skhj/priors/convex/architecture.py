"""How convex modules are built, and semiconvex functions rebuilt from their weights."""

import threading
from dataclasses import dataclass, field

import torch

from skhj.numerics.threads import alone
from skhj.priors.convex.icnn import ICNN
from skhj.priors.convex.semiconvex import SemiconvexNetwork

__all__ = ["Architecture", "ICNNArchitecture", "UserArchitecture"]

_GLOBAL_GENERATOR = threading.Lock()


class Architecture:
    """Base of the recipes of convex modules; a subclass has ``name`` and ``core``."""

    # Whether modules may turn out not to be convex.
    may_err = False

    def core(self, n_features, seed):
        """Convex module that maps (n, d) to (n,), in single precision."""
        raise NotImplementedError

    def load(self, arrays):
        """Function whose ``to_arrays`` gave these, in double precision, on the CPU."""
        core = self.core(len(arrays["slope"]), seed=0)
        return SemiconvexNetwork.from_arrays(core, arrays)


@dataclass(frozen=True)
class ICNNArchitecture(Architecture):
    """Recipe of an `ICNN`; its parameters are described there."""

    hidden_layer_sizes: tuple[int, ...] = (96, 96)
    wide_units: int = 256
    softplus_beta: float = 5.0

    name = "icnn"

    def core(self, n_features, seed):
        """Network with reproducible weights."""
        return ICNN(
            n_features,
            self.hidden_layer_sizes,
            wide_units=self.wide_units,
            softplus_beta=self.softplus_beta,
            generator=torch.Generator().manual_seed(seed),
        )


@dataclass(frozen=True)
class UserArchitecture(Architecture):
    """Recipe of a module of the user's own.

    Parameters
    ----------
    module : type
        A class that is called with the number of features.
    params : dict, default={}
        And with these keyword arguments.
    """

    module: type
    params: dict = field(default_factory=dict)

    may_err = True

    @property
    def name(self):
        """That of the class."""
        return self.module.__name__

    def core(self, n_features, seed):
        """Module with reproducible weights, or an error if it is no function."""
        core = alone(_GLOBAL_GENERATOR, self._seeded, n_features, seed)
        with torch.no_grad():
            points = torch.zeros(3, n_features, dtype=torch.float32)
            shape = tuple(core(points).shape)
        if shape not in {(3,), (3, 1)}:
            raise ValueError(
                f"network must map a tensor of shape (n, {n_features}) to one of shape "
                f"(n,) or (n, 1), but {self.module.__name__} maps (3, {n_features}) to "
                f"{shape}"
            )
        return core

    def _seeded(self, n_features, seed):
        # A user's class knows no generator: lend it the global one, to one fit at a
        # time, and give that back, even where an interrupt ends the first attempt.
        before = torch.get_rng_state()
        try:
            try:
                torch.default_generator.manual_seed(seed)
                return self.module(n_features, **self.params).float()
            finally:
                torch.set_rng_state(before)
        finally:
            torch.set_rng_state(before)
