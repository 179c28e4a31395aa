"""Each exact problem against brute force, and against the identities of the theory."""

import numpy as np
import pytest

from skhj import hamilton_jacobi as hj
from skhj.problems import (
    L1,
    ConcaveQuadratic,
    MinPlus,
    NegativeL1,
    NuclearNorm,
    SortedL1,
)

PROBLEMS_1D = {
    "l1": L1(),
    "negative_l1": NegativeL1(),
    "concave": ConcaveQuadratic(0.5),
    "convex_limit": ConcaveQuadratic(0.0),
    "min_plus": MinPlus([[1.0], [-1.0]]),
    "min_plus_unequal": MinPlus([[1.0], [-1.5], [0.2]], [0.3, 2.0, 1.0]),
    "min_plus_heights": MinPlus(
        [[1.0], [-1.5], [0.2]],
        covariances=[[[0.3]], [[2.0]], [[1.0]]],
        heights=[0.1, 0.0, -0.2],
    ),
}
ROOTS = np.random.default_rng(0).normal(size=(4, 3, 3))
PROBLEMS_3D = {
    "l1": L1(),
    "negative_l1": NegativeL1(),
    "concave": ConcaveQuadratic(0.5),
    "min_plus": MinPlus(np.eye(3)[:2], 1.0),
    "min_plus_unequal": MinPlus(
        [[1.0, 0, 0], [0, -1.5, 0.3], [0.2, 0.5, 2], [-1, -1, -1], [0, 0, 0]],
        [0.3, 2.0, 1.0, 0.5, 1.2],
    ),
    "min_plus_full": MinPlus(
        [[1.0, 0, 0], [0, -1.5, 0.3], [0.2, 0.5, 2], [-1, -1, -1]],
        covariances=ROOTS @ ROOTS.transpose(0, 2, 1) + 0.1 * np.eye(3),
        heights=[0.1, 0.0, -0.2, 0.3],
    ),
    "sorted_l1": SortedL1([1.5, 1.0, 0.2]),
    "nuclear_norm": NuclearNorm((3, 1)),
}
TIMES = [0.5, 1.0, 1.7]
problems_1d = pytest.mark.parametrize("problem", PROBLEMS_1D.values(), ids=PROBLEMS_1D)
problems_3d = pytest.mark.parametrize("problem", PROBLEMS_3D.values(), ids=PROBLEMS_3D)
times = pytest.mark.parametrize("t", TIMES)


@pytest.fixture
def X():
    return np.random.default_rng(0).uniform(-4, 4, size=(300, 3))


def grid_minimum(objective, x):
    """Minimum over y of objective(x, y), by a grid of 1e-2 refined to 1e-5."""
    coarse = np.arange(-30, 30, 1e-2)
    best = coarse[objective(x, coarse).argmin(axis=1), None]
    return objective(x, best + np.arange(-1e-2, 1e-2, 1e-5)).min(axis=1)


@problems_1d
@times
def test_value_is_the_brute_force_minimum(problem, t):
    x = np.linspace(-3, 3, 61)[:, None]

    def objective(x, y):
        return problem.prior(y.reshape(-1, 1)).reshape(y.shape) + (x - y) ** 2 / (2 * t)

    # A kink of slope below 10 is missed by at most 10 * 1e-5 / 2.
    np.testing.assert_allclose(
        problem.value(x, t), grid_minimum(objective, x), rtol=0, atol=5e-5
    )


@problems_1d
@times
def test_backward_prior_is_the_brute_force_supremum(problem, t):
    y = np.linspace(-2, 2, 41)[:, None]

    def objective(y, x):
        S = problem.value(x.reshape(-1, 1), t).reshape(x.shape)
        return (x - y) ** 2 / (2 * t) - S

    np.testing.assert_allclose(  # tolerance as above
        problem.backward_prior(y, t), -grid_minimum(objective, y), rtol=0, atol=5e-5
    )


@problems_3d
@times
def test_gradient_of_the_value_gives_the_prox(problem, t, X):
    step = 1e-6
    gradient = np.stack(
        [
            (problem.value(X + e, t) - problem.value(X - e, t)) / (2 * step)
            for e in step * np.eye(3)
        ],
        axis=1,
    )
    P = problem.prox(X, t)
    # Central differences: rounding eps |S| / step ~ 1e-9, no kink within a step.
    np.testing.assert_allclose(
        hj.prox_from_gradient(X, gradient, t), P, rtol=0, atol=1e-7
    )
    np.testing.assert_allclose(
        hj.value_gradient_from_prox(X, P, t), gradient, rtol=0, atol=1e-7
    )


