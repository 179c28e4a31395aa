"""Each formula of the max-plus priors, on samples whose constants are known."""

import tracemalloc

import numpy as np
import pytest
from log_cosh import LogCosh

from skhj import hamilton_jacobi as hj
from skhj.max_plus.maximum import ScorePass, maximum
from skhj.max_plus.pieces import (
    pam_pieces,
    pieces_at_time,
    pqm_pieces,
    value_upper_pieces,
)

times = pytest.mark.parametrize("t", [0.5, 1.0, 1.7])
PROBLEM = LogCosh(3)


@pytest.fixture
def Y():
    return np.random.default_rng(1).uniform(-3, 3, size=(500, 3))


@times
def test_pieces_are_the_minorants_of_the_conjugate(t, Y):
    """psi*_k + <x_k, y - p_k> + (alpha / 2) |y - p_k|^2, by hand."""
    X, S, gradient, P = PROBLEM.samples(50, t=t)
    conjugate = hj.conjugate_at_prox(X, P, hj.potential_from_value(X, S, t))
    E = Y[:, None, :] - P
    by_hand = conjugate + (X * E).sum(-1) + PROBLEM.alpha / 2 * (E * E).sum(-1)
    pieces = pqm_pieces(X, S, gradient, t=t, alpha=PROBLEM.alpha)
    J = maximum(pieces, Y)
    np.testing.assert_allclose(
        hj.conjugate_from_prior(Y, J.value, t), by_hand.max(axis=1), atol=1e-12
    )
    assert (J.index == by_hand.argmax(axis=1)).all()


@times
def test_exact_at_every_sample(t):
    X, S, gradient, P = PROBLEM.samples(3000, t=t)
    J = PROBLEM.prior(P, t)
    for alpha in (0, PROBLEM.alpha, np.linspace(0, PROBLEM.alpha, 3000)):
        pieces = pqm_pieces(X, S, gradient, t=t, alpha=alpha)
        np.testing.assert_allclose(maximum(pieces, P).value, J, rtol=0, atol=1e-12)


@times
def test_pam_is_below_pqm_is_below_the_prior(t, Y):
    X, S, gradient, _ = PROBLEM.samples(400, t=t)
    pam = maximum(pam_pieces(X, S, t=t), Y).value
    pqm = maximum(pqm_pieces(X, S, gradient, t=t, alpha=PROBLEM.alpha), Y).value
    assert (pam <= pqm + 1e-12).all()
    assert (pqm <= PROBLEM.prior(Y, t) + 1e-12).all()
    assert (pam < pqm).any()


@times
def test_pam_needs_no_gradients(t, Y):
    X, S, gradient, _ = PROBLEM.samples(400, t=t)
    np.testing.assert_allclose(
        maximum(pam_pieces(X, S, t=t), Y).value,
        maximum(pqm_pieces(X, S, gradient, t=t, alpha=0), Y).value,
        atol=1e-12,
    )


def test_the_prior_grows_with_samples_and_with_alpha(Y):
    X, S, gradient, _ = PROBLEM.samples(400)
    for smaller, larger in [((100, 0.3), (400, 0.3)), ((400, 0.1), (400, 0.2))]:
        low, high = (
            maximum(pqm_pieces(X[:n], S[:n], gradient[:n], t=1.0, alpha=alpha), Y).value
            for n, alpha in (smaller, larger)
        )
        assert (low <= high + 1e-12).all()
        assert (low < high).any()


@times
def test_pqm_is_pam_at_the_later_time(t, Y):
    """PQM(t, alpha) is PAM at t / (1 - alpha), samples carried by characteristics."""
    X, S, gradient, _ = PROBLEM.samples(200, t=t)
    alpha = PROBLEM.alpha
    later = t / (1 - alpha)
    Z = X + (later - t) * gradient
    H = S + (later - t) * hj.half_squared_norm(gradient)
    np.testing.assert_allclose(
        maximum(pqm_pieces(X, S, gradient, t=t, alpha=alpha), Y).value,
        maximum(pam_pieces(Z, H, t=later), Y).value,
        atol=1e-12,
    )


