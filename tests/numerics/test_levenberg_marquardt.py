"""Damped steps of Gauss and Newton."""

from typing import NamedTuple

import numpy as np
import pytest

from skhj.numerics.levenberg_marquardt import LevenbergMarquardt


class Valley(NamedTuple):
    """Rosenbrock's function, the mean of two squares."""

    point: np.ndarray

    @property
    def residuals(self):
        x, y = self.point
        return np.array([10 * (y - x * x), 1 - x])

    @property
    def error(self):
        return float((self.residuals**2).mean())

    def equations(self):
        jacobian = np.array([[-20 * self.point[0], 10.0], [-1.0, 0.0]])
        return jacobian.T @ jacobian / 2, -jacobian.T @ self.residuals / 2

    def moved(self, step):
        return Valley(self.point + step)


@pytest.fixture
def start():
    return Valley(np.array([-1.2, 1.0]))


def test_the_minimum_of_a_bent_valley_is_found(start):
    # Steps converge quadratically: the last one is rounding.
    end = LevenbergMarquardt().improved(start, 100, enough=1e-28)
    np.testing.assert_allclose(end.point, 1.0, atol=1e-12)


def test_every_step_gains(start):
    errors = [LevenbergMarquardt().improved(start, n).error for n in range(12)]
    assert errors[0] == start.error
    assert (np.diff(errors) < 0).all()


def test_no_step_is_taken_where_the_error_is_enough(start):
    assert LevenbergMarquardt().improved(start, 9, enough=start.error) is start


def test_the_minimum_itself_stays():
    minimum = Valley(np.ones(2))
    assert LevenbergMarquardt().improved(minimum, 9) is minimum