@problems_3d
@times
def test_prox_attains_the_value(problem, t, X):
    P = problem.prox(X, t)
    attained = problem.prior(P) + ((X - P) ** 2).sum(1) / (2 * t)
    np.testing.assert_allclose(attained, problem.value(X, t), rtol=0, atol=1e-12)


@problems_3d
@times
def test_backward_prior_is_below_the_prior_and_equal_at_prox(problem, t, X):
    assert (problem.backward_prior(X, t) <= problem.prior(X) + 1e-11).all()
    P = problem.prox(X, t)
    # The simplex solver's tolerance, 1e-13 of the terms' size, divided by t.
    np.testing.assert_allclose(
        problem.backward_prior(P, t), problem.prior(P), rtol=0, atol=1e-10
    )


@problems_3d
@times
def test_backward_prior_generates_the_same_value_function(problem, t, X):
    """S(x) <= J_bvs(y) + |x - y|^2 / (2 t) at every y: it cannot be any smaller."""
    Y = np.random.default_rng(1).permutation(X)
    bound = problem.backward_prior(Y, t) + ((X - Y) ** 2).sum(1) / (2 * t)
    assert (problem.value(X, t) <= bound + 1e-11).all()


@problems_3d
@times
def test_potential_is_convex_and_fenchel_young_holds(problem, t, X):
    Z = np.random.default_rng(1).permutation(X)
    psi, psi_z, psi_mid = (
        hj.potential_from_value(A, problem.value(A, t), t) for A in (X, Z, (X + Z) / 2)
    )
    assert (psi_mid <= (psi + psi_z) / 2 + 1e-12).all()
    P = problem.prox(X, t)
    conjugate = hj.conjugate_from_prior(P, problem.backward_prior(P, t), t)
    np.testing.assert_allclose(
        hj.conjugate_at_prox(X, P, psi), conjugate, rtol=0, atol=1e-10
    )


@problems_3d
@times
def test_float32_in_gives_float32_out_near_float64(problem, t, X):
    single = X.astype(np.float32)
    for method in ("value", "prox", "backward_prior"):
        answer = getattr(problem, method)(single, t)
        assert answer.dtype == np.float32
        exact = getattr(problem, method)(single.astype(np.float64), t)
        # Terms of size up to |x|^2 ~ 50, a dozen roundings of 6e-8 each.
        np.testing.assert_allclose(answer, exact, rtol=0, atol=5e-5)
    assert problem.prior(single).dtype == np.float32


def test_min_plus_of_two_equal_wells_is_a_clipped_quadratic(X):
    """Two pieces of equal width: psi* is a quadratic in lambda, solved by clipping."""
    t, sigma = 1.3, 0.7
    centers = np.array([[1.0, 0, 0], [0.2, -1, 0.5]])
    a = sigma / (sigma + t)
    b = (1 - a) * centers
    c = (1 - a) * (centers**2).sum(1) / 2
    difference = b[1] - b[0]
    weight = ((X - b[0]) @ difference - a * (c[1] - c[0])) / (difference @ difference)
    weight = np.clip(weight, 0, 1)[:, None]
    mean = b[0] + weight * difference
    conjugate = ((X - mean) ** 2).sum(1) / (2 * a) + c[0] + weight[:, 0] * (c[1] - c[0])
    np.testing.assert_allclose(
        MinPlus(centers, sigma).backward_prior(X, t),
        hj.prior_from_conjugate(X, conjugate, t),
        atol=1e-11,
    )


@times
def test_sorted_l1_norms_of_equal_weights_are_l1_norms(t, X):
    for method in ("value", "prox", "backward_prior"):
        np.testing.assert_allclose(
            getattr(SortedL1([1.0, 1.0, 1.0]), method)(X, t),
            getattr(L1(), method)(X, t),
            atol=1e-13,
        )


@times
def test_prox_of_a_nuclear_norm_meets_its_subgradients(t):
    """(x - prox) / t has spectral norm 1 at most, and attains the nuclear norm."""
    problem = NuclearNorm((2, 3))
    X = np.random.default_rng(0).uniform(-4, 4, size=(100, 6))
    P = problem.prox(X, t)
    G = (X - P) / t
    assert np.linalg.norm(G.reshape(-1, 2, 3), 2, axis=(1, 2)).max() <= 1 + 1e-12
    np.testing.assert_allclose((G * P).sum(axis=1), problem.prior(P), atol=1e-12)


