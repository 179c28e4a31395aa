"""What a fit borrows of the process, given back even where it is interrupted."""

from functools import wraps

import numpy as np
import torch

from skhj.numerics.threads import end_phases_but, phase_of_this_thread

__all__ = ["keeps_process_state"]


def keeps_process_state(method):
    """Decorate a method that may be interrupted anywhere.

    Contexts of torch and NumPy restore their settings in Python code, which an
    interrupt can end before it has done so, and Python promises no context its exit
    where one falls on the way there: then this does.

    Parameters
    ----------
    method : callable
        The method.

    Returns
    -------
    callable
        The same method; torch's gradient mode, NumPy's handling of floating-point
        errors and the number of threads are after it what they were before.
    """

    @wraps(method)
    def keeping(*args, **kwargs):
        with_gradients, on_errors = torch.is_grad_enabled(), np.geterr()
        phase = phase_of_this_thread()
        try:
            return method(*args, **kwargs)
        finally:
            torch.set_grad_enabled(with_gradients)
            np.seterr(**on_errors)
            end_phases_but(phase)

    return keeping
