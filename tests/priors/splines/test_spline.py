"""Splines of one variable: smoothness, sums over points, finer knots."""

import numpy as np
import pytest

from skhj.priors.splines.spline import (
    Spline,
    SplineDesign,
    constant_spline,
    continue_with,
    minus_quadratic,
    quantile_knots,
    split,
)

Z = np.random.default_rng(0).normal(size=400)


@pytest.fixture(params=[1, 2, 5, 6])
def spline(request):
    rng = np.random.default_rng(request.param)
    knots = np.sort(rng.normal(size=request.param))
    return Spline(knots, rng.normal(size=request.param + 3))


def test_curvature_of_one_is_the_quadratic_about_the_middle_knot():
    knots = np.array([-1.0, 0.5, 2.0, 2.5])
    value, slope = constant_spline(knots, 1.0)(Z)
    np.testing.assert_allclose(value, (Z - 2.0) ** 2 / 2, atol=1e-14)
    np.testing.assert_allclose(slope, Z - 2.0, atol=1e-14)


def test_value_and_slope_are_continuous_and_consistent(spline):
    step = 1e-7
    for knot in spline.knots:
        value, slope = spline(knot + np.array([-step, 0.0, step]))
        # Continuous: neighbours differ by the step times a slope or a curvature.
        assert np.ptp(value) <= 2 * step * (1 + np.abs(slope).max())
        assert np.ptp(slope) <= 2 * step * (1 + np.abs(spline.curvature).max())
    up, down = spline(Z + 1e-6)[0], spline(Z - 1e-6)[0]
    # Central differences: rounding eps / step, and step times a jump of curvature.
    np.testing.assert_allclose((up - down) / 2e-6, spline(Z)[1], atol=1e-5)


def test_coefficients_are_value_and_slope_at_the_middle_knot(spline):
    middle = spline.knots[len(spline.knots) // 2]
    value, slope = spline(np.array([middle]))
    np.testing.assert_allclose(
        [value[0], slope[0]], spline.coefficients[:2], atol=1e-13
    )


def test_curvatures_that_are_not_negative_make_a_convex_function(spline):
    convex = Spline(spline.knots, np.abs(spline.coefficients))
    z = np.sort(Z)
    assert (np.diff(convex(z)[1]) >= -1e-13).all()


def test_design_gives_the_splines_values_and_slopes(spline):
    design = SplineDesign(spline.knots, Z)
    value, slope = spline(Z)
    np.testing.assert_allclose(design.values(spline.coefficients), value, atol=1e-12)
    np.testing.assert_allclose(design.slopes(spline.coefficients), slope, atol=1e-12)


def test_gram_is_the_mean_square_of_values_and_slopes(spline):
    design, c = SplineDesign(spline.knots, Z), spline.coefficients
    value, slope = spline(Z)
    expected = 2.0 * np.mean(value**2) + 3.0 * np.mean(slope**2)
    np.testing.assert_allclose(c @ design.gram(2.0, 3.0) @ c, expected, rtol=1e-12)
    np.testing.assert_allclose(
        c @ design.gram(2.0, 0.0) @ c, 2.0 * np.mean(value**2), rtol=1e-12
    )


def test_adjoint_is_the_transpose(spline):
    design, c = SplineDesign(spline.knots, Z), spline.coefficients
    rng = np.random.default_rng(1)
    r, s = rng.normal(size=(2, len(Z)))
    value, slope = spline(Z)
    for weights, expected in (
        ((r, s), r @ value + s @ slope),
        ((r, None), r @ value),
        ((None, s), s @ slope),
    ):
        np.testing.assert_allclose(design.adjoint(*weights) @ c, expected, rtol=1e-10)


def test_splitting_pieces_keeps_the_function(spline):
    ends = (Z.min(), Z.max())
    wanted = np.arange(len(spline.knots) + 1) % 2 == 0
    finer = split(spline, ends, wanted)
    assert len(finer.knots) > len(spline.knots)
    assert (np.diff(finer.knots) > 0).all()
    for mine, theirs in zip(finer(Z), spline(Z), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_a_piece_too_short_to_have_a_middle_is_not_split():
    knots = np.array([1.0, np.nextafter(1.0, 2.0)])
    same = split(
        constant_spline(knots, 1.0), (0.0, 2.0), np.array([False, True, False])
    )
    np.testing.assert_array_equal(same.knots, knots)


def test_continuation_changes_nothing_between_the_ends(spline):
    ends, inside = (Z.min(), Z.max()), Z
    steep = continue_with(spline, ends, 50.0)
    for mine, theirs in zip(steep(inside), spline(inside), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    assert steep.curvature[0] == steep.curvature[-1] == 50.0
    assert continue_with(spline, ends, -50.0).knots.size == spline.knots.size


def test_a_quadratic_about_zero_is_taken_away(spline):
    less = minus_quadratic(spline, 0.7)
    value, slope = spline(Z)
    np.testing.assert_allclose(less(Z)[0], value - 0.7 * Z**2 / 2, atol=1e-12)
    np.testing.assert_allclose(less(Z)[1], slope - 0.7 * Z, atol=1e-12)


def test_quantile_knots_share_out_the_points():
    knots = quantile_knots(Z, 10)
    counts = np.bincount(np.searchsorted(knots, Z))
    assert len(counts) == 10
    assert np.ptp(counts) <= 1


@pytest.mark.parametrize(
    ("z", "n_knots"), [(np.full(9, 3.0), 1), (np.arange(100) % 3.0, 3)]
)
def test_coinciding_points_leave_fewer_knots(z, n_knots):
    knots = quantile_knots(z, 20)
    assert len(knots) == n_knots
    assert (np.diff(knots) > 0).all()


def test_pieces_beyond_the_data_are_lifted_where_the_data_end_at_a_knot():
    """Integers and pixels that are mostly zero put knots there."""
    spline = constant_spline(np.array([0.0, 1.0, 2.0]))
    lifted = continue_with(spline, (0.0, 2.0), 0.5)
    np.testing.assert_array_equal(lifted.curvature[[0, -1]], 0.5)
    np.testing.assert_allclose(lifted(np.linspace(0, 2, 9))[0], 0.0, atol=1e-15)
