"""The choice among models of a prior."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from sum_of_norms import SumOfNorms, euclidean, total_variation

from skhj import HJPriorRegressor
from skhj import hamilton_jacobi as hj
from skhj.datasets import make_value_samples
from skhj.problems import L1, ConcaveQuadratic, MinPlus, NegativeL1

T = 0.8
METHODS = ["predict", "prox", "potential", "prior", "prior_gradient", "conjugate"]
# Short trainings: that they could go on, or leave a kink where Newton's method stalls,
# is not what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def rotation(d, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


class Rotated:
    """A problem in other axes and about another origin."""

    def __init__(self, problem, d, shift=3.0):
        self.problem, self.R, self.shift = problem, rotation(d), shift

    def value(self, X, t):
        return self.problem.value((X - self.shift) @ self.R, t)

    def prox(self, X, t):
        return self.problem.prox((X - self.shift) @ self.R, t) @ self.R.T + self.shift

    def backward_prior(self, X, t):
        return self.problem.backward_prior((X - self.shift) @ self.R, t)


def samples(problem, n, d, seed=0, **options):
    return make_value_samples(problem, n, d, t=T, random_state=seed, **options)


def relative_error(answer, true):
    return np.mean((answer - true) ** 2) / np.var(true)


def auto(t=T, **changes):
    return HJPriorRegressor(t, **({"max_iter": 20, "random_state": 0} | changes))


@pytest.mark.parametrize(
    ("problem", "network"),
    [
        (L1(), "auto"),
        (NegativeL1(), "auto"),
        (MinPlus([[1.0, 0, 0, 0], [-1, 0.5, 0, 0.3]], 1.0), "ridge"),
    ],
    ids=["l1", "negative l1", "min-plus"],
)
@pytest.mark.parametrize("rotated", [False, True])
def test_priors_additive_in_some_basis_are_found_by_splines(problem, network, rotated):
    if rotated:
        problem = Rotated(problem, 4)
    est = auto(network=network).fit(*samples(problem, 3000, 4)[:2])
    X, y, _ = samples(problem, 500, 4, seed=1)
    P = problem.prox(X, T)
    assert est.network_ == "ridge"
    # Kinks between knots; networks of the usual size stay above 1e-4 here.
    assert relative_error(est.predict(X), y) < 1e-6
    assert relative_error(est.prior(P), problem.backward_prior(P, T)) < 1e-6


@pytest.mark.parametrize(
    # In three features total variation has four faces: "polyhedral" has it, too, and
    # "sorted" has the norm.
    "prior",
    [total_variation(3), euclidean(3)],
    ids=["tv", "l2"],
)
def test_sums_of_norms_are_found_on_the_side_of_the_prior(prior):
    est = auto(max_iter=60, network="envelope").fit(*samples(prior, 1500, 3)[:2])
    X, y, _ = samples(prior, 500, 3, seed=1)
    P = prior.prox(X, T)
    assert est.network_ == "envelope"
    assert est.prior_method_ == "network"
    assert relative_error(est.predict(X), y) < 1e-5
    assert relative_error(est.prior(P), prior.prior(P)) < 1e-5
    assert relative_error(est.prox(X), P) < 1e-3
    # Other times: the exact evolution of a convex prior.
    S = est.evolve(X, T / 4)
    assert relative_error(S, prior.value(X, T / 4)) < 1e-4


def test_candidates_are_sorted_and_say_what_they_cost():
    both = SumOfNorms([np.eye(3), np.eye(3)[:1]])
    est = auto(max_iter=5).fit(*samples(both, 600, 3)[:2])
    fitted = [one for one in est.candidates_ if not one["why_not"]]
    errors = [one["validation_error"] for one in fitted]
    assert errors == sorted(errors)
    assert all(one["seconds"] > 0 for one in fitted)
    names = {one["name"] for one in fitted}
    assert names >= {"ridge (axes)", "min-plus", "ridge (basis)", "envelope", "icnn"}
    assert est.candidates_[0]["name"].startswith(est.network_)


def test_what_leaves_nothing_ends_the_search():
    est = auto().fit(*samples(ConcaveQuadratic(0.5), 300, 3)[:2])
    (first, *others) = est.candidates_
    assert (first["name"], first["why_not"]) == ("ridge (axes)", "")
    reasons = {one["name"]: one["why_not"] for one in others}
    assert reasons == dict.fromkeys(
        ["min-plus", "ridge (basis)", "polyhedral", "sorted", "envelope", "icnn"],
        "'ridge (axes)' leaves next to nothing",
    )
    assert all(one["validation_error"] == np.inf for one in others)


def test_what_is_not_tried_says_why():
    est = auto(max_iter=1).fit(*samples(euclidean(5), 120, 5)[:2])
    reasons = {one["name"]: one["why_not"] for one in est.candidates_}
    assert reasons["envelope"] == "108 samples to train on are fewer than 125"
    assert reasons["sorted"] == reasons["envelope"]
    assert reasons["polyhedral"] == "108 samples to train on are fewer than 200"


@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_noise_costs_about_its_share_of_the_degrees_of_freedom(noise):
    problem = Rotated(L1(), 4)
    est = auto(network="ridge").fit(*samples(problem, 4000, 4, noise=noise)[:2])
    X, y, _ = samples(problem, 500, 4, seed=1)
    # Four profiles of some tens of coefficients, sixteen of directions: 200 / 3600.
    assert np.mean((est.predict(X) - y) ** 2) < 0.1 * noise**2


def test_units_of_the_data_do_not_matter():
    problem = Rotated(L1(), 3)
    X, y, _ = samples(problem, 1500, 3)
    est = auto().fit(X, y)
    moved = auto(t=T * 100.0**2 / 1e-3).fit(100 * X - 7, 1e-3 * y + 5)
    Q = X[:100]
    np.testing.assert_allclose(
        moved.predict(100 * Q - 7), 1e-3 * est.predict(Q) + 5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("network", "method"),
    [("ridge", "exact"), ("ridge", "network"), ("ridge", "inversion"),
     ("envelope", "network")],
)  # fmt: skip
def test_every_way_to_the_prior_meets_fenchel_and_young(network, method):
    X, y, _ = samples(L1(), 1000, 2)
    asked = "auto" if method == "exact" else method
    est = auto(network=network, prior_method=asked, max_iter=40).fit(X, y)
    assert est.prior_method_ == method
    X = X[:50]
    P, psi = est.prox(X), est.potential(X)
    with warnings.catch_warnings():
        # Conjugate gradients stop short of kinks, and say so.
        warnings.simplefilter("ignore")
        gap = psi + est.conjugate(P) - (X * P).sum(axis=1)
    assert np.abs(gap).max() < 0.05 * psi.std()
    if network == "ridge" and method == "exact":
        slope = hj.prior_gradient_from_point(P, X, T)
        J = est.prior(P)
        # Where psi is flat, any x of the flat part is a gradient; the value is one.
        assert np.abs(J - (est.predict(X) - T * (slope**2).sum(1) / 2)).max() < 1e-9


@pytest.mark.parametrize("network", ["ridge", "min-plus", "envelope"])
def test_saved_models_answer_exactly_alike(network, tmp_path):
    X, y, _ = samples(L1(), 400, 2)
    est = auto(network=network, max_iter=5).fit(X, y)
    joblib.dump(est, tmp_path / "prior.joblib")
    for again in (
        pickle.loads(pickle.dumps(est)),
        joblib.load(tmp_path / "prior.joblib"),
    ):
        for method in METHODS:
            np.testing.assert_array_equal(
                getattr(again, method)(X), getattr(est, method)(X)
            )
        np.testing.assert_array_equal(again.evolve(X, 0.3), est.evolve(X, 0.3))


@pytest.mark.parametrize("network", ["ridge", "min-plus", "envelope"])
def test_skops_round_trip_trusts_only_our_types(network):
    skops = pytest.importorskip("skops.io")
    X, y, _ = samples(L1(), 200, 2)
    est = auto(network=network, max_iter=3).fit(X, y)
    stored = skops.dumps(est)
    untrusted = skops.get_untrusted_types(data=stored)
    assert all(name.startswith("skhj.") for name in untrusted)
    again = skops.loads(stored, trusted=untrusted)
    np.testing.assert_array_equal(again.prior(X), est.prior(X))


@pytest.mark.parametrize("network", ["ridge", "min-plus", "envelope"])
def test_threads_that_ask_the_same_prior_do_not_disturb_each_other(network):
    X, y, _ = samples(L1(), 400, 2)
    est = auto(network=network, max_iter=5).fit(X, y)
    alone = est.predict(X)
    both = joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(est.predict)(X) for _ in range(6)
    )
    for answer in both:
        np.testing.assert_array_equal(answer, alone)


def test_same_random_state_same_model():
    X, y, _ = samples(euclidean(3), 300, 3)
    first, second = (auto(max_iter=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.prior(X), second.prior(X))


def test_envelope_asks_for_values():
    X, y, G = samples(L1(), 50, 2)
    with pytest.raises(ValueError, match="network must not be 'envelope' with target"):
        auto(network="envelope", target="prox").fit(X, X - T * G)


@pytest.mark.filterwarnings("ignore:network 'envelope' failed and is left out")
@pytest.mark.parametrize("t", [1e-200, 1e-40])
def test_times_too_short_for_the_envelope_leave_the_best_other_model(t):
    X, _, _ = samples(L1(), 100, 2)
    y = np.abs(X).sum(axis=1)
    est = auto(t=t, network="envelope", max_iter=3).fit(X, y)
    assert est.score(X, y) > 0.5
