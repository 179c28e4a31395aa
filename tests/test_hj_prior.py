"""HJPriorRegressor: what it recovers, what it keeps, and what it refuses."""

import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.problems import L1, ConcaveQuadratic, MinPlus, NegativeL1

T = 0.8
PROBLEMS = {
    "l1": L1(),
    "negative_l1": NegativeL1(),
    "concave": ConcaveQuadratic(0.5),
    "min_plus": MinPlus([[1.0, 0.0], [-1.0, 0.5]], [1.0, 0.5]),
}
SMALL = {"hidden_layer_sizes": (16,), "wide_units": 32, "max_iter": 30}
unconverged = pytest.mark.filterwarnings(
    "ignore:the network of the:sklearn.exceptions.ConvergenceWarning"
)


def samples(problem, n, *, seed=0, d=2, t=T):
    return make_value_samples(problem, n, d, t=t, random_state=seed)


@pytest.fixture(scope="module")
def fitted():
    X, y, _ = samples(L1(), 1000)
    with pytest.warns(ConvergenceWarning) if False else _quiet():
        return HJPriorRegressor(T, random_state=0, **SMALL).fit(X, y)


class _quiet:
    def __enter__(self):
        import warnings

        self.catch = warnings.catch_warnings()
        self.catch.__enter__()
        warnings.simplefilter("ignore", ConvergenceWarning)

    def __exit__(self, *exc):
        return self.catch.__exit__(*exc)
