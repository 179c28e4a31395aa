"""EmbeddedInverseSolver: what it recovers, what it keeps, and what it refuses."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
import scipy.sparse
import torch
from scipy import ndimage
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skhj import EmbeddedInverseSolver
from skhj.datasets import (
    duathlon_mmse,
    make_deblurring,
    make_duathlon,
    make_image_patches,
)
from skhj.estimators.hold_out import hold_out
from skhj.inverse.setting import SpectralSetting
from skhj.operators import ExponentialBlur

NETWORKS = ["eunet", "optenet", "proximal"]
networks = pytest.mark.parametrize("network", NETWORKS)
A = np.random.RandomState(9).normal(size=(5, 8)) / 2

# Short trainings and few samples: the linear estimate may be as good.
pytestmark = pytest.mark.filterwarnings(
    "ignore:the network is no better:sklearn.exceptions.ConvergenceWarning"
)


def pairs(n=300, seed=0, noise=0.05):
    """Sparse models, which no linear estimate recovers."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 8)) * (rng.uniform(size=(n, 8)) < 0.25)
    return X @ A.T + noise * rng.normal(size=(n, 5)), X


def small(operator=A, **changes):
    options = {"max_iter": 3, "embedding_dim": 16, "random_state": 0}
    return EmbeddedInverseSolver(operator, **options | changes)


@pytest.fixture(scope="module")
def data():
    return pairs()


@pytest.fixture(scope="module")
def fitted(data):
    return small().fit(*data)


@pytest.fixture(scope="module")
def default_answer(data):
    return small(max_iter=20).fit(*data).predict(data[0])


def squared_error(answer, true):
    return np.mean((answer - true) ** 2)


LARGE = {"means": [[60, 70], [75, 90], [95, 65]], "widths": 5.0, "noise": 1.5}


# Units are taken care of outside the networks: one of these shows it.
@pytest.mark.parametrize(
    ("network", "problem"),
    [(network, {}) for network in NETWORKS] + [("proximal", LARGE)],
    ids=[*NETWORKS, "large units"],
)
def test_duathlon_is_solved_to_near_its_limit_in_any_units(network, problem):
    X, y = make_duathlon(4000, random_state=0, **problem)
    X_test, y_test = make_duathlon(4000, random_state=1, **problem)
    est = EmbeddedInverseSolver(
        [[1.0, 1.0]], network=network, embedding_dim=32, max_iter=20, random_state=0
    ).fit(X, y)
    error = squared_error(est.predict(X_test), y_test)
    limit = squared_error(duathlon_mmse(X_test, **problem).mean, y_test)
    # With a fifth of the steps that the defaults take.
    assert error < 1.03 * limit
    assert error < 0.9 * squared_error(est.linear_estimate(X_test), y_test)


@networks
def test_sparse_models_are_recovered_better_than_linearly(network):
    X, y = pairs(3000)
    X_test, y_test = pairs(1000, seed=1)
    est = small(network=network, embedding_dim=48, max_iter=20).fit(X, y)
    error = squared_error(est.predict(X_test), y_test)
    assert error < 0.7 * squared_error(
        LinearRegression().fit(X, y).predict(X_test), y_test
    )
    assert est.correction_ > 0.8


@pytest.mark.parametrize(("network", "max_iter"), [("eunet", 12), ("proximal", 30)])
def test_digits_are_deblurred_better_than_linearly(network, max_iter):
    X, y, operator = make_deblurring(s=1.0, random_state=0)
    est = EmbeddedInverseSolver(
        operator, network=network, max_iter=max_iter, random_state=0
    ).fit(X[:1200], y[:1200])
    linear = squared_error(est.linear_estimate(X[1200:]), y[1200:])
    assert squared_error(est.predict(X[1200:]), y[1200:]) < 0.99 * linear


def rectangles(n):
    """Images of one rectangle each."""
    images, rng = np.zeros((n, 8, 8)), np.random.RandomState(0)
    for image in images:
        (top, left), (height, width) = rng.randint(6, size=2), rng.randint(2, 7, size=2)
        image[top : top + height, left : left + width] = 1
    return images


