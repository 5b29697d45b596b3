"""Outlines and how they become pixels."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon

from synthem.geometry import blob, closed_spline, ellipse, fill, pose, quantise, ribbon

SIXTEENTHS = st.integers(-80, 16 * 24 + 80)
"""Positions around a raster of 24 pixels."""
stars = st.lists(st.integers(4, 300), min_size=3, max_size=14)
corners = st.lists(st.tuples(SIXTEENTHS, SIXTEENTHS), min_size=3, max_size=10, unique=True)


def filled(outline, shape=(24, 20)) -> np.ndarray:
    raster = np.zeros(shape, np.int32)
    fill(raster, np.asarray(outline, np.int32), 1, -1)
    return raster.astype(bool)


def centres(shape) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.indices(shape)
    return rows * 16 + 8, columns * 16 + 8


def inside_by_shapely(outline, shape) -> tuple[np.ndarray, np.ndarray]:
    """Pixels whose centre lies inside a simple polygon, and those whose centre lies on its edge."""
    polygon = Polygon(np.asarray(outline)[:, ::-1])
    y, x = centres(shape)
    return shapely.contains_xy(polygon, x, y), shapely.intersects_xy(polygon.boundary, x, y)


@given(radii=stars, y=SIXTEENTHS, x=SIXTEENTHS, turn=st.floats(0, 7))
def test_a_pixel_is_filled_where_its_centre_lies_inside(radii, y, x, turn):
    angles = turn + np.arange(len(radii)) * (2 * np.pi / len(radii))
    outline = np.rint(np.array([y + radii * np.sin(angles), x + radii * np.cos(angles)]).T).astype(np.int32)
    got = filled(outline)
    inside, edge = inside_by_shapely(outline, got.shape)
    np.testing.assert_array_equal(got[~edge], inside[~edge])


@given(outline=corners)
def test_outlines_that_cross_themselves_follow_the_even_odd_rule(outline):
    """Against a count, in exact whole numbers, of the edges that a ray to the right of each centre crosses."""
    got = filled(outline)
    y, x = centres(got.shape)
    crossed = np.zeros(got.shape, int)
    for (ya, xa), (yb, xb) in zip(outline, outline[1:] + outline[:1], strict=True):
        spans = (ya <= y) != (yb <= y)
        side = (xb - xa) * (y - ya) - (x - xa) * (yb - ya)
        crossed += spans & ((side > 0) if yb > ya else (side < 0))
    np.testing.assert_array_equal(got, crossed % 2 == 1)


@given(outline=corners, dy=st.integers(-3, 3), dx=st.integers(-3, 3))
def test_moving_by_whole_pixels_moves_the_pixels(outline, dy, dx):
    wide = np.asarray(outline) + 16 * 12
    before, after = filled(wide, (60, 60)), filled(wide + np.array([dy, dx]) * 16, (60, 60))
    np.testing.assert_array_equal(np.roll(before, (dy, dx), (0, 1))[3:-3, 3:-3], after[3:-3, 3:-3])


@given(outline=corners, shift=st.integers(0, 9))
def test_neither_the_first_corner_nor_the_direction_matters(outline, shift):
    once = filled(outline)
    turned = outline[shift % len(outline) :] + outline[: shift % len(outline)]
    np.testing.assert_array_equal(filled(turned), once)
    np.testing.assert_array_equal(filled(turned[::-1]), once)


def test_two_halves_fill_a_square_once():
    """Pixels whose centres lie on the common edge belong to one half only."""
    square = np.array([[0, 0], [0, 320], [320, 320], [320, 0]])
    one, other = filled(square[[0, 1, 2]], (20, 20)), filled(square[[0, 2, 3]], (20, 20))
    assert not (one & other).any()
    assert (one | other).all()


def test_fill_writes_only_over_what_it_may_and_counts():
    raster = np.zeros((8, 8), np.int32)
    raster[:4] = 7
    box = np.array([[0, 0], [0, 128], [128, 128], [128, 0]], np.int32)
    assert fill(raster, box, 5, 7) == 32
    assert (raster[:4] == 5).all()
    assert (raster[4:] == 0).all()
    assert fill(raster, box + np.int32(16 * 100), 9, -1) == 0


@pytest.mark.parametrize("n", [3, 4, 7, 14])
def test_a_spline_runs_through_its_corners_and_closes(n):
    points = np.array([np.sin(np.arange(n) * 2 * np.pi / n), np.cos(np.arange(n) * 2 * np.pi / n)]).T * 100
    curve = closed_spline(points, 6)
    assert curve.shape == (6 * n, 2)
    np.testing.assert_allclose(curve[::6], points, atol=1e-9)
    gaps = np.hypot(*(np.roll(curve, -1, 0) - curve).T)
    assert gaps.max() < 2.5 * gaps.mean()


def test_shapes_have_the_area_that_they_should():
    assert Polygon(ellipse(30, 50)).area == pytest.approx(np.pi * 30 * 50, rel=0.02)
    round_one, flat = blob(np.full(12, 100.0)), blob(np.full(12, 100.0), flatten=0.5)
    assert Polygon(round_one).area == pytest.approx(np.pi * 100**2, rel=0.02)
    assert Polygon(flat).area == pytest.approx(np.pi * 100**2 / 2, rel=0.02)
    assert np.ptp(flat[:, 0]) < np.ptp(flat[:, 1]), "flattened along y"


@given(angle=st.floats(-7, 7), y=st.floats(-1e4, 1e4), x=st.floats(-1e4, 1e4))
def test_a_pose_turns_from_x_towards_y_and_moves(angle, y, x):
    got = pose(np.array([[0.0, 10.0], [10.0, 0.0]]), y, x, angle)
    wanted = [[y + 10 * np.sin(angle), x + 10 * np.cos(angle)], [y + 10 * np.cos(angle), x - 10 * np.sin(angle)]]
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_a_ribbon_has_the_widths_of_its_two_sides():
    path = np.array([[0.0, x] for x in range(0, 110, 10)])
    band = ribbon(path, 3, np.linspace(1, 2, 11))
    assert band.shape == (22, 2)
    assert Polygon(band).area == pytest.approx(100 * (3 + 1.5))
    np.testing.assert_allclose(np.abs(band[:11, 0]), 3)
    np.testing.assert_allclose(np.abs(band[11:, 0]), np.linspace(2, 1, 11))
    assert np.sign(band[0, 0]) == -np.sign(band[-1, 0])


def test_outlines_are_rounded_to_sixteenths_of_a_pixel():
    got = quantise(np.array([[0.0, 5.0], [2.5, -7.4], [100.16, 33.2]]), 5.0, -10.0, 5.0)
    assert got.tolist() == [[32, 0], [40, -40], [353, 90]]
    assert got.dtype == np.int32
