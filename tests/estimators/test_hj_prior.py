"""HJPriorRegressor: what it recovers, what it keeps, and what it refuses."""

import pickle
import warnings
from functools import cache

import joblib
import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn

from skhj import HJPriorRegressor
from skhj import hamilton_jacobi as hj
from skhj.datasets import make_value_samples
from skhj.estimators.hold_out import hold_out
from skhj.problems import L1, ConcaveQuadratic, MinPlus, NegativeL1

T = 0.8
PROBLEMS = {
    "l1": L1(),
    "negative_l1": NegativeL1(),
    "concave": ConcaveQuadratic(0.5),
    "min_plus": MinPlus([[1.0, 0.0], [-1.0, 0.5]], [1.0, 0.5]),
}
problems = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
SMALL = {"hidden_layer_sizes": (8,), "wide_units": 24, "max_iter": 20}
SMALL["network"] = "icnn"
METHODS = ["predict", "prox", "transform", "potential", "prior", "prior_gradient"]
METHODS += ["conjugate"]

# Short trainings: that they could go on is not what these tests are about.
pytestmark = pytest.mark.filterwarnings(
    "ignore:the network of the:sklearn.exceptions.ConvergenceWarning"
)


def samples(problem, n, *, seed=0, d=2, t=T):
    return make_value_samples(problem, n, d, t=t, random_state=seed)


def small(t=T, **changes):
    return HJPriorRegressor(t, **({"random_state": 0} | SMALL | changes))


@pytest.fixture(scope="module")
def data():
    return samples(L1(), 400)


