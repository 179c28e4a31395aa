"""Arrays in any layout: answers are those to contiguous copies."""

import tempfile

import numpy as np
import pytest

from skhj import (
    EmbeddedInverseSolver,
    HJPriorRegressor,
    PQMPrior,
    PriorInverseSolver,
    check_reachable,
)
from skhj.problems import L1

A = np.random.default_rng(0).normal(size=(4, 3))
T = 0.5
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skhj.exceptions.ExtrapolationWarning"),
]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def memory_mapped(X):
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, dtype=X.dtype, shape=X.shape)
    mapped[:] = X
    return mapped


# Each takes an array of whole numbers to another of the same numbers.
LAYOUTS = {
    "Fortran": np.asfortranarray,
    "reversed": lambda X: X[::-1].copy()[::-1],
    "columns reversed": lambda X: X[..., ::-1].copy()[..., ::-1],
    "every second": lambda X: np.repeat(X, 2, axis=0)[::2],
    "read-only": read_only,
    "memory map": memory_mapped,
    "big-endian": lambda X: X.astype(">f8"),
    "integers": lambda X: X.astype(np.int64),
    "small integers": lambda X: X.astype(np.int16),
    "single": lambda X: X.astype(np.float32),
    "nested lists": lambda X: X.tolist(),
}


def whole(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, size=shape).astype(float)


def models():
    return whole(60, 3)


def answers_of_prior(est, layout):
    X, Q = models(), models()[:5]
    S, G = np.round(L1().value(X, T)), np.sign(X)
    est.fit(layout(X), layout(S), gradient=layout(G))
    points = layout(Q)
    answers = [est.predict(points), est.prox(points), est.prior(points)]
    answers += [est.prior_gradient(points), est.potential(points)]
    answers += [est.conjugate(points), est.evolve(points, 0.2)]
    return [*answers, est.prox(layout(Q[:1])), est.prior(layout(Q[:1]))]


def answers_of_solver(est, layout):
    X = models()
    B = np.round(10 * X @ A.T)
    est.fit(layout(B), layout(X))
    data = layout(B[:5])
    answers = [est.predict(data), est.residual(data), est.predict(layout(B[:1]))]
    if hasattr(est, "objective"):
        return [*answers, est.objective(data, layout(X[:5]))]
    return [*answers, est.linear_estimate(data), est.trajectory(data)]


ESTIMATORS = {
    "ridge": (answers_of_prior, lambda: HJPriorRegressor(T, network="ridge")),
    "icnn": (answers_of_prior, lambda: HJPriorRegressor(T, network="icnn", max_iter=2)),
    "PQM": (answers_of_prior, lambda: PQMPrior(T, on_inconsistent="project")),
    "embedded": (
        answers_of_solver,
        lambda: EmbeddedInverseSolver(10 * A, max_iter=1, n_layers=2),
    ),
    "by a prior": (
        answers_of_solver,
        lambda: PriorInverseSolver(10 * A, L1(), strength=1.0),
    ),
}


@pytest.fixture(scope="module", params=ESTIMATORS)
def case(request):
    """What asks an estimator for everything, what makes it, and plain answers."""
    ask, make = ESTIMATORS[request.param]

    def seeded():
        est = make()
        return est.set_params(random_state=0)

    return ask, seeded, ask(seeded(), np.ascontiguousarray)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_answers_do_not_depend_on_the_layout(case, layout):
    ask, make, expected = case
    # The rounding of answers in single precision, relative to the largest.
    tolerance = 1e-3 if layout == "single" else 1e-9
    for answer, plain in zip(ask(make(), LAYOUTS[layout]), expected, strict=True):
        bound = tolerance * max(1, np.abs(plain).max())
        np.testing.assert_allclose(answer, plain, rtol=0, atol=bound)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_reachability_does_not_depend_on_the_layout(layout):
    X = models()
    S, G = L1().value(X, T).round(), np.sign(X)
    arrays = (LAYOUTS[layout](part) for part in (X, S, G))
    expected = check_reachable(X, S, G, t=T)
    result = check_reachable(*arrays, t=T)
    assert result.reachable == expected.reachable
    assert result.worst_violation == pytest.approx(expected.worst_violation, abs=1e-4)


@pytest.mark.parametrize("make", [LAYOUTS["Fortran"], lambda X: X])
def test_truth_values_and_rows_without_strides_are_numbers(make):
    """Booleans are fitted as 0 and 1, and one row seen many times as its copies."""
    B = make(whole(40, 4) > 0)
    X = make(whole(40, 3, seed=1) > 0)
    solver = PriorInverseSolver(A, L1(), strength=0.1).fit(B, X)
    np.testing.assert_allclose(
        solver.predict(B), solver.predict(B.astype(float)), atol=1e-9
    )
    row = np.broadcast_to(whole(1, 4), (7, 4))
    np.testing.assert_allclose(solver.predict(row), solver.predict(row.copy()))
