"""Several processes that train one network, on the CPU by gloo."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skhj.numerics.blocks import row_blocks
from skhj.numerics.rows import Rows
from skhj.numerics.tensors import TensorRows
from skhj.training import share_training
from skhj.training.processes import Processes

N_PROCESSES = 2


@pytest.fixture(scope="module")
def of_processes(tmp_path_factory):
    """What each of the processes found."""
    pytest.importorskip("accelerate")
    folder = tmp_path_factory.mktemp("shared")
    script = Path(__file__).with_name("shared_training.py")
    launch = f"torch.distributed.run --standalone --nproc-per-node {N_PROCESSES}"
    command = [sys.executable, "-m", *launch.split(), str(script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [np.load(folder / f"{index}.npz") for index in range(N_PROCESSES)]


@pytest.fixture(scope="module")
def alone(of_processes):
    from shared_training import curves

    return curves(0)


@pytest.mark.parametrize("of", ["prior", "solver"])
@pytest.mark.parametrize("curve", ["loss", "second"])
def test_loss_curves_are_those_of_one_process_with_the_joint_batch(
    of_processes, alone, of, curve
):
    for found in of_processes:
        # Batches are summed in another order, in single precision.
        np.testing.assert_allclose(
            found[f"{of}_{curve}"], alone[f"{of}_{curve}"], rtol=1e-4
        )


@pytest.mark.parametrize("of", ["prior", "solver"])
def test_all_processes_end_with_the_same_model(of_processes, of):
    first, *others = (found[f"{of}_answers"] for found in of_processes)
    for answers in others:
        np.testing.assert_array_equal(answers, first)


def test_processes_with_other_seeds_are_refused_by_all(of_processes):
    for found in of_processes:
        assert "random_state must be an int" in str(found["refused"])


@pytest.mark.parametrize("given", [3, Processes])
def test_what_is_no_accelerator_is_refused(given, monkeypatch):
    # A class has the attributes that its objects have.
    for name in ("num_processes", "process_index", "reduce", "device"):
        monkeypatch.setattr(Processes, name, None, raising=False)
    with (
        pytest.raises(TypeError, match="accelerator must be an accelerate.Accelerator"),
        share_training(given),
    ):
        pass


def test_rows_that_are_read_when_asked_for_agree_as_tensors_do(monkeypatch):
    class Twins:
        """Two processes that agree."""

        num_processes, device, seen = 2, "cpu", ()

        def reduce(self, number, reduction):
            self.seen = (*self.seen, number)
            return 2 * number

    monkeypatch.setitem(row_blocks.__kwdefaults__, "block_size", 4)
    rows, twins = np.arange(12.0).reshape(6, 2), Twins()
    Processes(twins).check_agreement(TensorRows(Rows.of(rows), "cpu"))
    np.testing.assert_array_equal(twins.seen[0], [[rows.sum(), (rows**2).sum()]])