@pytest.fixture(scope="module")
def fitted(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return small().fit(*data[:2])


def relative_error(answer, true):
    return np.mean((answer - true) ** 2) / np.var(true)


@cache
def trained(problem, with_gradient=False, method="auto"):
    """A network of the usual size: fitted once for all that only ask it."""
    X, y, gradient = samples(problem, 2000)
    est = HJPriorRegressor(
        T, network="icnn", prior_method=method, max_iter=40, random_state=0
    )
    return est.fit(X, y, gradient=gradient if with_gradient else None)


@problems
@pytest.mark.parametrize("with_gradient", [False, True])
def test_value_prox_and_prior_are_recovered_on_held_out_points(problem, with_gradient):
    est = trained(problem, with_gradient)
    X, y, _ = samples(problem, 500, seed=1)
    P = problem.prox(X, T)
    assert est.score(X, y) > 0.995
    assert relative_error(est.prox(X), P) < 0.02
    assert relative_error(est.prior(P), problem.backward_prior(P, T)) < 0.02
    # x is a subgradient of psi* at prox(x); where several are, any may come back.
    if not isinstance(problem, L1):
        slope = hj.prior_gradient_from_point(P, X, T)
        assert relative_error(est.prior_gradient(P), slope) < 0.05


def test_a_quadratic_prior_is_recovered_to_rounding():
    """The start by least squares is the answer, and the hold-out keeps it."""
    problem = ConcaveQuadratic(0.5)
    X, y, _ = samples(problem, 300)
    est = small().fit(X, y)
    np.testing.assert_allclose(est.predict(X), y, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(est.prox(X), problem.prox(X, T), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(est.prior(X), problem.prior(X), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("method", ["network", "newton", "inversion"])
def test_prior_methods_agree_with_the_truth(method):
    problem = NegativeL1()
    X, y, _ = samples(problem, 2000)
    est = HJPriorRegressor(T, network="icnn", prior_method=method, random_state=0)
    est.set_params(max_iter=40).fit(X, y)
    assert est.prior_method_ == method
    assert (est.prior_weights_ is None) == (method == "inversion")
    P = problem.prox(samples(problem, 60, seed=1)[0], T)
    with warnings.catch_warnings():
        # Conjugate gradients may stop short of the tolerance, and say so.
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert relative_error(est.prior(P), problem.backward_prior(P, T)) < 0.01


@problems
def test_fenchel_young_holds_between_potential_and_conjugate(problem):
    est = trained(problem, method="newton")  # psi* is that of psi itself
    X = samples(problem, 2000)[0][:300]
    P, psi = est.prox(X), est.potential(X)
    gap = psi + est.conjugate(P) - (X * P).sum(axis=1)
    assert np.abs(gap).max() < 0.01 * psi.std()


def test_prox_is_the_gradient_of_the_potential(fitted, data):
    X, step = data[0][:50], 1e-5
    numeric = np.stack(
        [
            (fitted.potential(X + e) - fitted.potential(X - e)) / (2 * step)
            for e in step * np.eye(2)
        ],
        axis=1,
    )
    # Central differences: rounding 10 eps / step ~ 1e-10; sharp softplus, step^2.
    np.testing.assert_allclose(fitted.prox(X), numeric, atol=1e-6)


def test_prior_gradient_is_the_derivative_of_the_networks_prior(data):
    X, step = data[0][:50] / 2, 1e-5
    est = small(prior_method="network", max_iter=5).fit(*data[:2])
    numeric = np.stack(
        [(est.prior(X + e) - est.prior(X - e)) / (2 * step) for e in step * np.eye(2)],
        axis=1,
    )
    # As above.
    np.testing.assert_allclose(est.prior_gradient(X), numeric, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore::skhj.exceptions.ExtrapolationWarning")
def test_potential_is_convex_far_beyond_the_data(fitted):
    rng = np.random.default_rng(0)
    X, Z = 20 * rng.normal(size=(2, 500, 2))
    middle = fitted.potential((X + Z) / 2)
    ends = (fitted.potential(X) + fitted.potential(Z)) / 2
    assert (middle <= ends + 1e-10).all()


def test_methods_are_the_identities_of_each_other(fitted, data):
    X = data[0][:50]
    t = fitted.t
    np.testing.assert_array_equal(fitted.transform(X), fitted.prox(X))
    np.testing.assert_allclose(
        fitted.potential(X), hj.potential_from_value(X, fitted.predict(X), t)
    )
    np.testing.assert_allclose(
        fitted.conjugate(X), hj.conjugate_from_prior(X, fitted.prior(X), t)
    )


@pytest.mark.parametrize(
    ("a", "b", "c", "e"),
    [
        (1e3, 0.0, 1.0, 0.0),
        (1.0, 0.0, 1e-6, 0.0),
        (1e3, 4e3, 1e-6, 7e-6),
        (1e-4, 1, 1e5, -1),
    ],
)
def test_shifted_and_scaled_samples_give_the_same_model_up_to_that_change(
    data, a, b, c, e
):
    """x -> a x + b, S -> c S + e is the same problem at time a^2 t / c."""
    X, y, _ = data
    # Powers of two would agree to the bit; here single-precision rounding in training
    # is amplified, so few epochs, and a tolerance of a percent of the spread.
    plain = small(max_iter=5).fit(X, y)
    moved = small(a**2 * T / c, max_iter=5).fit(a * X + b, c * y + e)
    X = samples(L1(), 200, seed=1)[0]
    for method, inputs, change in (
        ("predict", X, lambda S: c * S + e),
        ("prior", X / 2, lambda J: c * J + e),
        ("prox", X, lambda P: a * P + b),
    ):
        expected = change(getattr(plain, method)(inputs))
        answer = getattr(moved, method)(a * inputs + b)
        np.testing.assert_allclose(
            answer, expected, atol=0.01 * np.std(expected), rtol=0
        )


def test_scaling_by_powers_of_two_changes_no_bit(data):
    X, y, _ = data
    plain = small().fit(X, y)
    scaled = small(4**2 * T / 0.5).fit(4 * X, 0.5 * y)
    np.testing.assert_array_equal(scaled.predict(4 * X), 0.5 * plain.predict(X))


def test_gradients_lower_the_error_on_few_samples():
    X, y, gradient = samples(L1(), 150, d=4)
    X_test, y_test, _ = samples(L1(), 1000, d=4, seed=1)
    without, with_ = (
        HJPriorRegressor(T, network="icnn", max_iter=60, random_state=0).fit(
            X, y, gradient=G
        )
        for G in (None, gradient)
    )
    assert relative_error(with_.predict(X_test), y_test) < 0.8 * relative_error(
        without.predict(X_test), y_test
    )


@pytest.mark.parametrize("network", ["icnn", "ridge"])
@pytest.mark.parametrize(("factor", "told"), [(-1, "-(1|0.9)"), (5, "(4|5)")])
def test_gradients_of_another_sign_or_unit_are_told(data, network, factor, told):
    X, y, gradient = data
    with pytest.warns(UserWarning, match=f"gradient is about {told}.* times that"):
        small(network=network).fit(X, y, gradient=factor * gradient)


class MaxAffine(nn.Module):
    """A piecewise affine convex network: torch sees no second derivative."""

    def __init__(self, n_features):
        super().__init__()
        self.linear = nn.Linear(n_features, 16)

    def forward(self, x):
        return self.linear(x).max(dim=1).values


def test_a_users_piecewise_affine_module_has_a_prior(data):
    X, y, gradient = data
    est = small(network=MaxAffine, prior_method="newton").fit(X, y, gradient=gradient)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert np.isfinite(est.prior(X)).all()


class SumOfRidges(nn.Module):
    """A convex network of a user's own."""

    def __init__(self, n_features):
        super().__init__()
        self.linear = nn.Linear(n_features, 64)
        self.weight = nn.Parameter(torch.ones(64, 1) / 64)

    def forward(self, x):
        return nn.functional.softplus(5 * self.linear(x)) @ self.weight.abs()


@pytest.mark.parametrize("with_gradient", [False, True])
def test_a_users_module_is_trained(data, with_gradient):
    X, y, gradient = data
    est = small(network=SumOfRidges, max_iter=60)
    est.fit(X, y, gradient=gradient if with_gradient else None)
    # The loss of the best quadratic is 1.
    assert est.loss_curve_[-1] < 0.2
    assert est.value_weights_["core_weight"] == 1
    copy = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(copy.prior(X), est.prior(X))


class Concave(nn.Module):
    """A module that is not convex, of a width that is given."""

    def __init__(self, n_features, width):
        super().__init__()
        self.linear = nn.Linear(n_features, width)

    def forward(self, x):
        return -self.linear(x).square().sum(1)


# Nor are values so convex those of a prior at this time.
@pytest.mark.filterwarnings("ignore:t=.* is too large for the samples:UserWarning")
def test_a_class_is_called_with_its_parameters_and_told_not_to_be_convex(data):
    X = data[0]
    params = {"width": 7}
    est = small(
        network=Concave, network_params=params, prior_method="inversion", max_iter=20
    )
    with pytest.warns(UserWarning, match="network must be convex in its input"):
        est.fit(X, 2 * (X**2).sum(axis=1))
    assert est.value_weights_["core.linear.weight"].shape == (7, X.shape[1])
    copy = pickle.loads(pickle.dumps(clone(est).set_params(**est.get_params())))
    assert copy.network_params == {"width": 7}


class CountingEpochs(Callback):
    n_epochs = 0

    def on_epoch_end(self, net, **kwargs):
        type(self).n_epochs += 1


def test_parameters_of_the_net_reach_skorch(data):
    X, y, _ = data
    params = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.5}
    CountingEpochs.n_epochs = 0
    est = small(max_iter=2, prior_method="inversion")
    est.set_params(net_params={**params, "callbacks": [CountingEpochs]}).fit(X, y)
    assert CountingEpochs.n_epochs == 2
    adam = small(max_iter=2, prior_method="inversion").fit(X, y)
    assert not np.array_equal(est.loss_curve_, adam.loss_curve_)
    assert small(max_iter=2, net_params={"optimizer__eps": 1e-7}).fit(X, y).n_iter_ == 2


@pytest.mark.parametrize(
    ("params", "got"),
    [({"lr": 1.0}, "lr"), ({"nonsense": 1}, "nonsense"), ({"module__x": 1}, "module")],
)
def test_parameters_that_the_net_has_not_are_named(data, params, got):
    with pytest.raises(ValueError, match=f"net_params must be .* got {got}"):
        small(net_params=params).fit(*data[:2])


def test_parameters_of_a_network_that_is_no_class_are_refused(data):
    with pytest.raises(ValueError, match="network_params must be None unless"):
        small(network_params={"width": 3}).fit(*data[:2])


def _numpy_state():
    return np.random.get_state()[1].copy()  # noqa: NPY002 - the one to leave alone


def test_same_random_state_same_model_and_global_generators_untouched(data):
    X, y, _ = data
    numpy_state, torch_state = _numpy_state(), torch.get_rng_state()
    first, second = small().fit(X, y), small().fit(X, y)
    other = small(random_state=1).fit(X, y)
    np.testing.assert_array_equal(_numpy_state(), numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(first.prior(X), second.prior(X))
    assert not np.array_equal(first.predict(X), other.predict(X))


def test_torchs_default_dtype_does_not_matter(data):
    expected = small(max_iter=2).fit(*data[:2]).predict(data[0])
    torch.set_default_dtype(torch.float64)
    try:
        answer = small(max_iter=2).fit(*data[:2]).predict(data[0])
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(answer, expected)


def test_training_leaves_the_number_of_threads_alone(data):
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        small(max_iter=1).fit(*data[:2])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(n_threads)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_answers_come_in_the_callers_dtype(fitted, data, method, dtype):
    X = data[0][:20].astype(dtype)
    answer = getattr(fitted, method)(X)
    assert answer.dtype == dtype
    assert answer.shape in {(20,), (20, 2)}
    exact = getattr(fitted, method)(X.astype(np.float64))
    np.testing.assert_allclose(answer, exact, rtol=1e-5, atol=1e-5)


def test_fitted_attributes(fitted):
    assert fitted.n_iter_ == len(fitted.loss_curve_) <= SMALL["max_iter"]
    assert len(fitted.prior_loss_curve_) > 0
    for weights in (fitted.value_weights_, fitted.prior_weights_):
        assert all(isinstance(array, np.ndarray) for array in weights.values())


def test_odd_memory_layouts_give_the_same_model(data):
    X, y, gradient = data
    frozen = X.copy()
    frozen.flags.writeable = False
    expected = small(max_iter=3).fit(X, y, gradient=gradient).predict(X)
    for layout in (np.asfortranarray(X), X[::-1][::-1], frozen, X.tolist()):
        est = small(max_iter=3).fit(layout, y, gradient=gradient)
        np.testing.assert_array_equal(est.predict(layout), expected)


# scikit-learn's tools


def test_pipeline_with_a_scaler(data):
    X, y, _ = data
    pipe = make_pipeline(StandardScaler(), small(T / X.var())).fit(X, y)
    scaled = pipe[0].transform(X)
    alone = small(T / X.var()).fit(scaled, y)
    np.testing.assert_array_equal(pipe.predict(X), alone.predict(scaled))
    assert pipe.score(X, y) > 0.95


def test_frozen_prior_denoises_inside_a_pipeline(fitted, data):
    X, y, _ = data
    pipe = make_pipeline(FrozenEstimator(fitted), small(T))
    with pytest.warns(UserWarning, match="too large for the samples"):
        pipe.fit(X, y)  # values at other points: those of no prior at this time
    np.testing.assert_array_equal(pipe[:-1].transform(X), fitted.prox(X))
    assert list(fitted.get_feature_names_out()) == ["x0", "x1"]


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_over_time_and_size_slices_the_gradient(data, backend):
    X, y, gradient = data
    grid = {"t": [0.4, T], "wide_units": [8, 16]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search = GridSearchCV(small(max_iter=3), grid, cv=2, n_jobs=2)
        with joblib.parallel_config(backend):
            search.fit(X, y, gradient=gradient)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.prior(X[:3]).shape == (3,)


def test_gradient_is_routed_as_metadata(data):
    X, y, gradient = data
    with sklearn.config_context(enable_metadata_routing=True):
        est = small(max_iter=2).set_fit_request(gradient=True)
        search = GridSearchCV(est, {"t": [T]}, cv=2).fit(X, y, gradient=gradient)
    expected = small(max_iter=2).fit(X, y, gradient=gradient)
    np.testing.assert_array_equal(search.predict(X), expected.predict(X))


def test_workers_fit_the_same_model(data):
    X, y, _ = data
    fits = joblib.Parallel(n_jobs=2)(
        joblib.delayed(_fit_quietly)(small(max_iter=3), X, y) for _ in range(2)
    )
    np.testing.assert_array_equal(fits[0].predict(X), fits[1].predict(X))


def _fit_quietly(est, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return est.fit(X, y)


def test_pickle_and_joblib_round_trips_are_exact(fitted, data, tmp_path):
    X = data[0]
    joblib.dump(fitted, tmp_path / "prior.joblib")
    for copy in (
        pickle.loads(pickle.dumps(fitted)),
        joblib.load(tmp_path / "prior.joblib"),
    ):
        for method in METHODS:
            np.testing.assert_array_equal(
                getattr(copy, method)(X), getattr(fitted, method)(X)
            )


def test_skops_round_trip_trusts_only_our_types(fitted, data):
    sio = pytest.importorskip("skops.io")
    dumped = sio.dumps(fitted)
    untrusted = sio.get_untrusted_types(data=dumped)
    assert all(name.startswith("skhj.") for name in untrusted)
    copy = sio.loads(dumped, trusted=untrusted)
    np.testing.assert_array_equal(copy.prior(data[0]), fitted.prior(data[0]))


@pytest.mark.parametrize("network", ["ridge", "envelope"])
def test_solvers_that_have_fitted_are_not_saved_and_not_missed(network, data):
    X, y, _ = data
    est = small(network=network, max_iter=2).fit(X[:200], y[:200])
    assert getattr(est._fitted_kind, "solver", None) is None
    copy = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(copy.prior(X), est.prior(X))


def test_a_model_fitted_on_a_gpu_loads_where_there_is_none(fitted, data, monkeypatch):
    """What is stored has no device; only the parameter remembers one."""
    on_gpu = pickle.loads(pickle.dumps(fitted)).set_params(device="cuda:7")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    loaded = pickle.loads(pickle.dumps(on_gpu))
    # Where there is a GPU, the fitted one answered on it.
    answers = (est.predict(data[0]) for est in (loaded, fitted))
    np.testing.assert_allclose(*answers, rtol=1e-12)


# Progress, interruption and failure


def test_callbacks_are_told_of_both_networks_and_each_epoch(data):
    pytest.importorskip("sklearn.callback")

    class Recorder:
        def __init__(self):
            self.tasks = []

        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            self.tasks.append(("begin", context.task_name))

        def on_fit_task_end(self, estimator, context):
            self.tasks.append(("end", context.task_name))

    recorder = Recorder()
    est = small(max_iter=4, prior_method="network").set_callbacks(recorder)
    est.fit(*data[:2])
    for name, times in (("fit", 1), ("value function", 1), ("prior", 1), ("epoch", 8)):
        assert recorder.tasks.count(("begin", name)) == times
        assert recorder.tasks.count(("end", name)) == times


def test_phases_are_timed_and_named_each_in_a_line(data, capsys):
    est = small(max_iter=4, prior_method="network", verbose=1).fit(*data[:2])
    lines = capsys.readouterr().out.splitlines()
    phases = {f"HJPriorRegressor: {name}" for name in est.fit_seconds_}
    assert {line.rpartition(",")[0] for line in lines} == phases
    assert len(lines) == len(phases)
    # The prior's network comes last, after the value's, which is in the model's phase.
    assert list(est.fit_seconds_) == [est.candidates_[0]["name"], "prior"]
    assert est.fit_seconds_[est.network_] >= est.candidates_[0]["seconds"]
    est.set_params(verbose=2).fit(*data[:2])
    assert capsys.readouterr().out.count("train_loss") == 2


@pytest.mark.parametrize(
    "network", ["icnn", "envelope", "min-plus", "polyhedral", "sorted"]
)
def test_what_is_held_out_trains_nothing(network, data):
    """But the hold-out tells the error."""
    X, y, _ = data
    held_out = hold_out(len(X), 0.1, np.random.RandomState(0))
    others = y.copy()
    others[held_out] += 0.1 * np.random.default_rng(0).normal(size=held_out.sum())
    est = small(network=network, max_iter=1)
    first, second = (clone(est).fit(X, values) for values in (y, others))
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    errors = [fit.candidates_[0]["validation_error"] for fit in (first, second)]
    assert errors[0] != errors[1]


class Interrupting(SumOfRidges):
    """Ctrl-C in the middle of training."""

    def project_(self):
        raise KeyboardInterrupt


def test_interrupt_leaves_the_estimator_unfitted(data):
    X, y, _ = data
    est = small(max_iter=2).fit(X, y).set_params(network=Interrupting)
    with pytest.raises(KeyboardInterrupt):
        est.fit(X, y)
    with pytest.raises(NotFittedError):
        est.predict(X)
    assert not any(name.endswith("_curve_") for name in vars(est))


def test_diverging_loss_says_what_to_lower_and_leaves_no_model(data):
    est = small(learning_rate=1e30)
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        est.fit(*data[:2])
    with pytest.raises(NotFittedError):
        est.predict(data[0])


@pytest.mark.filterwarnings("error")
def test_training_that_has_not_settled_warns(data):
    with pytest.warns(ConvergenceWarning, match=r"raise max_iter \(it is 2\)"):
        small(max_iter=2).fit(*data[:2])


# Bad input

BAD_PARAMETERS = [
    ({"t": 0}, "t"),
    ({"t": -1.0}, "t"),
    ({"t": np.nan}, "t"),
    ({"t": np.inf}, "t"),
    ({"t": "1"}, "t"),
    ({"network": "mlp"}, "network"),
    ({"network": dict}, "network"),
    ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": (8.5,)}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": (), "wide_units": 0}, "hidden_layer_sizes"),
    ({"wide_units": -1}, "wide_units"),
    ({"max_iter": 0}, "max_iter"),
    ({"batch_size": 0}, "batch_size"),
    ({"learning_rate": -1.0}, "learning_rate"),
    ({"prior_method": "guess"}, "prior_method"),
    ({"validation_fraction": 1.0}, "validation_fraction"),
    ({"device": "abacus"}, "device"),
    ({"device": 3}, "device"),
]


@pytest.mark.parametrize(("parameters", "name"), BAD_PARAMETERS)
def test_bad_parameters_are_named(data, parameters, name):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        small(**parameters).fit(*data[:2])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_where_there_is_none_is_a_clear_error(data):
    with pytest.raises(ValueError, match="CUDA is not available.*got 'cuda'"):
        small(device="cuda").fit(*data[:2])


def test_bad_samples_are_named(data, fitted):
    X, y, gradient = data
    holed, infinite = X.copy(), gradient.copy()
    holed[3, 1], infinite[0, 0] = np.nan, np.inf
    for arrays, message in (
        ((holed, y), "Input X contains NaN"),
        ((X, np.where(y > 3, np.inf, y)), "Input y contains infinity"),
        ((X, y, infinite), "Input gradient contains infinity"),
        (
            (X, y, gradient[:, :1]),
            r"gradient must have the shape of X, \(400, 2\), got",
        ),
        ((X, y, gradient[:-1]), r"gradient must have the shape of X, \(400, 2\), got"),
        ((X[:1], y[:1]), "1 sample"),
        ((X, y[:-1]), "inconsistent numbers of samples"),
    ):
        with pytest.raises(ValueError, match=message):
            clone(fitted).fit(*arrays)
    with pytest.raises(ValueError, match="X has 1 features, but HJPriorRegressor is"):
        fitted.prior(X[:, :1])


def test_unfitted_estimator_says_so():
    for method in METHODS:
        with pytest.raises(NotFittedError):
            getattr(HJPriorRegressor(), method)([[0.0]])


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.zeros((30, 2)), np.zeros(30)),
        (np.tile([[1.0, 2.0]], (30, 1)), np.arange(30.0)),
        (np.column_stack([np.arange(30.0), np.full(30, 7.0)]), np.arange(30.0)),
        (np.arange(2.0)[:, None], np.array([3.0, 4.0])),
        (np.repeat(np.arange(5.0), 8)[:, None], np.repeat(np.arange(5.0), 8)),
        (1e150 * np.arange(1.0, 31)[:, None], np.arange(30.0)),
    ],
    ids=["zeros", "one point", "constant column", "two samples", "repeated", "huge"],
)
def test_degenerate_samples_give_finite_answers(X, y):
    est = small(max_iter=3).fit(X, y)
    for method in METHODS:
        assert np.isfinite(getattr(est, method)(X)).all()


@pytest.mark.parametrize("noise", [0.0, 1e-12, 1e-9])
def test_linearly_dependent_columns_do_no_harm(noise):
    """Mean-removed patches and duplicate columns leave directions without data."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(600, 5))
    for X in (Z - Z.mean(axis=1, keepdims=True), np.column_stack([Z, Z[:, 0]])):
        X = X + noise * rng.normal(size=X.shape)
        y = L1().value(X, T)
        est = small().fit(X[:500], y[:500])
        assert est.score(X[500:], y[500:]) > 0.8
        assert np.abs(est.prox(X[500:]) - X[500:]).max() < 5


def test_prox_stays_put_along_a_constant_column():
    X, y, gradient = samples(L1(), 400)
    X = np.column_stack([X, np.full(400, 7.0)])
    gradient = np.column_stack([gradient, np.zeros(400)])
    est = small().fit(X, y, gradient=gradient)
    # Only the direction's start, least squares of no data, is left in it.
    assert np.abs(est.prox(X)[:, 2] - 7).max() < 2


@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_prior_by_newton_survives_a_large_offset(data, offset):
    X, y, _ = data
    near = small(prior_method="newton", max_iter=5).fit(X, y).prior(X / 2)
    far = small(prior_method="newton", max_iter=5).fit(X + offset, y)
    # Points are rounded to 1e8 * eps ~ 1e-8; training amplifies that to a percent.
    np.testing.assert_allclose(
        far.prior(X / 2 + offset), near, rtol=0, atol=0.02 * near.std()
    )


def test_sizes_beyond_floating_point_are_refused(data):
    X, y, gradient = data
    with pytest.raises(ValueError, match="X, y and t must be of sizes"):
        small(1e-100).fit(1e130 * X, y, gradient=gradient)


def test_threads_fit_the_same_model_of_a_users_class(data):
    X, y, _ = data
    with joblib.parallel_config("threading"):
        fits = joblib.Parallel(n_jobs=4)(
            joblib.delayed(clone(small(max_iter=2, network=SumOfRidges)).fit)(X, y)
            for _ in range(8)
        )
    for est in fits[1:]:
        np.testing.assert_array_equal(est.predict(X), fits[0].predict(X))
