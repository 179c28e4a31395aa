"""The network of splines: derivatives, units, and its exact conjugate."""

import numpy as np
import pytest
import torch

from skhj.numerics.conjugate import NewtonConjugate
from skhj.priors.splines.network import SplineNetwork
from skhj.priors.splines.spline import Spline
from skhj.priors.splines.tables import SplineTables, profile_tables

TIME, D = 0.3, 3


def spline_network(n_directions=D, *, orthonormal=False, seed=0, additive=True):
    """A network with random profiles, convex potential, and odd units."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(n_directions, D))
    if orthonormal:
        directions = np.linalg.qr(directions)[0]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    base = np.r_[rng.uniform(0.5, 1.5, size=D), np.zeros(n_directions - D)]
    if orthonormal:
        base[:] = 1.0
    splines = []
    for size, k in zip(rng.integers(1, 7, size=n_directions), base, strict=True):
        knots = np.sort(rng.normal(size=size))
        curvature = rng.uniform(0.01 - k, 2.0, size=size + 1)
        splines.append(Spline(knots, np.r_[rng.normal(size=2), curvature]))
    tables = SplineTables(
        np.array([40.0, -3.0, 0.0]),
        5.0,
        1e3,
        TIME,
        directions,
        (directions.T * base) @ directions - np.eye(D),
        base,
        *profile_tables(splines),
        additive=additive,
    )
    return SplineNetwork(tables)


def points(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, D, generator=generator, dtype=torch.float64)
    return 8 * x + torch.tensor([40.0, -3.0, 0.0], dtype=torch.float64)


def potential(network, x):
    value, gradient = network.value_and_gradient_at(x)
    return (x * x).sum(1) / 2 + TIME * value, x + TIME * gradient


def potential_hessian(network, x):
    return torch.eye(D, dtype=x.dtype) + TIME * network.hessian_at(x)


networks = pytest.mark.parametrize(
    "network",
    [
        spline_network(),
        spline_network(orthonormal=True),
        spline_network(D + 2, additive=False),
    ],
    ids=["oblique", "orthonormal", "extra"],
)


@networks
def test_derivatives_are_those_of_the_value(network):
    x, step = points(50), 1e-5
    _, gradient = network.value_and_gradient_at(x)
    H = network.hessian_at(x)
    for j in range(D):
        e = step * torch.eye(D, dtype=x.dtype)[j]
        (up, up_slope), (down, down_slope) = (
            network.value_and_gradient_at(x + sign * e) for sign in (1, -1)
        )
        # Values near 1e3: rounding 1e3 eps / step ~ 2e-8. No knot is within a step.
        torch.testing.assert_close(
            (up - down) / (2 * step), gradient[:, j], rtol=1e-6, atol=1e-6
        )
        torch.testing.assert_close(
            (up_slope - down_slope) / (2 * step), H[:, :, j], rtol=1e-6, atol=1e-6
        )


@networks
def test_potential_is_convex(network):
    assert (torch.linalg.eigvalsh(potential_hessian(network, points(200))) > 0).all()


@pytest.mark.parametrize("orthonormal", [False, True])
def test_conjugate_is_attained_and_inverts_the_gradient(orthonormal):
    network, x = spline_network(orthonormal=orthonormal), points(300)
    psi, y = potential(network, x)
    value, point = network.conjugate_at(y)
    # Condition number of the basis times that of the curvatures, times eps * 100.
    torch.testing.assert_close(point, x, rtol=0, atol=1e-10)
    # Fenchel-Young: equality at y = grad psi(x); |<x, y>| is about 1e4.
    torch.testing.assert_close(value, (x * y).sum(1) - psi, rtol=1e-12, atol=1e-9)


def test_conjugate_is_above_every_affine_minorant():
    network, y = spline_network(), points(50, seed=1)
    value, point = network.conjugate_at(y)
    for x in points(50, seed=2):
        psi, _ = potential(network, x[None])
        assert (value >= y @ x - psi - 1e-9).all()
    torch.testing.assert_close(potential(network, point)[1], y, rtol=0, atol=1e-9)


def test_newton_finds_the_closed_form():
    network, y = spline_network(), points(100, seed=1)
    solution = NewtonConjugate().solve(
        lambda x: potential(network, x), lambda x: potential_hessian(network, x), y, y
    )
    assert (solution.residual < 1e-7).all()
    torch.testing.assert_close(
        solution.point, network.conjugate_at(y)[1], rtol=0, atol=1e-5
    )


@networks
def test_newton_from_the_start_that_the_network_gives(network):
    y = points(200, seed=1)
    solution = NewtonConjugate().solve(
        lambda x: potential(network, x),
        lambda x: potential_hessian(network, x),
        y,
        network.conjugate_start(y),
    )
    assert (solution.residual < 1e-7).all()
    assert solution.n_iter <= (0 if network.is_additive else 30)


def test_conjugate_in_closed_form_needs_a_basis():
    with pytest.raises(RuntimeError, match="additive in a basis"):
        spline_network(D + 2, additive=False).conjugate_at(points(2))


@networks
def test_network_survives_its_arrays(network):
    copy = SplineNetwork.from_arrays(network.to_arrays())
    assert copy.is_additive == network.is_additive
    for mine, theirs in zip(
        network.value_and_gradient_at(points(20)),
        copy.value_and_gradient_at(points(20)),
        strict=True,
    ):
        assert torch.equal(mine, theirs)