def test_prior_gradient_is_that_of_the_maximum(Y):
    X, S, gradient, _ = PROBLEM.samples(100)
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=np.linspace(0, 0.3, 100))
    best = maximum(pieces, Y)
    slope = pieces.take(best.index).gradient_at(Y)
    step = 1e-6
    differences = [
        (maximum(pieces, Y + e).value - maximum(pieces, Y - e).value) / (2 * step)
        for e in step * np.eye(3)
    ]
    # Rounding eps |J| / step ~ 1e-9; a kink within a step is met by few queries.
    close = np.abs(np.stack(differences, axis=1) - slope).max(axis=1) < 1e-7
    assert close.mean() > 0.99


@times
def test_upper_pieces_are_above_and_touch(t, Y):
    X, S, gradient, P = PROBLEM.samples(400, t=t)
    pieces = pqm_pieces(X, S, gradient, t=t, alpha=PROBLEM.alpha)
    upper = value_upper_pieces(pieces, 0.0, t=t, smoothness=PROBLEM.smoothness)
    assert (-maximum(upper, Y).value >= PROBLEM.prior(Y, t) - 1e-12).all()
    np.testing.assert_allclose(
        -maximum(upper, P).value, PROBLEM.prior(P, t), atol=1e-12
    )
    fresh, S_fresh, *_ = PROBLEM.samples(300, t=t, seed=1)
    bounds = []
    for smoothness in (PROBLEM.smoothness, np.inf):
        upper = value_upper_pieces(pieces, t, t=t, smoothness=smoothness)
        bounds.append(-maximum(upper, fresh).value)
        assert (bounds[-1] >= S_fresh - 1e-12).all()
        np.testing.assert_allclose(-maximum(upper, X).value, S, atol=1e-12)
    assert (bounds[0] <= bounds[1] + 1e-12).all()


@times
def test_pieces_at_time_are_the_moreau_envelopes_of_each(t):
    """min over y of piece + |x - y|^2 / (2 s) is quadratic: solved by its gradient."""
    X, S, gradient, _ = PROBLEM.samples(20, t=t)
    s = 0.6 * t
    pieces = pqm_pieces(X, S, gradient, t=t, alpha=np.linspace(0.1, 0.9, 20))
    Q = np.random.default_rng(0).uniform(-3, 3, size=(20, 3))
    # s grad piece(y) + y - x = 0
    hessian = (1 - s * pieces.beta)[:, None]
    y = (Q - s * pieces.slopes - s * pieces.beta[:, None] * pieces.points) / hessian
    attained = pieces.at(y) + hj.half_squared_norm(Q - y) / s
    np.testing.assert_allclose(pieces_at_time(pieces, s).at(Q), attained, atol=1e-11)


def test_blocks_do_not_change_the_maximum(Y):
    X, S, gradient, _ = PROBLEM.samples(2500)
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=0.3)
    whole = pieces.at(Y[:, None, :]).argmax(axis=1)
    for block in (7, 1024):
        index, scores = ScorePass(block=block).block_maxima(pieces, Y)
        best = np.take_along_axis(index, scores.argmax(axis=1)[:, None], 1)[:, 0]
        assert (best == whole).all()
    assert (maximum(pieces, Y).index == whole).all()


def test_float32_screening_loses_only_its_rounding_of_the_scores(Y):
    X, S, gradient, _ = PROBLEM.samples(2500)
    pieces = pqm_pieces(X, S, gradient, t=1.0, alpha=0.3)
    single = Y.astype(np.float32).astype(np.float64)
    exact = maximum(pieces, single).value
    screened = maximum(pieces, single, dtype=np.float32).value
    assert (screened <= exact + 1e-12).all()
    # Scores of size 20, five terms of float32's 6e-8 each.
    np.testing.assert_allclose(screened, exact, rtol=0, atol=1e-5)


def test_workspace_does_not_grow_with_the_pieces():
    rng = np.random.default_rng(0)
    peaks = []
    for n in (20_000, 80_000):
        X, gradient = rng.standard_normal((2, n, 16))
        pieces = pqm_pieces(X, rng.standard_normal(n), gradient, t=1.0, alpha=0.3)
        queries = rng.standard_normal((512, 16))
        tracemalloc.start()
        maximum(pieces, queries)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 8 * 2**20
    assert peaks[1] < 1.2 * peaks[0]
