"""Devices that an estimator is asked for."""

import pytest
import torch

from skhj.estimators.device import resolve_device, resolve_device_or_cpu


def test_device_none_is_one_that_exists():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device(None).type == expected
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "nonsense:0", 1.5])
def test_unknown_device_is_named(device):
    with pytest.raises(ValueError, match=f"device must be .*, got {device!r}"):
        resolve_device(device)


def test_a_model_loads_on_the_cpu_where_its_device_is_missing():
    assert resolve_device_or_cpu("cuda:99").type == "cpu"
