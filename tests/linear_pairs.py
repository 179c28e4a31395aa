"""Gaussian models and their noisy linear measurements."""

import numpy as np


def linear_pairs(n=400, M=5, N=8, noise=0.3, seed=0):
    rng = np.random.RandomState(seed)
    A = rng.normal(size=(M, N))
    X = rng.normal(size=(n, N)) @ rng.normal(size=(N, N)) + rng.normal(size=N)
    return X @ A.T + noise * rng.normal(size=(n, M)), X, A
