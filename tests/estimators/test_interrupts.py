"""An interrupt anywhere in a fit leaves nothing behind."""

import numpy as np
import pytest
from interrupted import process_state, run
from rectangles import squares
from sklearn.base import clone
from torch import nn

from skhj import (
    EmbeddedInverseSolver,
    HJPriorRegressor,
    PQMPrior,
    PriorInverseSolver,
)
from skhj.datasets import make_value_samples
from skhj.estimators.process_state import keeps_process_state
from skhj.priors.convex.architecture import UserArchitecture
from skhj.problems import L1, MinPlus


class Ridges(nn.Module):
    """A convex network of the user's own."""

    def __init__(self, n_features):
        super().__init__()
        self.linear = nn.Linear(n_features, 4)

    def forward(self, x):
        return nn.functional.softplus(self.linear(x)).sum(1)


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
    "user": (HJPriorRegressor(0.5, network=Ridges, **SHORT), (X, S)),
    "polyhedral": (HJPriorRegressor(0.5, network="polyhedral", **SHORT), (X, S)),
    "sorted": (HJPriorRegressor(0.5, network="sorted", **SHORT), (X, S)),
    "metric": (
        HJPriorRegressor(0.5, network="ridge", metric=[1.0, 2.0], **SHORT),
        (X, S, G),
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
    "pairs": (
        PriorInverseSolver(
            [[1.0, 0.5]], PQMPrior(0.5).fit(X, S, G), max_iter=5, **SEED
        ),
        (X[:9] @ [[1.0], [0.5]], X[:9]),
    ),
    "missing": (
        EmbeddedInverseSolver([[1.0, 0.5], [0.0, 1.0]], missing="allow", **SHORT),
        (np.where(X > 1.5, np.nan, X), X),
    ),
    "convolutions": (
        EmbeddedInverseSolver(image_shape=(6, 6), noise_level=0.1, **SHORT),
        squares(20, (6, 6)),
    ),
    "draws": (EmbeddedInverseSolver(loss="energy", **SHORT), (X[:, :1], X)),
}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", FITS)
def test_a_fit_interrupted_at_any_line_leaves_nothing_behind(name):
    est, data = FITS[name]
    est.fit(*data)  # what is only loaded once is loaded now
    whole, answers, before = dict(vars(est)), est.predict(data[0]), process_state()
    times = run(lambda: est.fit(*data))
    # Lines as they are first and last come to: most of those executed are one loop's.
    size = 6 if times[-1] < 50_000 else 2
    for stop_at in np.random.default_rng(0).choice(times, size, replace=False):
        vars(est).update(whole)  # fitted again: to forget a fit takes lines too
        with pytest.raises(KeyboardInterrupt) as interrupt:
            run(lambda: est.fit(*data), stop_at)
        # The last lines are those after all has been set.
        assert est.__sklearn_is_fitted__() == (vars(est).keys() == whole.keys())
        # Now, not only once the frames that were left are gone, as in a notebook.
        assert process_state() == before
        del interrupt
    assert process_state() == before
    np.testing.assert_array_equal(est.fit(*data).predict(data[0]), answers)
    np.testing.assert_array_equal(clone(est).fit(*data).predict(data[0]), answers)


def test_an_interrupt_while_a_module_is_made_gives_the_global_generator_back():
    @keeps_process_state
    def make():
        UserArchitecture(Ridges).core(2, seed=0)

    make()
    before = process_state()
    for stop_at in range(1, run(make)[-1] + 1):
        with pytest.raises(KeyboardInterrupt):
            run(make, stop_at)
        assert process_state() == before
    make()  # It would wait for a lock that is still held.
