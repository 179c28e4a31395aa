"""Build convex modules by name or by class."""

import threading

import torch

from skhj.priors.convex.icnn import ICNN
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.envelope.norm_units import NormUnits
from skhj.priors.splines.network import SplineNetwork

__all__ = ["load_network", "make_core"]

GLOBAL_GENERATOR = threading.Lock()


def make_core(network, n_features, *, seed, **architecture):
    """Build a convex module with reproducible weights in single precision.

    Parameters
    ----------
    network : {"icnn", "norms"} or nn.Module class
        What to build. A class is called with ``n_features`` alone.
    n_features : int
        Dimension d.
    seed : int
        Seed of the initial weights.
    **architecture : dict
        Passed to `ICNN` or `NormUnits`.

    Returns
    -------
    nn.Module
        The module.

    Raises
    ------
    ValueError
        If a module built from a class does not map (n, d) to (n,) or (n, 1).
    """
    if isinstance(network, str):
        generator = torch.Generator().manual_seed(seed)
        kind = {"icnn": ICNN, "norms": NormUnits}[network]
        return kind(n_features, generator=generator, **architecture).float()
    # A user's class knows no generator: lend it the global one, to one fit at a time,
    # and give that back.
    with GLOBAL_GENERATOR, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        core = network(n_features).float()
    with torch.no_grad():
        points = torch.zeros(3, n_features, dtype=torch.float32)
        shape = tuple(core(points).shape)
    if shape not in {(3,), (3, 1)}:
        raise ValueError(
            f"network must map a tensor of shape (n, {n_features}) to one of shape "
            f"(n,) or (n, 1), but {network.__name__} maps (3, {n_features}) to {shape}"
        )
    return core


def load_network(arrays, architecture):
    """Rebuild a semiconvex function from its weights.

    Parameters
    ----------
    arrays : dict of str to ndarray
        What its ``to_arrays`` gave.
    architecture : dict
        Of its core, as for `make_core`; a function without one has no use for it.

    Returns
    -------
    SemiconvexNetwork or SplineNetwork
        The function, in double precision, on the CPU.
    """
    if "knots" in arrays:
        return SplineNetwork.from_arrays(arrays)
    core = make_core(n_features=len(arrays["slope"]), seed=0, **architecture)
    return SemiconvexNetwork.from_arrays(core, arrays)
