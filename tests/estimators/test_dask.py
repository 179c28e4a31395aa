"""Searches on dask's workers: the same scores, a thread each."""

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV

from skhj import EmbeddedInverseSolver, PQMPrior
from skhj.datasets import make_duathlon
from skhj.problems import L1

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    """Two workers of one thread each."""
    kinds = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(**kinds) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def searches():
    B, X = make_duathlon(120, random_state=0)
    solver = EmbeddedInverseSolver(np.ones((1, 2)), max_iter=2, random_state=0)
    grid = {"network": ["eunet", "proximal"], "learning_rate": [1e-3, 1e-2]}
    P = np.random.RandomState(0).normal(size=(120, 2))
    yield HalvingGridSearchCV(solver, grid, cv=3, random_state=0), B, X
    prior = HalvingGridSearchCV(PQMPrior(), {"t": [0.5, 1.0]}, cv=3, random_state=0)
    yield prior, P, L1().value(P, 1.0)


# Two passes over 80 samples learn little, and pieces at t=0.5 are not those of t=1.
@pytest.mark.filterwarnings("ignore:the network is no better:UserWarning")
@pytest.mark.filterwarnings("ignore:no prior generates these samples:UserWarning")
def test_scores_are_those_of_a_serial_search(client):
    for search, X, y in searches():
        serial = search.fit(X, y).cv_results_["mean_test_score"]
        with parallel_config("dask"):
            on_dask = search.fit(X, y).cv_results_["mean_test_score"]
        # Other processes may take other blocks of a product: the last digits differ.
        np.testing.assert_allclose(on_dask, serial, rtol=1e-6)


def test_workers_take_a_thread_each(client):
    assert set(client.run(torch.get_num_threads).values()) == {1}