@times
def test_covariances_that_are_widths_are_the_same_wells(t, X):
    widths, heights = [0.3, 2.0], [0.1, -0.1]
    centers = [[1.0, 0, 0], [0, -1.5, 0.3]]
    matrices = [width * np.eye(3) for width in widths]
    wells = MinPlus(centers, widths, heights=heights)
    same = MinPlus(centers, covariances=matrices, heights=heights)
    for method in ("value", "prox", "backward_prior"):
        np.testing.assert_allclose(
            getattr(same, method)(X, t), getattr(wells, method)(X, t), atol=1e-10
        )


@pytest.mark.parametrize("problem", PROBLEMS_3D.values(), ids=PROBLEMS_3D)
@pytest.mark.parametrize("t", [0, -1.0, np.nan, np.inf])
def test_bad_time_is_named(problem, t):
    with pytest.raises(ValueError, match="t must be a positive finite number, got"):
        problem.value([[0.0, 1.0, 2.0]], t)


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match=r"t must be below 1 / kappa = 2, .* got 2.5"):
        ConcaveQuadratic(0.5).value([[1.0]], 2.5)
    with pytest.raises(ValueError, match="kappa must be a non-negative"):
        ConcaveQuadratic(-1.0)
    with pytest.raises(ValueError, match="widths must be positive and finite"):
        MinPlus([[0.0], [1.0]], [1.0, 0.0])
    with pytest.raises(ValueError, match=r"widths must be a float or of shape \(2,\)"):
        MinPlus([[0.0], [1.0]], [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"heights must be .* of shape \(2,\)"):
        MinPlus([[0.0], [1.0]], heights=[0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"covariances must .* of shape \(1, 1, 1\)"):
        MinPlus([[0.0]], covariances=[[1.0]])
    with pytest.raises(ValueError, match="must be symmetric and positive definite"):
        MinPlus([[0.0, 1.0]], covariances=[[[1.0, 0.5], [0.0, 1.0]]])
    with pytest.raises(ValueError, match="must be symmetric and positive definite"):
        MinPlus([[0.0]], covariances=[[[0.0]]])
    with pytest.raises(ValueError, match="X has 1 features, but centers has 2"):
        MinPlus([[0.0, 1.0]]).value([[1.0]], 1.0)


@pytest.mark.parametrize("method", ["value", "prox", "backward_prior"])
@pytest.mark.parametrize("t", ["1", None, [1.0]])
def test_times_that_are_no_numbers_are_refused(method, t):
    with pytest.raises(TypeError, match="t must be an instance of"):
        getattr(ConcaveQuadratic(), method)([[1.0]], t)


def test_answers_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="X and t must be of sizes for which answers"):
        MinPlus([[0.0]]).value([[1e200]], 1.0)
    # Far out, where the other branch of Huber's function has no square.
    np.testing.assert_array_equal(L1().value([[1e200]], 1.0), [1e200])


@pytest.mark.parametrize("name", ["centers", "widths", "heights", "covariances"])
def test_wells_that_are_no_numbers_are_named(name):
    options = {"centers": [[0.0]], name: "deep"}
    with pytest.raises(ValueError, match=f"{name} must be real numbers, got 'deep'"):
        MinPlus(**options)


def test_norms_name_what_does_not_fit():
    for weights in ([1.0, 2.0], [1.0, -1.0], [[1.0]], [], [np.inf, 1.0]):
        with pytest.raises(ValueError, match="weights must be a row of finite numbers"):
            SortedL1(weights)
    for shape in (4, (2, 0), (2, 2, 2), (1.5, 2), (np.inf, 2), (2, np.nan)):
        with pytest.raises(ValueError, match="shape must be two positive integers"):
            NuclearNorm(shape)
    with pytest.raises(ValueError, match="X has 1 features, but weights has 2"):
        SortedL1([1.0, 0.0]).prox([[1.0]], 1.0)
    with pytest.raises(ValueError, match=r"X has 3 features, but matrices of shape"):
        NuclearNorm((2, 2)).prior([[1.0, 2.0, 3.0]])
