"""What a fit borrows of the process, given back even where it is interrupted."""

from functools import wraps

import numpy as np
import torch

__all__ = ["keeps_process_state"]


def keeps_process_state(method):
    """Decorate a method that may be interrupted anywhere.

    Contexts of torch and NumPy restore their settings in Python code, which an
    interrupt can end before it has done so: then this does. Threads take care of
    themselves, see `skhj.numerics.threads`.

    Parameters
    ----------
    method : callable
        The method.

    Returns
    -------
    callable
        The same method; torch's gradient mode and NumPy's handling of floating-point
        errors are after it what they were before.
    """

    @wraps(method)
    def keeping(*args, **kwargs):
        with_gradients, on_errors = torch.is_grad_enabled(), np.geterr()
        try:
            return method(*args, **kwargs)
        finally:
            torch.set_grad_enabled(with_gradients)
            np.seterr(**on_errors)

    return keeping
