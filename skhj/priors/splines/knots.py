"""Knots and roughness penalty of a sum of ridges, chosen on a hold-out."""

from typing import NamedTuple

import numpy as np

from skhj.priors.splines.backfit import Backfit, RidgeSum
from skhj.priors.splines.spline import constant_spline, quantile_knots, split

__all__ = ["ProfileFit", "fit_profiles", "n_equations", "refined", "start_profiles"]

# Pieces of each profile at the start: as many as there are samples for, within limits.
SAMPLES_PER_PIECE, FEWEST, MOST = 6, 2, 40
# A piece is divided where the curvature's change across it matters at least this share
# of the largest, and enough samples see it.
MATTERS, SAMPLES_TO_DIVIDE = 0.1, 8
# Coefficients in all, as a share of the numbers fitted, and pieces of a profile.
LARGEST_SHARE, MOST_REFINED = 0.5, 256
# Held-out loss, relative to the best, that is worth another refinement. Noise of the
# held-out values is part of it, so that small gains count.
GAIN = 0.999
# Held-out loss, relative to the best, at which heavier penalties are not tried.
WORSE = 1.05
PENALTIES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
# Mean squared values relative to the samples' that are rounding.
ROUNDING = 1e-28
MAX_ROUNDS, MAX_SWEEPS, SWEEP_TOL = 16, 20, 0.02


class ProfileFit(NamedTuple):
    """Profiles that did best on the hold-out.

    Attributes
    ----------
    ridges : RidgeSum
        The function.
    penalty : float
        Weight of the roughness.
    held_out_loss : float
        Loss on the hold-out.
    """

    ridges: RidgeSum
    penalty: float
    held_out_loss: float


def start_profiles(directions, samples, *, curvature=0.0, most_pieces=MOST):
    """Quadratic profiles along directions, with knots at quantiles of the points.

    Parameters
    ----------
    directions : ndarray of shape (m, d)
        Directions.
    samples : Samples
        What they will be fitted to.
    curvature : float or ndarray of shape (m,), default=0.0
        Their curvatures, kept where the samples say nothing.
    most_pieces : int, default=40
        Largest number of pieces of a profile.

    Returns
    -------
    RidgeSum
        The profiles.
    """
    n_pieces = n_equations(samples) // (SAMPLES_PER_PIECE * len(directions))
    n_pieces = int(np.clip(n_pieces, FEWEST, most_pieces))
    splines = (
        constant_spline(quantile_knots(samples.V @ direction, n_pieces), k)
        for direction, k in zip(
            directions, np.broadcast_to(curvature, len(directions)), strict=True
        )
    )
    return RidgeSum(directions, tuple(splines))


def fit_profiles(
    samples, held_out, ridges, *, lower, penalty=0.0, max_rounds=MAX_ROUNDS
):
    """Fit profiles; refine their knots and penalise them while the hold-out gains.

    Parameters
    ----------
    samples, held_out : Samples
        What to fit, and what decides.
    ridges : RidgeSum
        Directions, first knots and coefficients.
    lower : ndarray of shape (m,)
        Smallest curvature allowed along each direction.
    penalty : float, default=0.0
        Weight of the roughness to begin with.
    max_rounds : int, default=16
        Largest number of refinements.

    Returns
    -------
    ProfileFit
        The best.
    """

    def fit(ridges, penalty):
        solver = Backfit(samples, ridges, lower=lower, penalty=penalty)
        ridges = solver.run(MAX_SWEEPS, SWEEP_TOL).ridges()
        return ProfileFit(ridges, penalty, ridges.loss(held_out))

    best, zero = (
        fit(ridges, penalty),
        held_out.loss(held_out.values, held_out.gradients),
    )

    def refine(best):
        for _ in range(max_rounds):
            finer = refined(best.ridges, samples)
            if finer is None or best.held_out_loss <= ROUNDING * zero:
                break
            trial = fit(finer, best.penalty)
            if trial.held_out_loss > GAIN * best.held_out_loss:
                break
            best = trial
        return best

    def penalise(best):
        for heavier in PENALTIES:
            trial = fit(best.ridges, heavier)
            if trial.held_out_loss < best.held_out_loss:
                best = trial
            elif trial.held_out_loss > WORSE * best.held_out_loss:
                break
        return best

    best = refine(best)
    if best.held_out_loss > ROUNDING * zero:
        penalised = penalise(best)
        if penalised is not best:
            best = refine(penalised)
    return best


def n_equations(samples):
    """Count the numbers that are fitted; a gradient is one for each feature.

    Parameters
    ----------
    samples : Samples
        What is fitted.

    Returns
    -------
    int
        Their number.
    """
    n, d = samples.V.shape
    return n * ((samples.values is not None) + d * (samples.gradients is not None))


def refined(ridges, samples):
    """Give a function more knots where its curvature changes.

    Parameters
    ----------
    ridges : RidgeSum
        The function.
    samples : Samples
        What it is fitted to.

    Returns
    -------
    RidgeSum or None
        The same function with more coefficients; None where they are enough.
    """
    effects, spans, counts = [], [], []
    for direction, spline in zip(ridges.directions, ridges.splines, strict=True):
        z = samples.V @ direction
        spans.append((z.min(), z.max()))
        count = np.bincount(
            np.searchsorted(spline.knots, z), minlength=len(spline.knots) + 1
        )
        width = np.diff(np.r_[spans[-1][0], spline.knots, spans[-1][1]])
        change = np.abs(np.diff(spline.curvature))
        change = np.maximum(np.r_[0, change], np.r_[change, 0])
        effects.append(np.sqrt(count) * width**2 * change)
        counts.append(count)
    largest = max(effect.max() for effect in effects)
    wanted = [
        (effect > MATTERS * largest)
        & (count >= SAMPLES_TO_DIVIDE)
        & (len(count) <= MOST_REFINED)
        for effect, count in zip(effects, counts, strict=True)
    ]
    n_coefficients = sum(len(effect) + 2 for effect in effects)
    n_more = sum(w.sum() for w in wanted)
    if not n_more or n_coefficients + n_more > LARGEST_SHARE * n_equations(samples):
        return None
    splines = (
        split(spline, span, w)
        for spline, span, w in zip(ridges.splines, spans, wanted, strict=True)
    )
    return RidgeSum(ridges.directions, tuple(splines))
