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
    torch.get_num_threads()  # Its first use sets a number of its own.
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


WORK = """
import threading
import time
import torch
from skhj.numerics.threads import threads_for

A = torch.rand(1000, 1000, dtype=torch.float64)

def share_of_this_thread(work):
    work()
    time.sleep(0.3)  # Threads that have just worked wait busily for more.
    every, own = time.process_time(), time.thread_time()
    work()
    return (time.thread_time() - own) / (time.process_time() - every)

def run():
    with threads_for(1000):
        inside.append(share_of_this_thread(lambda: A @ A))
        inside.append(share_of_this_thread(lambda: A.numpy() @ A.numpy()))
    after.append((torch.get_num_threads(), share_of_this_thread(lambda: A @ A)))

torch.set_num_threads(3)
inside, after = [], []
threads = [threading.Thread(target=run) for _ in range(2)]
for thread in threads:
    thread.start()
    thread.join()
run()
assert min(inside) > 0.9, inside
assert all(n == 3 and share < 0.7 for n, share in after), after
"""


def test_threads_that_have_not_used_torch_work_alone_inside_and_not_after():
    """In a process of its own: torch sets a thread's number at its first use."""
    run = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
