"""Interrupts at a line of a call, and what a call is not to leave in the process."""

import sys
import warnings
from pathlib import Path

import numpy as np
import sklearn
import torch
from threadpoolctl import threadpool_info

import skhj
from skhj.numerics.threads import phase_of_this_thread

HERE = str(Path(skhj.__file__).parent)
# Not threadpoolctl: a lock of its own is held on a line where only tracing stops.
WATCHED = (HERE, "contextlib.py", "grad_mode.py")


def threads():
    """Threads of every pool, by the file of its library, and torch's."""
    pools = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    return pools | {"torch": torch.get_num_threads()}


def process_state():
    """What calls borrow of this process and this thread."""
    return {
        "threads": threads(),
        "phase": phase_of_this_thread(),
        "gradients": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "errors": np.geterr(),
        "torch": torch.get_rng_state().tolist(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "warnings": warnings.filters[:],
        "scikit-learn": sklearn.get_config(),
    }


def run(call, stop_at=None, watched=WATCHED):
    """Interrupt a call at one of the watched lines that it executes.

    Returns when each of the lines was first and last come to.
    """
    n_lines, first, last = 0, {}, {}

    def trace(frame, event, arg):
        nonlocal n_lines
        if not any(part in frame.f_code.co_filename for part in watched):
            return None
        if event == "line":
            n_lines += 1
            line = frame.f_code.co_filename, frame.f_lineno
            first.setdefault(line, n_lines)
            last[line] = n_lines
            if n_lines == stop_at:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
    return sorted({*first.values(), *last.values()})
