"""Tests run side by side, a process a core: each takes one thread."""

import os

# Before NumPy and torch are imported, here and in the processes that pytest-xdist
# starts.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
