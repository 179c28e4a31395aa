"""The kind "quadratic": of few samples a mean, a plane or a quadratic says most."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from skhj.numerics.least_squares_quadratic import (
    QuadraticFit,
    fit_affine,
    fit_quadratic,
)
from skhj.priors.candidate import Candidate
from skhj.priors.convex.architecture import Architecture
from skhj.priors.convex.semiconvex import SemiconvexNetwork
from skhj.priors.convex.standardisation import standardise
from skhj.priors.kind import Kind
from skhj.priors.value_model import ValueModel

__all__ = ["ORDERS", "Quadratic", "fit_order"]

ORDERS = ("mean", "affine", "quadratic")


class NoCore(nn.Module):
    """The function zero."""

    def forward(self, u):
        """Zeros of shape (n,)."""
        return 0 * u.sum(1)


class QuadraticArchitecture(Architecture):
    """A semiconvex function that is its quadratic alone."""

    name = "quadratic"

    def core(self, n_features, seed):
        """Zero."""
        return NoCore()


@dataclass(frozen=True)
class Quadratic(Kind):
    """A value function that is constant, affine or quadratic.

    Parameters
    ----------
    order : {"mean", "affine", "quadratic"}, default="quadratic"
        Which.
    """

    order: str = "quadratic"

    name = "quadratic"

    @property
    def label(self):
        """The name, with the order where that is less."""
        return self.name if self.order == self.name else f"{self.name} ({self.order})"

    def fit(self, search):
        """Fit the function to all samples but those held out."""
        samples = search.samples.take(search.samples.seen).negated()
        fit = fit_order(self.order, samples.X, samples.values, samples.t)
        model = ValueModel(_network(fit, samples), samples.t)
        return Candidate(self, model, np.zeros(1), np.empty(0), ())

    def load(self, arrays, prior_arrays, *, t, method):
        """The function alone: its conjugate is found by one step of Newton's method."""
        return ValueModel(QuadraticArchitecture().load(arrays), t, None, method)


def fit_order(order, X, w, t, *, strong_convexity=1e-4):
    """Fit a function w with |x|^2 / 2 + t w(x) convex by least squares.

    Parameters
    ----------
    order : {"mean", "affine", "quadratic"}
        What it is.
    X : ndarray of shape (n, d)
        Points.
    w : ndarray of shape (n,)
        Values.
    t : float
        Time.
    strong_convexity : float, default=1e-4
        Share of the curvature of |x|^2 / 2 that is left at least.

    Returns
    -------
    QuadraticFit
        The function of x.
    """
    d = X.shape[1]
    if order == "mean":
        return QuadraticFit(float(w.mean()), np.zeros(d), np.zeros((d, d)))
    center = X.mean(axis=0)
    length = float(np.sqrt(((X - center) ** 2).mean())) or 1.0
    U = (X - center) / length
    if order == "affine":
        fit = QuadraticFit(*fit_affine(U, w), np.zeros((d, d)))
    else:
        floor = -(1 - strong_convexity) * length**2 / t
        fit = fit_quadratic(U, w, curvature_floor=floor)
    hessian = fit.hessian / length**2
    slope = fit.slope / length - hessian @ center
    intercept = fit(-center[None] / length)[0]
    return QuadraticFit(float(intercept), slope, hessian)


def _network(fit, samples):
    """The quadratic in the form that other functions have."""
    center = samples.X.mean(axis=0)
    gradient = fit.slope + fit.hessian @ center
    units = standardise(samples.X, samples.values, samples.t)
    d = len(center)
    # All of it outside f, but for curvature: whatever f has must be convex.
    lowest = min(float(np.linalg.eigvalsh(fit.hessian)[0]), 0.0)
    units = units._replace(
        whitening=np.eye(d),
        intercept=float(fit(center[None])[0]),
        slope=units.length * gradient,
        curvature=units.length**2 * lowest,
        scale=1.0,
    )
    hessian = units.length**2 * (fit.hessian - lowest * np.eye(d))
    network = SemiconvexNetwork(NoCore(), units).double()
    network.set_quadratic_(QuadraticFit(0.0, np.zeros(d), hessian))
    network.core_weight.zero_()
    return network.requires_grad_(False).eval()
