"""Rows that are read, mapped and summed a block at a time."""

import numpy as np
import pytest

from skhj.numerics.blocks import row_blocks
from skhj.numerics.memory_maps import is_mapped
from skhj.numerics.rows import (
    Rows,
    extent,
    gathered,
    means_and_counts,
    total,
    variance,
)
from skhj.numerics.tensors import TensorRows

X = np.random.default_rng(0).normal(size=(50, 4))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of a few rows, and maps of which the smallest are large."""
    monkeypatch.setitem(row_blocks.__kwdefaults__, "block_size", 30)
    monkeypatch.setitem(is_mapped.__kwdefaults__, "small", 10)


@pytest.fixture(params=["memory", "map", "view of a map", "private map"])
def array(request, tmp_path):
    if request.param == "memory":
        return X.astype(np.float32)
    np.save(tmp_path / "X.npy", X.astype(np.float32))
    mode = "c" if request.param == "private map" else "r"
    mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
    return np.asarray(mapped)[:] if request.param == "view of a map" else mapped


def test_rows_are_those_of_the_array_in_double_precision(array):
    rows, expected = Rows.of(array), np.array(array, dtype=np.float64)
    some = np.array([7, 3, 3])
    mask = expected[:, 0] > 0
    for chosen in (slice(2, 9), some, mask):
        for given in (rows[chosen], rows.take(chosen)[:]):
            assert given.dtype == np.float64
            np.testing.assert_array_equal(given, expected[chosen])
    np.testing.assert_array_equal(rows.take(mask).take(slice(2))[:], expected[mask][:2])
    assert rows.dtype == np.float32
    assert rows.on_disk == (not array.flags.owndata)


def test_what_a_private_map_changed_stays(tmp_path):
    np.save(tmp_path / "X.npy", X)
    private = np.load(tmp_path / "X.npy", mmap_mode="c")
    private[3] = 5.0
    np.testing.assert_array_equal(Rows.of(private)[2:4][1], 5.0)
    np.testing.assert_array_equal(private[3], 5.0)


def test_sums_over_blocks_are_those_over_all(array):
    rows, V = Rows.of(array), np.array(array, dtype=np.float64)
    products = total(lambda x, y: (x.T @ y, y.sum()), rows, V)
    # Rounding of sums of fifty numbers.
    np.testing.assert_allclose(products[0], V.T @ V, rtol=1e-12)
    np.testing.assert_allclose(products[1], V.sum(), rtol=1e-12)
    np.testing.assert_allclose(rows.mean(), V.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance(rows), V.var(), rtol=1e-12)
    np.testing.assert_array_equal(gathered(lambda x: x[:, 1], rows), V[:, 1])


def test_extent_leaves_out_what_is_missing():
    holed = np.where(X > 1.5, np.nan, X)
    smallest, largest = extent(holed)
    np.testing.assert_array_equal(smallest, np.nanmin(holed, axis=0))
    np.testing.assert_array_equal(largest, np.nanmax(holed, axis=0))


def test_means_leave_out_what_is_missing():
    holed = np.where(X > 1, np.nan, X)
    means, counts = means_and_counts(holed)
    np.testing.assert_allclose(means, np.nanmean(holed, axis=0))
    assert counts.tolist() == (X <= 1).sum(axis=0).tolist()


def test_maps_of_rows_are_made_when_they_are_read(array):
    V = np.array(array, dtype=np.float64)
    made = Rows.of(array).map(lambda x, y: (x * y)[:, :2], V + 1)
    assert made.shape == (50, 2)
    np.testing.assert_array_equal(made[10:20], (V * (V + 1))[10:20, :2])
    np.testing.assert_allclose(Rows.of(array).centred()[:].mean(axis=0), 0, atol=1e-15)


def test_what_is_kept_is_computed_once_and_on_disk_if_its_source_is(array):
    read = []
    source = Rows.of(array)
    made = source.map(lambda x: read.append(len(x)) or x / 2)
    kept = made.kept()
    once = len(read)
    np.testing.assert_array_equal(kept[:], source[:] / 2)
    assert len(read) == once
    assert kept.on_disk == source.on_disk


def test_rows_evenly_spread_are_of_every_quarter():
    spread = Rows.of(np.arange(10.0)[:, None]).spread(4)
    assert spread[:].ravel().tolist() == [0, 2, 5, 7]
    assert Rows.of(X).spread(50).shape == X.shape


def test_tensors_of_rows_are_whole_unless_on_disk(array):
    rows = Rows.of(array)
    tensor = TensorRows(rows, "cpu").settled()
    assert isinstance(tensor, TensorRows) == rows.on_disk
    np.testing.assert_array_equal(tensor[:], array)
    blocks = list(TensorRows(rows, "cpu").blocks())
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks), array)
