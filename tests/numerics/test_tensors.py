"""Tensors of arrays in every layout that a user's data may have."""

import warnings

import numpy as np
import pytest
import torch

from skhj.numerics.tensors import to_tensor

BASE = np.arange(12.0).reshape(4, 3)


def read_only():
    array = BASE.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "negative strides": BASE[::-1, ::-1],
    "one reversed row": BASE[:1][::-1],
    "one row of a reversed view": BASE[::-1][2:3],
    "every other column": BASE[:, ::2],
    "Fortran": np.asfortranarray(BASE),
    "read-only": read_only(),
    "big-endian": BASE.astype(">f8"),
    "zero strides": np.broadcast_to(BASE[0], (4, 3)),
    "empty": BASE[:0],
    "scalar": np.array(2.0),
    "integers": BASE.astype(np.int32),
    "big-endian integers": BASE.astype(">i2"),
    "unsigned": BASE.astype(np.uint16),
    "bool": BASE > 3,
    "single": BASE.astype(np.float32),
    "half": BASE.astype(np.float16),
}


@pytest.mark.parametrize("array", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numbers_are_the_arrays_and_memory_is_the_tensors_own(array, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = to_tensor(array, dtype=dtype)
    assert tensor.is_contiguous()
    assert tensor.numpy().dtype == dtype
    np.testing.assert_array_equal(tensor.numpy(), array.astype(dtype))
    before = array.copy()
    tensor += 1
    np.testing.assert_array_equal(array, before)


def test_a_memory_map_on_disk_is_read(tmp_path):
    np.save(tmp_path / "array.npy", BASE)
    for mode in ("r", "c"):
        mapped = np.load(tmp_path / "array.npy", mmap_mode=mode)
        tensor = to_tensor(mapped[::-1])
        np.testing.assert_array_equal(tensor.numpy(), BASE[::-1])


def test_the_device_is_the_one_asked_for():
    assert to_tensor(BASE, device=torch.device("meta")).device.type == "meta"
