"""An interrupt anywhere in a fit leaves nothing behind."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from rectangles import squares
from threadpoolctl import threadpool_info

import skhj
from skhj import (
    EmbeddedInverseSolver,
    HJPriorRegressor,
    PQMPrior,
    PriorInverseSolver,
)
from skhj.datasets import make_value_samples
from skhj.problems import L1, MinPlus

WATCHED = (str(Path(skhj.__file__).parent), "contextlib.py", "grad_mode.py")
X, S, G = make_value_samples(L1(), 60, 2, t=0.5, random_state=0)
WELLS = MinPlus([[1.0, 0.0], [-1.0, 0.5]], [1.0, 0.5])
SEED = {"random_state": 0}
SHORT = {"max_iter": 2, **SEED}
FITS = {
    "icnn": (HJPriorRegressor(0.5, network="icnn", **SHORT), (X, S)),
    "ridge": (HJPriorRegressor(0.5, network="ridge", **SHORT), (X, S, G)),
    "envelope": (HJPriorRegressor(0.5, network="envelope", **SHORT), (X, S)),
    "prox": (HJPriorRegressor(0.5, target="prox", **SHORT), (X, X - 0.5 * G)),
    "matching": (
        HJPriorRegressor(0.5, target="prox", prox_loss="matching", **SHORT),
        (X, X - 0.5 * G),
    ),
    "min-plus": (
        HJPriorRegressor(0.5, network="min-plus", **SHORT),
        (X, WELLS.value(X, 0.5)),
    ),
    "images": (
        HJPriorRegressor(0.01, target="prox", image_shape=(6, 6), max_iter=1, **SEED),
        squares(20, (6, 6)),
    ),
    "images from values": (
        HJPriorRegressor(0.5, image_shape=(6, 6), max_iter=1, **SEED),
        make_value_samples(L1(), 20, 36, t=0.5, random_state=0),
    ),
    "pqm": (PQMPrior(0.5), (X, S, G)),
    "eunet": (EmbeddedInverseSolver([[1.0, 0.5]], **SHORT), (X[:, :1], X)),
    "optenet": (
        EmbeddedInverseSolver([[1.0, 0.5]], network="optenet", **SHORT),
        (X[:, :1], X),
    ),
    "proximal": (
        EmbeddedInverseSolver(network="proximal", early_stopping=False, **SHORT),
        (X[:, :1], X),
    ),
    "literal": (
        EmbeddedInverseSolver([[1.0, 0.5]], precondition=False, **SHORT),
        (X @ [[1.0], [0.5]], X),
    ),
    "reconstruction": (
        PriorInverseSolver(
            [[1.0, 0.5]], L1(), noise_level=0.1, strength=1.0, max_iter=9, **SEED
        ),
        (X[:9] @ [[1.0], [0.5]], X[:9]),
    ),
    "draws": (EmbeddedInverseSolver(loss="energy", **SHORT), (X[:, :1], X)),
}
pytestmark = pytest.mark.filterwarnings("ignore")


def process_state():
    threads = [(lib["filepath"], lib["num_threads"]) for lib in threadpool_info()]
    return (
        torch.get_num_threads(),
        sorted(threads),
        torch.is_grad_enabled(),
        np.geterr(),
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        warnings.filters[:],
    )


def run(fit, stop_at=None):
    """Count the watched lines that a fit executes, and interrupt it at one of them."""
    n_lines = 0

    def trace(frame, event, arg):
        nonlocal n_lines
        if not any(part in frame.f_code.co_filename for part in WATCHED):
            return None
        if event == "line":
            n_lines += 1
            if n_lines == stop_at:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        fit()
    finally:
        sys.settrace(None)
    return n_lines


@pytest.mark.parametrize("name", FITS)
def test_a_fit_interrupted_at_any_line_leaves_nothing_behind(name):
    est, data = FITS[name]
    est.fit(*data)  # what is only loaded once is loaded now
    whole, answers, before = set(vars(est)), est.predict(data[0]), process_state()
    n_lines = run(lambda: est.fit(*data))
    # Lines of long fits are mostly those of one loop.
    size = 8 if n_lines < 50_000 else 3
    for stop_at in np.random.default_rng(0).integers(1, n_lines, size=size):
        with pytest.raises(KeyboardInterrupt):
            run(lambda: est.fit(*data), stop_at)
        # The last lines are those after all has been set.
        assert est.__sklearn_is_fitted__() == (set(vars(est)) == whole)
        assert process_state() == before
    np.testing.assert_array_equal(est.fit(*data).predict(data[0]), answers)
