"""Thread limits: one inside a phase of small steps, and afterwards what was before."""

import subprocess
import sys
import threading

import pytest
import torch
from interrupted import WATCHED, process_state, run
from interrupted import threads as numbers
from threadpoolctl import threadpool_info, threadpool_limits
from torch import nn

from skhj.numerics.threads import threads_for
from skhj.training import Schedule, Trainer


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


def one_thread():
    with threads_for(1000):
        assert torch.get_num_threads() == 1


def test_an_interrupt_at_any_line_of_a_phase_leaves_no_limit_and_no_lock():
    one_thread()  # What is only looked up once is looked up now.
    before, watched = process_state(), (*WATCHED, __file__)
    times = run(one_thread, watched=watched)
    assert len(times) > 50
    for stop_at in range(1, times[-1] + 1):
        with pytest.raises(KeyboardInterrupt):
            run(one_thread, stop_at, watched)
        assert process_state() == before
        phase = Phase()
        phase.start()
        phase.end.set()
        phase.join(60)  # It needs the lock, which belongs to a thread.
        assert set(phase.seen["inside"].values()) == {1}
    one_thread()
    assert process_state() == before


def test_an_interrupt_is_never_swallowed_and_nothing_is_left_to_a_finaliser(recwarn):
    """Nothing is printed as ignored: pytest makes a warning of that."""
    one_thread()
    for stop_at in range(1, run(one_thread)[-1] + 1):
        with pytest.raises(KeyboardInterrupt) as interrupt:
            run(one_thread, stop_at)
        del interrupt
    assert not recwarn


class Recorder(nn.Linear):
    """A module that notes the threads it is trained on."""

    seen = ()

    def forward(self, x):
        self.seen += tuple(numbers().values())
        return super().forward(x)[:, 0]


def test_the_first_training_in_a_fresh_thread_is_on_one_thread():
    """Torch sets the numbers of a thread at its first use there."""
    torch.set_num_threads(3)
    module, after = Recorder(2, 1), []
    rows = torch.ones(8, 2), torch.ones(8)

    def fit():
        generator = torch.Generator().manual_seed(0)
        Trainer(Schedule(1, 4, 0.1), generator).train(module, SquaredError(), rows)
        after.append(numbers())

    before = numbers()
    thread = threading.Thread(target=fit)
    thread.start()
    thread.join(60)
    assert set(module.seen) == {1}
    assert after[0]["torch"] == 3
    assert numbers() == before


class SquaredError(nn.Module):
    def forward(self, predictions, targets):
        return ((predictions - targets[0]) ** 2).mean()


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