@pytest.mark.parametrize("network", ["eunet", "proximal"])
def test_convolutions_deblur_rectangles_better_than_linearly(network):
    X, y, operator = make_deblurring(rectangles(1000), s=1.0, random_state=0)
    est = small(operator, network=network, image_shape=(8, 8), n_layers=2, max_iter=10)
    est.set_params(learning_rate=0.02, batch_size=16).fit(X[:600], y[:600])
    linear = squared_error(est.linear_estimate(X[600:]), y[600:])
    # Edges are what no linear estimate knows of.
    assert squared_error(est.predict(X[600:]), y[600:]) < 0.9 * linear


def test_large_images_are_treated_by_their_spectrum():
    rng = np.random.RandomState(0)
    images = np.cumsum(rng.normal(size=(80, 34, 35)), axis=2)
    for boundary in ("periodic", "reflect"):
        X, y, operator = make_deblurring(
            images, s=2.0, boundary=boundary, random_state=0
        )
        for known in (operator, None):
            est = small(known, image_shape=(34, 35), max_iter=1, embedding_dim=4)
            est.fit(X, y)
            assert isinstance(est._fitted_setting, SpectralSetting)
            assert est.trajectory(X).shape == (5, 80, 34 * 35)
            assert squared_error(est.predict(X), y) < 0.5 * squared_error(X, y)
            np.testing.assert_array_equal(
                pickle.loads(pickle.dumps(est)).predict(X), est.predict(X)
            )


@pytest.mark.parametrize("network", ["eunet", "proximal"])
@pytest.mark.parametrize("resolution", ["half", "full"])
@pytest.mark.parametrize(("shape", "n"), [((99,), 300), ((2, 8, 9), 300), ((40,), 30)])
def test_signals_and_images_of_channels_are_recovered(shape, n, resolution, network):
    """With more and with fewer samples than a covariance asks for."""
    rng = np.random.RandomState(0)
    y = np.cumsum(rng.normal(size=(n, *shape)), axis=-1)
    X = ndimage.uniform_filter1d(y, 3, axis=-1) + 0.01 * rng.normal(size=y.shape)
    X, y = X.reshape(n, -1), y.reshape(n, -1)
    est = small(
        None,
        image_shape=shape,
        network=network,
        resolution=resolution,
        max_iter=2,
        embedding_dim=8,
    ).fit(X, y)
    assert squared_error(est.predict(X), y) < 0.5 * squared_error(X, y)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(est)).predict(X), est.predict(X)
    )


def test_unknown_operator_on_images_need_not_be_a_convolution():
    rng = np.random.RandomState(0)
    y = ndimage.gaussian_filter(rng.normal(size=(600, 12, 12)), (0, 2, 2))
    y = y.reshape(600, -1)
    X = y[:, rng.permutation(144)] + 1e-3 * rng.normal(size=y.shape)
    est = small(None, image_shape=(12, 12), max_iter=1, embedding_dim=4)
    est.fit(X[:500], y[:500])
    ridge = RidgeCV(np.logspace(-6, 3, 19)).fit(X[:500], y[:500])
    error = squared_error(ridge.predict(X[500:]), y[500:])
    assert squared_error(est.predict(X[500:]), y[500:]) < 1.1 * error


def test_overlapping_windows_are_not_learned_by_heart():
    """The hold-out's windows share their pixels with others: it cannot tell."""
    rng = np.random.RandomState(0)
    pictures = ndimage.gaussian_filter(rng.normal(size=(2, 90, 90)), (0, 1, 1))
    seen, fresh = (
        make_image_patches(
            [picture], n_samples=600, patch_shape=(16, 16), random_state=0
        )
        for picture in pictures
    )
    X, y, operator = make_deblurring(seen, s=2.0, random_state=0)
    X_test, y_test, _ = make_deblurring(fresh, s=2.0, random_state=1)
    est = small(operator, image_shape=(16, 16), max_iter=1, embedding_dim=4).fit(X, y)
    error = squared_error(est.linear_estimate(X), y)
    # Two pictures of the same kind differ by less; a covariance learned by heart is
    # 1.6 times worse on the second.
    assert squared_error(est.linear_estimate(X_test), y_test) < 1.2 * error


