"""Data that stay on disk: the same fit, in the memory of a block."""

import tempfile
import tracemalloc

import numpy as np
import pytest

from skhj import EmbeddedInverseSolver, HJPriorRegressor
from skhj.estimators.stored_arrays import drawn_rows
from skhj.numerics.blocks import row_blocks
from skhj.numerics.memory_maps import is_mapped
from skhj.operators import ExponentialBlur
from skhj.problems import L1

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:operator does not explain"
)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks, and arrays that memory may hold, of a few thousand numbers."""
    monkeypatch.setitem(row_blocks.__kwdefaults__, "block_size", 2000)
    monkeypatch.setitem(is_mapped.__kwdefaults__, "small", 100)


def mapped(array):
    with tempfile.TemporaryFile() as file:
        values = np.memmap(file, dtype=array.dtype, mode="w+", shape=array.shape)
    values[:] = array
    return values


def dask_array(array):
    dask = pytest.importorskip("dask.array")
    return dask.from_array(array, chunks=(37, -1)[: array.ndim])


def pairs(n, n_unknowns=6, n_data=8, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n_data, n_unknowns))
    X = rng.choice([-1.0, 1.0], size=(n, n_unknowns)) + 0.1 * rng.normal(
        size=(n, n_unknowns)
    )
    B = X @ A.T + 0.1 * rng.normal(size=(n, n_data))
    return A, B.astype(np.float32), X.astype(np.float32)


def small(operator, **params):
    given = {"max_iter": 2, "n_layers": 2, "embedding_dim": 8, "random_state": 0}
    return EmbeddedInverseSolver(operator, **given | params)


A, B, X = pairs(400)
HOLED = np.where(np.random.default_rng(1).random(B.shape) < 0.2, np.nan, B)
BLUR = ExponentialBlur((8, 8), 1.0)
IMAGES = np.random.default_rng(2).normal(size=(300, 8, 8)).cumsum(axis=1).cumsum(axis=2)
IMAGES = IMAGES.reshape(300, 64).astype(np.float32)
BLURRED = BLUR.data(IMAGES) + np.float32(0.01)

FITS = {
    "operator": (small(A), B, X),
    "no operator": (small(None, noise_level=None), B, X),
    "one output": (small(A[:, :1]), B, X[:, 0]),
    "known noise": (small(A, noise_level=0.3), B, X),
    "literal": (small(A, precondition=False), B, X),
    "all seen": (small(A, early_stopping=False), B, X),
    "draws": (small(A, loss="energy"), B, X),
    "missing": (small(A, missing="allow"), HOLED, X),
    "missing, no operator": (small(None, missing="allow"), HOLED, X),
    "images": (small(BLUR, image_shape=(8, 8), network="proximal"), BLURRED, IMAGES),
    "draws of images": (
        small(BLUR, image_shape=(8, 8), loss="energy", max_iter=1, n_layers=1),
        BLURRED,
        IMAGES,
    ),
    "equal rows": (small(A), np.repeat(B, 2, axis=0), np.repeat(X, 2, axis=0)),
    "whole numbers": (small(None), np.round(9 * B).astype(np.int16), np.sign(X)),
}


@pytest.mark.parametrize("store", [mapped, dask_array])
@pytest.mark.parametrize("case", FITS)
def test_fit_of_data_on_disk_is_that_of_data_in_memory(case, store):
    est, B, X = FITS[case]
    in_memory = est.fit(B, X).predict(B)
    curve = est.loss_curve_
    on_disk = est.fit(store(B), store(X)).predict(store(B))
    # Products of a batch and of a block round differently, before single precision.
    np.testing.assert_allclose(on_disk, in_memory, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(est.loss_curve_, curve, rtol=1e-6)
    assert on_disk.dtype == in_memory.dtype


def test_answers_to_data_on_disk_are_those_to_data_in_memory():
    est = small(A, loss="energy").fit(B, X)
    for answer in (est.residual, est.linear_estimate, est.trajectory, est.sample):
        np.testing.assert_allclose(answer(mapped(B)), answer(B), rtol=1e-6)


def test_scores_of_chunks_of_unknown_height_are_those_in_memory():
    def chunks(array):
        array = dask_array(array)
        return array[array.reshape(len(B), -1)[:, 0] < np.inf]

    weights = np.arange(len(B)) % 3
    points = np.random.RandomState(0).normal(size=(len(B), 2))
    prior = HJPriorRegressor(network="ridge", random_state=0)
    for est, data, targets in (
        (small(A), B, X),
        (prior, points, L1().value(points, 1.0)),
    ):
        expected = est.fit(data, targets).score(data, targets, weights)
        given = est.score(chunks(data), chunks(targets), chunks(weights))
        np.testing.assert_allclose(given, expected, rtol=1e-9)


def test_weights_count_rows_on_disk():
    weights = np.arange(len(B)) % 3
    in_memory = small(A).fit(B, X, sample_weight=weights).predict(B)
    on_disk = small(A).fit(mapped(B), mapped(X), sample_weight=weights).predict(B)
    np.testing.assert_allclose(on_disk, in_memory, rtol=1e-6, atol=1e-6)


def test_one_array_on_disk_is_enough():
    in_memory = small(A).fit(B, X).predict(B)
    for data, models in ((mapped(B), X.tolist()), (B, mapped(X))):
        given = small(A).fit(data, models).predict(B)
        np.testing.assert_allclose(given, in_memory, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("store", [mapped, dask_array])
def test_what_is_wrong_on_disk_is_named(store):
    wrong = X.copy()
    wrong[-1, 0] = np.inf
    with pytest.raises(ValueError, match="Input y contains infinity"):
        small(A).fit(store(B), store(wrong))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        small(A).fit(store(HOLED), store(X))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        small(A).fit(store(B[:-1]), store(X))
    with pytest.raises(ValueError, match="8 features"):
        small(A).fit(B, X).predict(store(B[:, 1:]))


def grown_by(est, few, all_of_them):
    """Peak of arrays in a fit to all of them, beyond that in one to few."""
    est.fit(*few)  # what is imported and cached at first
    peaks = []
    for arrays in (few, all_of_them):
        tracemalloc.start()
        est.fit(*arrays)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return peaks[1] - peaks[0]


def test_peak_of_arrays_does_not_grow_with_the_data_on_disk(monkeypatch):
    monkeypatch.setitem(row_blocks.__kwdefaults__, "block_size", 2**14)
    _, B, X = pairs(20_000, n_unknowns=40, n_data=40)
    est = small(None, max_iter=1, batch_size=1000, early_stopping=False)
    all_of_them = mapped(B), mapped(X)
    few = [mapped(array[:2000]) for array in (B, X)]
    # Indices and flags of rows take some fifty bytes of each, of 320.
    assert grown_by(est, few, all_of_them) < 0.25 * 18_000 * 320


def values(n=300):
    P = np.random.default_rng(3).normal(size=(n, 2)).astype(np.float32)
    return P, L1().value(P, 0.5), np.clip(P / 0.5, -1, 1)


@pytest.mark.parametrize("store", [mapped, dask_array])
def test_priors_of_values_on_disk_are_those_in_memory(store):
    P, S, G = values()
    prior = HJPriorRegressor(t=0.5, network="ridge", random_state=0)
    in_memory = prior.fit(P, S, gradient=G).predict(P)
    on_disk = prior.fit(store(P), store(S), gradient=store(G)).predict(P)
    np.testing.assert_array_equal(on_disk, in_memory)


def test_priors_of_more_values_than_memory_holds_are_those_of_some(monkeypatch):
    P, S, _ = values()
    weights = np.arange(300) % 2 + 1
    monkeypatch.setitem(drawn_rows.__kwdefaults__, "most_numbers", 3 * 200)
    rows = np.sort(np.random.RandomState(0).permutation(300)[:200])
    S[rows[7]] = 1e6
    prior = HJPriorRegressor(t=0.5, network="ridge", random_state=0)
    with pytest.warns(UserWarning, match="drawn at random|far from what") as told:
        prior.fit(mapped(P), mapped(S), sample_weight=weights)
    assert "200 of their 300 rows" in str(told[0].message)
    assert prior.outliers_.tolist() == [rows[7]]
    answers = prior.predict(P)
    with pytest.warns(UserWarning, match="far from what all other"):
        prior.fit(P[rows], S[rows], sample_weight=weights[rows])
    np.testing.assert_array_equal(prior.predict(P), answers)


@pytest.mark.filterwarnings("ignore:arrays on disk are more than a fit holds")
def test_peak_of_arrays_of_priors_is_that_of_the_rows_drawn(monkeypatch):
    monkeypatch.setitem(row_blocks.__kwdefaults__, "block_size", 2**12)
    monkeypatch.setitem(drawn_rows.__kwdefaults__, "most_numbers", 9 * 500)
    P = np.random.default_rng(4).normal(size=(20_000, 8)).astype(np.float32)
    arrays = P, L1().value(P, 0.5)
    few, all_of_them = ([mapped(a[:n]) for a in arrays] for n in (1000, 20_000))
    prior = HJPriorRegressor(t=0.5, network="ridge", random_state=0)
    # A row of 40 bytes has a place, of eight, in an order of all, which is copied.
    assert grown_by(prior, few, all_of_them) < 0.6 * 19_000 * 40


def test_values_that_are_not_finite_on_disk_are_named():
    P, S, _ = values()
    S[-1] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        HJPriorRegressor(t=0.5, network="ridge").fit(mapped(P), mapped(S))
