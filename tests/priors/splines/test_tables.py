"""Tables of splines: rows of any length, and functions taken to more dimensions."""

import numpy as np
import torch

from skhj.priors.splines.network import SplineNetwork
from skhj.priors.splines.spline import Spline
from skhj.priors.splines.tables import SplineTables, profile_tables


def plane_tables():
    splines = [
        Spline(np.array([0.0]), np.array([0.2, 0.1, 0.5, 0.7])),
        Spline(np.array([-1.0, 0.5]), np.array([0.0, -0.3, 0.1, 1.0, 0.2])),
    ]
    profiles = profile_tables(splines)
    return SplineTables(
        np.array([1.0, -2.0]),
        2.0,
        3.0,
        0.5,
        np.eye(2),
        np.zeros((2, 2)),
        np.ones(2),
        *profiles,
        additive=True,
    )


def test_shorter_profiles_are_padded_by_knots_at_infinity():
    profiles = plane_tables()
    np.testing.assert_array_equal(profiles.knots, [[0.0, np.inf], [-1.0, 0.5]])
    np.testing.assert_array_equal(profiles.curvatures[0], [0.5, 0.7, 0.0])


def test_a_lifted_function_is_that_of_the_coordinates():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    spans, rest = Q[:, :2], Q[:, 2:]
    tables = plane_tables()
    center = spans @ tables.unit_center + rest @ np.array([5.0, 6.0])
    plane = SplineNetwork(tables)
    space = SplineNetwork(tables.lifted(spans, rest, center))
    x = rng.normal(size=(50, 4))
    value, gradient = plane.value_and_gradient_at(torch.tensor(x @ spans))
    lifted, lifted_gradient = space.value_and_gradient_at(torch.tensor(x))
    np.testing.assert_allclose(lifted, value, rtol=1e-12)
    np.testing.assert_allclose(lifted_gradient, gradient.numpy() @ spans.T, atol=1e-13)
    # Across the plane the prox stays put.
    _, point = space.conjugate_at(torch.tensor(x))
    np.testing.assert_allclose(point.numpy() @ rest, x @ rest, atol=1e-13)
