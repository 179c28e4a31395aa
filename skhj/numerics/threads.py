"""Threads: one for small steps, which would wait for each other and for others."""

import ctypes
import threading
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import torch
from threadpoolctl import ThreadpoolController

__all__ = ["threads_for"]


@cache
def _libraries(user_api):
    """Loaded libraries of one kind, with properties that get and set their threads."""
    return ThreadpoolController().select(user_api=user_api).lib_controllers


@cache
def _set_mkl():
    """MKL's function that sets the threads of this thread and returns what was before.

    Torch's own MKL: what torch.set_num_threads tells it outweighs OpenMP's number. Zero
    is to follow these.
    """
    for library in (Path(torch.__file__).parent / "lib").glob("*torch_cpu*"):
        with suppress(OSError, AttributeError):
            return ctypes.CDLL(str(library)).MKL_Set_Num_Threads_Local
    return lambda n_threads: 0


def _set_shared(library, n_threads):
    """Set BLAS's threads, whichever thread did so before.

    Some versions of threadpoolctl leave that to the first that asks, for good.
    """
    release = getattr(library, "clear_controlling_thread", lambda **_: None)
    release(force=True)
    library.set_num_threads(n_threads)
    release(force=True)


class _SharedLimit:
    """BLAS's threads, which the whole process shares.

    The first phase that asks for one thread sets it, the last that ends gives back
    what was before.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.phases, self.before = set(), []

    def lower(self, phase):
        """Set one thread, on behalf of a phase."""
        with self.lock:
            if not self.phases:
                self.before = [(lib, lib.num_threads) for lib in _libraries("blas")]
            self.phases.add(phase)
            for lib, _ in self.before:
                _set_shared(lib, 1)

    def restore(self, phase):
        """End a phase, whether or not its limit was set."""
        with self.lock:
            self.phases.discard(phase)
            if not self.phases:
                for lib, n_threads in self.before:
                    _set_shared(lib, n_threads)
                self.before = []


_BLAS = _SharedLimit()
_HERE = threading.local()  # of each thread, whether it is in a phase


class _Phase:
    """One thread for the thread that makes it, until its end or its own deletion.

    So an interrupt inside ``end`` itself, whose frame then dies, leaves nothing.
    """

    openmp = None

    def __init__(self):
        # In a fresh thread torch sets OpenMP's number at its first use: before ours.
        torch.get_num_threads()
        self.openmp = [(lib, lib.num_threads) for lib in _libraries("openmp")]
        self.mkl = _set_mkl()(0)
        _set_mkl()(self.mkl)

    def begin(self):
        """Set one thread."""
        _HERE.phase = True
        for lib, _ in self.openmp:
            lib.set_num_threads(1)
        _set_mkl()(1)
        _BLAS.lower(id(self))

    def end(self):
        """Set what was before; twice does no harm."""
        if self.openmp is None:
            return
        _BLAS.restore(id(self))
        _set_mkl()(self.mkl)
        for lib, n_threads in self.openmp:
            lib.set_num_threads(n_threads)
        _HERE.phase = False
        self.openmp = None

    __del__ = end


@contextmanager
def threads_for(n_products, *, small=50_000_000):
    """Run a phase on one thread where its steps are small, else on as many as set.

    Threads that share a small step wait for each other at its end, and where the
    machine is busy with other work, for that too. Inside a phase of one thread, another
    changes nothing.

    Parameters
    ----------
    n_products : float
        Multiplications in a typical step of the phase: what is done between two points
        at which threads wait for each other.
    small : float, default=50_000_000
        Steps of fewer multiplications run on one thread. It is ten milliseconds of one
        core, some hundred times what starting threads costs on an idle machine, and
        what a busy one makes a thread wait for its turn.

    Examples
    --------
    >>> import torch
    >>> from skhj.numerics.threads import threads_for
    >>> with threads_for(1000):
    ...     torch.get_num_threads()
    1
    """
    if n_products >= small or getattr(_HERE, "phase", False):
        yield
        return
    phase = _Phase()
    # All is set inside the try: an interrupt anywhere finds it put back.
    try:
        phase.begin()
        yield
    finally:
        phase.end()
