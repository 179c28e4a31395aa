"""Thread limits: one inside a phase of small steps, and afterwards what was before."""

import subprocess
import sys
import threading

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from skhj.numerics.threads import threads_for


def numbers():
    """Threads of every pool, by the file of its library, and torch's."""
    pools = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    return pools | {"torch": torch.get_num_threads()}


@pytest.fixture(autouse=True)
def _three_threads():
    """More than one to begin with, on any machine."""
    with threadpool_limits(3):
        assert set(numbers().values()) == {3}
        yield


def test_small_steps_run_on_one_thread_and_large_ones_on_all():
    with threads_for(1000):
        assert set(numbers().values()) == {1}
    assert set(numbers().values()) == {3}
    with threads_for(1e12):
        assert set(numbers().values()) == {3}
    with threads_for(1000, small=100):
        assert set(numbers().values()) == {3}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_what_was_before_is_put_back_after_an_error(error):
    with pytest.raises(error), threads_for(1000):
        raise error
    assert set(numbers().values()) == {3}


def test_nested_phases_put_back_each_its_own():
    with threads_for(1000):
        with threads_for(1000):
            assert set(numbers().values()) == {1}
        assert set(numbers().values()) == {1}
        with threads_for(1e12):  # Part of a small step is small.
            assert set(numbers().values()) == {1}
    assert set(numbers().values()) == {3}


def test_an_exception_in_an_inner_phase_leaves_the_outer_one_as_it_was():
    with threads_for(1000):
        with pytest.raises(ValueError, match="inner"), threads_for(1000):
            raise ValueError("inner")
        assert set(numbers().values()) == {1}
    assert set(numbers().values()) == {3}


class Phase(threading.Thread):
    """A thread in a phase, which begins and ends when it is told to."""

    def __init__(self):
        super().__init__()
        self.begun, self.end = threading.Event(), threading.Event()
        self.seen = {}

    def run(self):
        self.seen["before"] = torch.get_num_threads()
        with threads_for(1000):
            self.seen["inside"] = numbers()
            self.begun.set()
            self.end.wait(60)
        self.seen["after"] = torch.get_num_threads()


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_phases_of_two_threads_overlap(first_ends_first):
    """The pool that both share has its number back when the last of them ends."""
    phases = [Phase(), Phase()]
    for phase in phases:
        phase.start()
        assert phase.begun.wait(60)
    for phase in phases if first_ends_first else phases[::-1]:
        shared = [
            p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"
        ]
        assert set(shared) == {1}
        phase.end.set()
        phase.join(60)
    assert set(numbers().values()) == {3}
    for phase in phases:
        assert set(phase.seen["inside"].values()) == {1}
        assert phase.seen["after"] == phase.seen["before"]


FRESH = """
import threading
import torch
from threadpoolctl import threadpool_info
from skhj.numerics.threads import threads_for

def openmp():
    pools = threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "openmp"}

def run():
    with threads_for(1000):
        A = torch.ones(64, 64)
        (A @ A).exp().sum()
        seen.append((torch.get_num_threads(), openmp()))
    seen.append((torch.get_num_threads(), openmp()))

torch.set_num_threads(3)
seen = []
thread = threading.Thread(target=run)
thread.start()
thread.join()
print(seen)
"""


def test_a_thread_that_has_not_used_torch_runs_on_one_too():
    """In a process of its own: torch sets a thread's number at its first use."""
    run = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[(1, {1}), (3, {3})]"
