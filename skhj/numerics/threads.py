"""Threads: one for small steps, which would wait for each other and for others."""

import ctypes
import threading
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import torch
from threadpoolctl import ThreadpoolController

__all__ = ["alone", "end_phases_but", "phase_of_this_thread", "threads_for"]


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


def alone(lock, function, *args):
    """Call a function while holding a lock, and return what it returns.

    Parameters
    ----------
    lock : threading.Lock or threading.RLock
        The lock.
    function : callable
        What nobody else is to do meanwhile.
    *args : object
        Its arguments.

    Returns
    -------
    object
        What it returns.
    """
    # One line: a tool that traces lines, and raises at one, finds none on which the
    # lock is held and nobody has yet begun to, or no longer will, give it back.
    with lock: return function(*args)  # fmt: skip  # noqa: E701


class _SharedLimit:
    """BLAS's threads, which the whole process shares.

    The first phase that asks for one thread sets it, the last that ends gives back
    what was before.
    """

    def __init__(self):
        # The garbage collector may end a phase while this thread holds the lock.
        self.lock = threading.RLock()
        self.phases, self.before = set(), []

    def lower(self, phase):
        """Set one thread, on behalf of a phase."""
        alone(self.lock, self._lower, phase)

    def restore(self, phase):
        """End a phase, whether or not its limit was set."""
        alone(self.lock, self._restore, phase)

    def _lower(self, phase):
        if not self.phases:
            self.before = [(lib, lib.num_threads) for lib in _libraries("blas")]
        self.phases.add(phase)
        for lib, _ in self.before:
            _set_shared(lib, 1)

    def _restore(self, phase):
        self.phases.discard(phase)
        if not self.phases:
            for lib, n_threads in self.before:
                _set_shared(lib, n_threads)
            self.before = []


class _Here(threading.local):
    """What each thread knows of itself.

    Attributes
    ----------
    phase : _Phase or None
        The phase that it is in.
    """

    phase = None


_BLAS = _SharedLimit()
_HERE = _Here()


class _Phase:
    """One thread for the thread that begins it, until its end.

    All that was before is known before anything is changed, so that ``end`` is right
    at whichever point ``begin`` stopped, and once more where ``end`` itself did.
    """

    def __init__(self):
        # In a fresh thread torch sets OpenMP's number at its first use: before ours.
        torch.get_num_threads()
        self.openmp = [(lib, lib.num_threads) for lib in _libraries("openmp")]
        self.mkl = []

    def begin(self):
        """Set one thread."""
        _HERE.phase = self
        for lib, _ in self.openmp:
            lib.set_num_threads(1)
        # MKL tells what was before only as it is changed: an interrupt comes between
        # two steps of Python, and this is one.
        self.mkl.extend(map(_set_mkl(), [1]))
        _BLAS.lower(self)

    def end(self):
        """Set what was before; twice does no harm."""
        _BLAS.restore(self)
        if _HERE.phase is not self:
            return
        for n_threads in self.mkl:
            _set_mkl()(n_threads)
        for lib, n_threads in self.openmp:
            lib.set_num_threads(n_threads)
        _HERE.phase = None


def end_phases_but(outer):
    """End the phase of this thread, unless it is the one given.

    Parameters
    ----------
    outer : object or None
        What `phase_of_this_thread` was when what is ending now began.
    """
    if _HERE.phase is not None and _HERE.phase is not outer:
        _HERE.phase.end()


def phase_of_this_thread():
    """Phase of one thread that this thread is in.

    Returns
    -------
    object or None
        The phase.
    """
    return _HERE.phase


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
    if n_products >= small or _HERE.phase is not None:
        yield
        return
    phase = _Phase()
    # Twice: an interrupt on the way to the first end, or in it, finds the second.
    try:
        try:
            phase.begin()
            yield
        finally:
            phase.end()
    finally:
        phase.end()
