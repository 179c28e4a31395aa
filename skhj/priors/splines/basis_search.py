"""The search for the directions of a sum of ridges."""

import numpy as np

from skhj.priors.splines.backfit import Backfit
from skhj.priors.splines.bases import base_curvature, basis_candidates
from skhj.priors.splines.direction_step import gauss_newton_step
from skhj.priors.splines.knots import n_equations, refined, start_profiles

__all__ = ["improve_directions", "search_basis"]

# Pieces of the profiles while the directions are rough, and samples for each number
# that is then fitted.
ROUGH_PIECES, SAMPLES_PER_NUMBER, FEWEST_ROWS = 12, 8, 10_000
ROUGH_SWEEPS, SWEEP_TOL = 6, 0.02
# Numbers for each direction, beside its own, that the samples must be able to tell.
FEWEST_PIECES = 3
# Damping of the steps: at first, at most, and by what it changes.
DAMPING, LARGEST_DAMPING, SMALLEST_DAMPING = 1e-3, 1e2, 1e-8
RAISE, LOWER = 10.0, 5.0
# The search ends when so many steps together leave more than this share of the
# held-out loss.
PATIENCE, PROGRESS, MAX_STEPS = 4, 0.7, 30
# How many of the candidates are tried, for how many steps, and the multiple of the
# least loss that makes one worth a trial.
N_TRIALS, TRIAL_STEPS, CLOSE = 3, 3, 3.0
# Share of the candidates' loss below which a basis is found, and worth all samples,
# and the number of steps with them.
FOUND, LAST_STEPS = 0.3, 4
# Loss, relative to that of zero, at which directions are good enough.
GOAL = 1e-12


def search_basis(samples, held_out, *, lower, rng, hessians=None):
    """Directions of a basis in which the samples' function is nearly additive.

    Parameters
    ----------
    samples, held_out : Samples
        What is fitted, and what decides.
    lower : float
        Smallest curvature of a profile.
    rng : numpy.random.RandomState
        Source of the first guesses.
    hessians : ndarray of shape (k, d, d) or None, default=None
        Hessians of a rough fit.

    Returns
    -------
    RidgeSum
        Directions and profiles, the latter still to be fitted to all samples.
    """
    d = samples.V.shape[1]
    few = samples.take(_some_rows(samples, d, rng))
    if n_equations(samples) < d * (d + FEWEST_PIECES):
        return _start(few, np.eye(d), np.full(d, lower))
    candidates = basis_candidates(samples, rng, hessians)
    candidates["axes"] = np.eye(d)
    bounds = np.full(d, lower)
    starts = [_start(few, directions, bounds) for directions in candidates.values()]
    starts.sort(key=lambda ridges: ridges.loss(held_out))
    least = starts[0].loss(held_out)
    rivals = [s for s in starts[:N_TRIALS] if s.loss(held_out) < CLOSE * least]
    ridges = starts[0]
    if len(rivals) > 1:
        trials = [
            improve_directions(
                few, held_out, rival, lower=bounds, max_steps=TRIAL_STEPS
            )
            for rival in rivals
        ]
        ridges = min(trials, key=lambda ridges: ridges.loss(held_out))
    ridges = improve_directions(few, held_out, ridges, lower=bounds)
    if len(few.V) < len(samples.V) and ridges.loss(held_out) < FOUND * least:
        ridges = improve_directions(
            samples, held_out, ridges, lower=bounds, max_steps=LAST_STEPS
        )
    return ridges


def _start(samples, directions, lower):
    curvature = np.maximum(base_curvature(directions)[0], lower)
    ridges = start_profiles(
        directions, samples, curvature=curvature, most_pieces=ROUGH_PIECES
    )
    return _fitted(samples, ridges, lower)


def _some_rows(samples, d, rng):
    n, n_numbers = len(samples.V), d * (d + ROUGH_PIECES)
    n_rows = max(FEWEST_ROWS, SAMPLES_PER_NUMBER * n_numbers)
    return rng.permutation(n)[:n_rows] if n_rows < n else slice(None)


def _fitted(samples, ridges, lower):
    solver = Backfit(samples, ridges, lower=lower, penalty=0.0)
    return solver.run(ROUGH_SWEEPS, SWEEP_TOL).ridges()


def improve_directions(samples, held_out, ridges, *, lower, max_steps=MAX_STEPS):
    """Gauss-Newton steps on the directions, and finer knots, while the hold-out gains.

    Parameters
    ----------
    samples, held_out : Samples
        What is fitted, and what decides.
    ridges : RidgeSum
        First directions and profiles.
    lower : ndarray of shape (m,)
        Smallest curvature allowed along each direction.
    max_steps : int, default=30
        Largest number of steps.

    Returns
    -------
    RidgeSum
        The best on the hold-out.
    """
    loss, damping = ridges.loss(samples), DAMPING
    best, best_loss = ridges, ridges.loss(held_out)
    history = [best_loss]
    goal = GOAL * held_out.loss(held_out.values, held_out.gradients)
    for _ in range(max_steps):
        trial = gauss_newton_step(samples, ridges, lower=lower, damping=damping)
        trial = _fitted(samples, trial, lower)
        trial_loss = trial.loss(samples)
        if trial_loss >= loss:
            damping *= RAISE
            if damping > LARGEST_DAMPING:
                break
            continue
        damping = max(damping / LOWER, SMALLEST_DAMPING)
        ridges, loss = trial, trial_loss
        finer = refined(ridges, samples)
        if finer is not None:
            finer = _fitted(samples, finer, lower)
            if finer.loss(held_out) < ridges.loss(held_out):
                ridges, loss = finer, finer.loss(samples)
        history.append(ridges.loss(held_out))
        if history[-1] < best_loss:
            best, best_loss = ridges, history[-1]
        if best_loss <= goal:
            break
        if len(history) > PATIENCE and best_loss > PROGRESS * min(history[:-PATIENCE]):
            break
    return best
