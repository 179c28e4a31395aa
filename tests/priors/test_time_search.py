"""The largest time at which samples are reachable."""

import numpy as np
import pytest
from scipy.stats import ortho_group

from skhj import HJPriorRegressor
from skhj.datasets import make_value_samples
from skhj.problems import L1, ConcaveQuadratic, NegativeL1


class Turned:
    """A problem in rotated coordinates."""

    def __init__(self, problem, d):
        self.problem, self.R = problem, ortho_group.rvs(d, random_state=0)

    def value(self, X, t):
        return self.problem.value(X @ self.R, t)

    def prox(self, X, t):
        return self.problem.prox(X @ self.R, t) @ self.R.T


@pytest.mark.parametrize("with_gradients", [False, True])
@pytest.mark.parametrize(("d", "turned"), [(2, False), (4, False), (4, True)])
def test_time_of_l1(d, turned, with_gradients):
    problem = Turned(L1(), d) if turned else L1()
    X, y, gradient = make_value_samples(problem, 1500, d, t=0.5, random_state=1)
    est = HJPriorRegressor(t="auto", random_state=0)
    est.fit(X, y, gradient=gradient if with_gradients else None)
    # What the issue asks for; the prior is as exact as the time.
    assert est.t_ == pytest.approx(0.5, rel=0.03)
    assert est.score(X, y) > 1 - 1e-5


def test_units():
    """Points times a and values times c: the time is a^2 / c times as long."""
    X, y, _ = make_value_samples(L1(), 1000, 2, t=0.5, random_state=1)
    times = [
        HJPriorRegressor(t="auto", random_state=0).fit(a * X + b, c * y + b).t_
        * c
        / a**2
        for a, b, c in [(1, 0, 1), (1e-3, 7, 10), (1e3, -2, 1e-2)]
    ]
    # The least squares of shifted and scaled samples differ by rounding; the trials
    # that follow from them by what those leave.
    np.testing.assert_allclose(times, times[0], rtol=1e-3)


@pytest.mark.parametrize("problem", [ConcaveQuadratic(kappa=0.5), NegativeL1()])
def test_every_time_fits(problem):
    X, y, _ = make_value_samples(problem, 300, 3, t=0.5, random_state=1)
    with pytest.raises(ValueError, match="t must be given"):
        HJPriorRegressor(t="auto").fit(X, y)


def test_prox_tells_no_time():
    X = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(ValueError, match="t must be given with target='prox'"):
        HJPriorRegressor(t="auto", target="prox").fit(X, X / 2)