def test_few_samples_are_no_worse_than_ridge():
    X, y = pairs(40)
    X_test, y_test = pairs(1000, seed=1)
    est = EmbeddedInverseSolver(random_state=0).fit(X, y)
    ridge = RidgeCV(np.logspace(-6, 3, 19)).fit(X, y)
    error = squared_error(ridge.predict(X_test), y_test)
    # The penalty is chosen on hold-outs of four samples.
    assert squared_error(est.predict(X_test), y_test) < 1.1 * error


def test_network_that_does_not_help_is_left_out_and_said_to_be():
    """Models that have nothing to do with the data: any correction is wrong."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(200, 30)), rng.normal(size=(200, 30))
    est = EmbeddedInverseSolver(max_iter=20, embedding_dim=16, random_state=0)
    message = "no better than the linear estimate"
    with pytest.warns(ConvergenceWarning, match=message) as record:
        est.fit(X, y)
    assert record[0].filename == __file__
    np.testing.assert_array_equal(est.predict(X), est.linear_estimate(X))


def test_phases_are_timed_and_named_each_in_a_line(data, capsys):
    est = small(verbose=1).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert list(est.fit_seconds_) == [
        "linear estimate",
        "trials",
        "network",
        "hold-out",
    ]
    for line, (phase, seconds) in zip(lines, est.fit_seconds_.items(), strict=True):
        assert line == f"EmbeddedInverseSolver: {phase}, {seconds:.1f} s"


@networks
def test_trajectory_goes_from_the_linear_estimate_to_the_answer(network, data):
    X, y = data
    est = small(network=network, n_layers=3).fit(X, y)
    trajectory = est.trajectory(X)
    assert trajectory.shape == (4, *y.shape)
    np.testing.assert_allclose(trajectory[0], est.linear_estimate(X), atol=1e-6)
    np.testing.assert_allclose(trajectory[-1], est.predict(X), atol=1e-12)


def test_answers_move_with_the_units_of_data_and_models(data):
    X, y = data
    est = small().fit(X, y)
    for factor in (1e-6, 1e6):
        scaled = small(A * 1e3).fit(1e3 * factor * X + 0.0, factor * y)
        # Training is in single precision.
        np.testing.assert_allclose(
            scaled.predict(1e3 * factor * X) / factor, est.predict(X), atol=1e-3
        )


@pytest.mark.parametrize("operator", [A, None])
def test_each_output_has_its_own_units(operator, data):
    X, y = data
    n = y.shape[1]
    units = 10.0 ** np.random.RandomState(3).permutation(np.linspace(-3, 3, n))
    est = small(operator).fit(X, y)
    scaled = small(None if operator is None else operator / units).fit(X, y * units)
    # Training is in single precision.
    np.testing.assert_allclose(scaled.predict(X) / units, est.predict(X), atol=1e-3)


def test_no_output_is_worse_than_its_linear_estimate():
    """A small Gaussian output, of which all is linear, beside a large one of modes."""
    rng = np.random.RandomState(0)
    y = np.column_stack([rng.normal(size=3000), 1e3 * rng.choice([-1.0, 1.0], 3000)])
    X = y + rng.normal(size=y.shape) * [0.5, 800.0]
    est = EmbeddedInverseSolver(np.eye(2), network="proximal", random_state=0)
    est.fit(X[:1000], y[:1000])
    answers = est.predict(X[1000:]), est.linear_estimate(X[1000:])
    errors = [np.mean((answer - y[1000:]) ** 2, axis=0) for answer in answers]
    small_ratio, large_ratio = errors[0] / errors[1]
    assert small_ratio < 1.05
    assert large_ratio < 0.8


@pytest.mark.parametrize("loss", ["mse", "energy"])
def test_answers_do_not_depend_on_the_other_rows(loss, data):
    X = data[0]
    est = small(loss=loss).fit(*data)
    one_by_one = np.concatenate([est.predict(row[None]) for row in X[:5]])
    np.testing.assert_allclose(one_by_one, est.predict(X)[:5], atol=1e-10)
    rows = [est.trajectory(row[None]) for row in X[:5]]
    whole = est.trajectory(X)[:, :5]
    np.testing.assert_allclose(np.concatenate(rows, axis=1), whole, atol=1e-10)


def test_residual_is_the_relative_misfit(fitted, data):
    X, _ = data
    misfit = np.linalg.norm(fitted.predict(X) @ A.T - X, axis=1)
    np.testing.assert_allclose(fitted.residual(X), misfit / np.linalg.norm(X, axis=1))
    estimated = small(None).fit(*data)
    assert np.median(estimated.residual(X)) < 0.5


OPERATORS = {
    "array": A,
    "list": A.tolist(),
    "sparse": scipy.sparse.csr_array(A),
    "linear_operator": aslinearoperator(A),
    "tensor": torch.tensor(A),
    "function": lambda x: x @ torch.tensor(A).to(x).T,
}


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_all_forms_of_an_operator_give_one_model(operator, fitted, data):
    X, y = data
    est = small(operator).fit(X, y)
    assert est.score(X, y) > 0.3
    if not callable(operator) or isinstance(operator, torch.Tensor | LinearOperator):
        np.testing.assert_allclose(est.predict(X), fitted.predict(X), atol=1e-4)


def saturating(x):
    """A non-linear operator, at the top of the module so that it can be pickled."""
    return torch.tanh(x @ torch.tensor(A).to(x).T)


@networks
def test_operator_that_is_not_linear(network):
    rng = np.random.RandomState(0)
    y = rng.normal(size=(600, 8))
    X = saturating(torch.tensor(y)).numpy()
    est = small(saturating, network=network, max_iter=6).fit(X, y)
    again = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(again.predict(X), est.predict(X))
    fresh = np.random.RandomState(1).normal(size=(600, 8))
    data = saturating(torch.tensor(fresh)).numpy()
    error = squared_error(est.predict(data), fresh)
    assert error < squared_error(est.linear_estimate(data), fresh)


@pytest.mark.parametrize(
    "changes",
    [
        {"precondition": False},
        {"early_stopping": False},
        {"noise_level": None},
        {"noise_level": 0.05, "operator": None},
        {"embedding": "time"},
        {"embedding": "shared"},
        {"potential_depth": 1, "batch_size": 7},
        {"potential": "l1"},
        {"loss": "energy"},
        {"loss": "energy", "network": "proximal", "early_stopping": False},
    ],
)
def test_options_fit_and_round_trip(changes, data, default_answer):
    X, y = data
    est = small(**{"max_iter": 20} | changes).fit(X, y)
    assert est.score(X, y) > 0.1
    assert np.abs(est.predict(X) - default_answer).max() > 1e-3
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(est)).predict(X), est.predict(X)
    )
    early = changes.get("early_stopping", True)
    assert len(est.validation_curve_) == (est.n_iter_ if early else 0)
    assert len(est.loss_curve_) == est.n_iter_


def test_bounds_hold(data):
    est = small(bounds=(-0.1, 0.2)).fit(*data)
    answer = est.predict(10 * data[0])
    assert answer.min() == -0.1
    assert answer.max() == 0.2
    assert est.trajectory(10 * data[0])[-1].max() == 0.2


@pytest.mark.parametrize("operator", [A, None], ids=["known", "unknown"])
def test_noise_level_is_that_of_the_measurements_to_come(operator):
    """Whether those to learn from have less of it, or none."""
    rng = np.random.RandomState(0)
    y = rng.choice([-1.0, 0.0, 1.0], size=(1000, 8))
    fresh = rng.choice([-1.0, 0.0, 1.0], size=(1000, 8))
    X = fresh @ A.T + 0.5 * rng.normal(size=(1000, len(A)))
    errors = []
    for known in (0.5, 0.2, 0.0):
        data = y @ A.T + known * rng.normal(size=(1000, len(A)))
        est = small(operator, noise_level=0.5).fit(data, y)
        errors.append(squared_error(est.predict(X), fresh))
        errors.append(squared_error(est.linear_estimate(X), fresh))
    # Draws of noise differ.
    np.testing.assert_allclose(errors[2:], 2 * errors[:2], rtol=0.1)


@pytest.mark.parametrize("factor", [-1.0, 1000.0])
def test_operator_that_does_not_explain_the_measurements_is_told(factor, data):
    message = "operator does not explain the measurements"
    with pytest.warns(UserWarning, match=message) as record:
        small(factor * A).fit(*data)
    assert record[0].filename == __file__


def test_true_operator_may_explain_few_noisy_measurements_badly(recwarn):
    for seed in range(20):
        X, y = pairs(5, seed=seed, noise=2.0)
        small(A[:1], max_iter=1).fit(X[:, :1], y)
    assert not any("does not explain" in str(warning.message) for warning in recwarn)


def test_draws_need_the_energy_score(fitted, data):
    with pytest.raises(ValueError, match="loss='energy'"):
        fitted.sample(data[0])
    with pytest.raises(ValueError, match="n_samples must be a positive int, got 0"):
        small(loss="energy").fit(*data).sample(data[0], 0)


def test_one_output_comes_back_as_it_was_given(data):
    X, y = data
    flat = small(A[:, :1]).fit(X, y[:, 0])
    column = small(A[:, :1]).fit(X, y[:, :1])
    assert flat.predict(X).shape == flat.linear_estimate(X).shape == (300,)
    assert column.predict(X).shape == (300, 1)
    assert flat.trajectory(X).shape == (5, 300, 1)
    np.testing.assert_array_equal(flat.predict(X), column.predict(X)[:, 0])


def test_answers_have_the_dtype_of_the_data(fitted, data):
    X = data[0]
    for dtype in (np.float32, np.float64):
        assert fitted.predict(X.astype(dtype)).dtype == dtype
        assert fitted.trajectory(X.astype(dtype)).dtype == dtype
        assert fitted.residual(X.astype(dtype)).dtype == dtype
    assert fitted.predict(np.ones((2, 5), dtype=int)).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, int])
def test_single_precision_and_integers_are_fitted_as_the_numbers_they_are(dtype, data):
    X, y = (np.round(10 * array).astype(dtype) for array in data)
    same = small().fit(X.astype(float), y.astype(float))
    given = small().fit(X, y)
    np.testing.assert_array_equal(given.predict(data[0]), same.predict(data[0]))


def test_what_is_held_out_trains_nothing(data):
    """But the hold-out tells which of the weights are the best."""
    X, y = data
    held_out = hold_out(len(X), 0.1, np.random.RandomState(0))
    others = y.copy()
    others[held_out] = y[held_out][::-1]
    est = small(max_iter=1, precondition=False, noise_level=None)
    first, second = (clone(est).fit(X, models) for models in (y, others))
    np.testing.assert_array_equal(first.loss_curve_, second.loss_curve_)
    assert (first.validation_curve_ != second.validation_curve_).all()


@pytest.mark.parametrize("n", [2, 3, 7])
@networks
def test_few_samples_are_fitted(n, network):
    X, y = pairs(n)
    assert np.isfinite(small(network=network).fit(X, y).predict(X)).all()


def test_constant_columns_are_fitted(data):
    X, y = data[0].copy(), data[1].copy()
    X[:, 1], y[:, 2] = 3.0, -2.0
    est = small(None).fit(X, y)
    np.testing.assert_allclose(est.predict(X)[:, 2], -2.0, atol=1e-6)
    all_constant = small(None).fit(X, np.full_like(y, 4.0))
    np.testing.assert_allclose(all_constant.predict(X), 4.0)


def test_same_random_state_same_model_and_the_global_one_untouched(data):
    state = torch.get_rng_state()
    first, second, other = (
        small(max_iter=10, random_state=seed).fit(*data) for seed in (0, 0, 1)
    )
    X = data[0]
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert (first.predict(X) != other.predict(X)).any()
    assert torch.equal(torch.get_rng_state(), state)


def test_caller_s_arrays_are_not_changed(data):
    X, y = data[0].copy(), data[1].copy()
    X.setflags(write=False)
    y.setflags(write=False)
    small().fit(X, y).predict(X)
    np.testing.assert_array_equal(X, data[0])


def test_clone_shares_the_operator_and_forgets_the_fit(fitted, data):
    operator = ExponentialBlur((3, 3), 1.0)
    est = EmbeddedInverseSolver(operator)
    assert clone(est).operator is operator
    with pytest.raises(NotFittedError):
        clone(fitted).predict(data[0])


def test_round_trips_are_exact(fitted, data, tmp_path):
    sio = pytest.importorskip("skops.io")
    X = data[0]
    joblib.dump(fitted, tmp_path / "model.joblib")
    skops = sio.dumps(fitted)
    untrusted = sio.get_untrusted_types(data=skops)
    assert all(name.startswith("skhj.") for name in untrusted)
    for again in (
        pickle.loads(pickle.dumps(fitted)),
        joblib.load(tmp_path / "model.joblib"),
        sio.loads(skops, trusted=untrusted),
    ):
        np.testing.assert_array_equal(again.predict(X), fitted.predict(X))
        np.testing.assert_array_equal(again.residual(X), fitted.residual(X))


def test_state_holds_no_tensor(fitted):
    assert not any(isinstance(v, torch.Tensor) for v in fitted.weights_.values())
    # The version of torch is there, but no object of its modules.
    saved = pickle.dumps(fitted)
    assert saved.count(b"torch") == 1
    assert b"_rebuild" not in saved


@pytest.mark.parametrize(
    "operator", [OPERATORS["tensor"], OPERATORS["linear_operator"]], ids=["t", "l"]
)
def test_grid_search_in_two_processes(operator, data):
    X, y = data[0][:80], data[1][:80]
    grid = {"network": NETWORKS, "embedding_dim": [8], "n_layers": [1, 2]}
    search = GridSearchCV(small(operator, max_iter=1), grid, cv=2, n_jobs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_pipeline(data):
    X, y = data
    pipeline = make_pipeline(StandardScaler(), small(None)).fit(X, y)
    assert pipeline.score(X, y) > 0.1


WRONG = {
    "shape": ({"operator": A.T}, r"\(5, 8\).*got shape \(8, 5\)"),
    "nan": ({"operator": A * np.nan}, "operator contains NaN"),
    "infinite": (
        {"operator": np.where(A > 1, np.inf, A)},
        "operator contains infinity",
    ),
    "image": (
        {"image_shape": (3, 3)},
        r"image_shape must be that of the models, 8 pixels, got \(3, 3\), 9 pixels",
    ),
    "image_form": ({"image_shape": (8, 0)}, "image_shape must be one positive integer"),
    "bounds": ({"bounds": (1.0, 0.0)}, r"bounds must be two numbers.*got \(1.0, 0.0\)"),
    "network": ({"network": "unet"}, "The 'network' parameter"),
    "n_layers": ({"n_layers": 0}, "The 'n_layers' parameter"),
    "noise_level": ({"noise_level": -1.0}, "The 'noise_level' parameter"),
    "device": ({"device": "gpu"}, "device must be"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_wrong_parameters_are_named(changes, message, data):
    with pytest.raises(ValueError, match=message):
        small(**changes).fit(*data)


def test_wrong_adjoint_is_refused_with_its_mismatch(data):
    operator = LinearOperator(
        (5, 8), matvec=lambda x: A @ x, rmatvec=lambda r: 2 * A.T @ r, dtype=np.float64
    )
    with pytest.raises(ValueError, match="must come with its adjoint.*differ by"):
        small(operator).fit(*data)


def test_wrong_data_are_named(fitted, data):
    X, y = data
    with pytest.raises(ValueError, match="Input X contains NaN"):
        small().fit(np.where(X > 1, np.nan, X), y)
    with pytest.raises(ValueError, match="contains NaN"):
        small().fit(X, np.where(y > 1, np.nan, y))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        small().fit(X, y[:-1])
    with pytest.raises(ValueError, match="5 features"):
        fitted.predict(X[:, :4])


def test_failed_fit_leaves_nothing(data):
    est = small().fit(*data)
    with pytest.raises(ValueError, match="bounds"):
        est.set_params(bounds=(1, 0)).fit(*data)
    with pytest.raises(NotFittedError):
        est.predict(data[0])


def test_loss_that_is_not_finite_says_what_to_lower(data):
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        small(learning_rate=1e30).fit(*data)


@networks
def test_steep_operator_that_is_not_linear_can_be_learned(network):
    """Steps on its misfit stay where the models are: no value overflows."""

    def steep(x):
        return torch.exp(0.3 * (x @ torch.tensor(A).to(x).T))

    y = np.random.RandomState(0).normal(size=(400, 8))
    X = steep(torch.tensor(y)).numpy()
    est = small(steep, network=network, early_stopping=False).fit(X, y)
    assert np.isfinite(est.predict(10 * X)).all()


def test_operator_is_asked_only_within_the_range_of_the_models():
    y = np.random.RandomState(0).lognormal(size=(300, 8))
    mixing = torch.tensor(np.abs(A)).T

    def roots(x):
        assert (x > 0).all()
        return x.sqrt() @ mixing.to(x)

    X = roots(torch.tensor(y)).numpy()
    est = small(roots).fit(X, y)
    assert np.isfinite(est.predict(3 * X)).all()
    with pytest.raises(ValueError, match="finite measurements, got NaN or infinity"):
        small(torch.log).fit(X[:, :5], y[:, :5] - y[:, :5].min())


def test_module_as_operator_keeps_its_own_parameters(data):
    _, y = data
    module = torch.nn.Sequential(torch.nn.Linear(8, 5), torch.nn.Tanh()).double()
    X = module(torch.tensor(y)).detach().numpy()
    for operator in (module, lambda x: module(x.double()).to(x)):
        est = small(operator, noise_level=0.1).fit(X, y)
        assert np.isfinite(est.residual(X)).all()
        assert all(parameter.grad is None for parameter in module.parameters())


def test_sizes_without_a_square_are_refused(data):
    X, y = data
    for factor in (1e200, 1e-200):
        with pytest.raises(ValueError, match="y must be of a size whose square"):
            small(None).fit(X, factor * y)


def test_fresh_noise_has_the_units_of_the_data(data):
    """Single precision would not hold them."""
    X, y = data
    est, tiny = small(noise_level=0.1), small(noise_level=0.1e-60)
    answer = est.fit(X, y).predict(X)
    scaled = tiny.fit(1e-60 * X, 1e-60 * y).predict(1e-60 * X)
    # Training is in single precision.
    np.testing.assert_allclose(1e60 * scaled, answer, atol=1e-3)


def test_answers_that_are_not_finite_are_told_and_are_the_linear_estimate(data):
    X, _ = data
    est = small(early_stopping=False).fit(*data)
    est._loaded_inverse.network.log_steps += 50
    far = X[:4].copy()
    far[1:3] *= 1e295
    message = "answers to 2 samples are not finite: these get the linear estimate"
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match=message) as log:
        answer = est.predict(far)
    assert log[0].filename == __file__
    np.testing.assert_array_equal(answer[1:3], est.linear_estimate(far)[1:3])
    assert (answer[0] != est.linear_estimate(far)[0]).all()
