"""The raster of materials: each shape covers the pixels whose centres it covers, and no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import shapely
from shapely.geometry import LineString, Point

from synthem import SIX, SynthemError
from synthem.geometry import ellipse, pose
from synthem.organelles.base import Body
from synthem.organelles.mitochondrion import Mitochondrion
from synthem.raster.canvas import MOST_IDS, RasterCanvas, size_px
from synthem.scene import perlin
from synthem.scene.tissue import GRID_NM, grow
from synthem.seeds import stream

SIZE_NM = (300.0, 400.0)
SIZE = (60, 80)


@pytest.fixture
def canvas() -> RasterCanvas:
    """An open tile of 60 × 80 pixels of 5 nm whose ground, membranes and clefts are materials 0 to 2."""
    tissue = grow(None, SIZE_NM, GRID_NM, stream(0), perlin.bank(0), {})
    made = RasterCanvas(tissue, SIZE, 5.0, SIX)
    for grey in (150, 100, 120):
        made.material(grey, instance=False)
    made.membranes(0.0, 1e9, np.zeros(2), perlin.bank(0))
    return made


def covered(shape: Any) -> np.ndarray:
    """Pixels whose centres lie in a shape, whose coordinates are x and y in nanometres."""
    y, x = (np.indices(SIZE) + 0.5) * 5
    return shapely.intersects_xy(shape, x, y)


def body(outline: Any, y_nm: float, x_nm: float) -> Body:
    return Body(Mitochondrion(gap_nm=0), 0, y_nm, x_nm, 0.0, pose(outline, y_nm, x_nm, 0.0), cell=1)


def test_nothing_but_ground_without_membranes(canvas: RasterCanvas):
    assert (canvas.pixels == canvas.CYTOPLASM).all()
    assert (canvas.room > 0).all()


@pytest.mark.parametrize("angle", [0.0, 0.4, 2.0])
def test_ellipses(canvas: RasterCanvas, angle: float):
    canvas.ellipses(np.array([[150.0, 200.0, 100.0, 40.0, angle]]), np.array([7]))
    wanted = shapely.affinity.rotate(
        shapely.affinity.scale(Point(0, 0).buffer(1, 400), 100, 40), angle, use_radians=True
    )
    wrong = (canvas.pixels == 7) ^ covered(shapely.affinity.translate(wanted, 200, 150))
    assert wrong.sum() <= 4, "but for pixels on the very edge"


def test_strokes_have_round_ends(canvas: RasterCanvas):
    canvas.strokes(np.array([[50.0, 60.0, 200.0, 300.0], [250.0, 50.0, 250.0, 50.0]]), np.array([40.0, 60.0]), 7)
    wanted = LineString([(60, 50), (300, 200)]).buffer(20, 100).union(Point(50, 250).buffer(30, 100))
    wrong = (canvas.pixels == 7) ^ covered(wanted)
    assert wrong.sum() <= 8


def test_the_same_shapes_beyond_the_edge_touch_nothing(canvas: RasterCanvas):
    canvas.ellipses(np.array([[-500.0, 200.0, 50.0, 50.0, 0.0], [150.0, 5000.0, 50.0, 50.0, 0.0]]), np.array([7, 8]))
    canvas.strokes(np.array([[-99.0, -99.0, -80.0, 500.0]]), np.array([30.0]), 9)
    canvas.fill(pose(ellipse(50, 50), -200, 200, 0), 7)
    assert (canvas.pixels == canvas.CYTOPLASM).all()


def test_what_may_be_painted_over(canvas: RasterCanvas):
    canvas.fill(pose(ellipse(50, 50), 150, 200, 0), 5)
    inner = canvas.pixels == 5
    canvas.fill(pose(ellipse(100, 100), 150, 200, 0), 6, over=5)
    np.testing.assert_array_equal(canvas.pixels == 6, inner)
    canvas.strokes(np.array([[150.0, 0.0, 150.0, 400.0]]), np.array([20.0]), 7, over=canvas.CYTOPLASM)
    canvas.ellipses(np.array([[150.0, 200.0, 300.0, 300.0, 0.0]]), np.array([8]), over=7)
    np.testing.assert_array_equal(canvas.pixels == 6, inner)
    assert not (canvas.pixels == 7).any()


def test_a_region_knows_its_depth(canvas: RasterCanvas):
    region = canvas.region(body(ellipse(100, 100, 200), 150, 200))
    assert region.depth_nm.max() == pytest.approx(100, abs=8)
    canvas.band(region, 7, 0.0, 30.0)
    canvas.band(region, 8, 30.0)
    y, x = (np.indices(SIZE) + 0.5) * 5
    radius = np.hypot(y - 150, x - 200)
    assert (radius[canvas.pixels == 7] > 100 - 30 - 6).all()
    assert (radius[canvas.pixels == 8] < 100 - 30 + 6).all()
    assert set(np.unique(canvas.pixels[radius < 95])) == {7, 8}


def test_a_band_may_be_thicker_on_one_side(canvas: RasterCanvas):
    turn = np.arange(64) * (2 * np.pi / 64)
    region = canvas.region(body(ellipse(100, 100, 200), 150, 200))
    canvas.band(region, 7, 0.0, 20 + 40 * np.maximum(0, np.cos(turn)))
    right, left = (canvas.pixels[28:32, 40:] == 7).sum(1), (canvas.pixels[28:32, :40] == 7).sum(1)
    assert (right >= left + 6).all()


def test_a_region_is_cut_by_the_membrane_of_its_cell(canvas: RasterCanvas):
    canvas.room[:, 40:43] = -1
    region = canvas.region(body(ellipse(100, 100, 200), 150, 180))
    canvas.band(region, 7)
    assert (canvas.pixels[:, :40] == 7).any()
    assert not (canvas.pixels[:, 40:] == 7).any(), "nothing on the membrane and none of the splinter behind it"
    assert scipy.ndimage.label(canvas.pixels == 7)[1] == 1
    free = canvas.region(body(ellipse(100, 100, 200), 150, 180), inside_cell=False)
    assert (free.depth_nm > 0).sum() > (region.depth_nm > 0).sum()


def test_one_instance_is_one_id_and_what_lies_apart_its_own(canvas: RasterCanvas):
    table = canvas.materials_table
    canvas.begin()
    first = [canvas.material(90, ("psd",)) for _ in range(2)]
    canvas.begin()
    none = canvas.material(90, instance=False)
    rims = canvas.materials(np.array([80.0, 81.0, 82.0]), ("vesicle",), apart=True)
    cores = canvas.materials(np.array([110.0, 111.0, 112.0]), ("vesicle",))
    canvas.begin()
    last = canvas.material(70, ("mitochondrion", "mitochondrial_boundary"))
    assert [table.ids[m] for m in (*first, none, *rims, *cores, last)] == [1, 1, 0, 2, 3, 4, 2, 3, 4, 5]
    assert [table.bits[m] for m in (first[0], none, rims[0], last)] == [8, 0, 16, 6]
    assert canvas.ids == 5


def test_more_instances_than_ids_are_refused(canvas: RasterCanvas):
    canvas.materials(np.zeros(MOST_IDS), apart=True)
    with pytest.raises(SynthemError, match="more than 65535 instances"):
        canvas.material(0, apart=True)


@pytest.mark.parametrize(
    ("size_nm", "nm_per_px", "size"),
    [((1280.0, 640.0), 5.0, (256, 128)), ((467.2, 1460.0), 7.3, (64, 200)), ((100.0, 100.0), 1000.0, (1, 1))],
)
def test_pixels_of_a_tile(size_nm, nm_per_px, size):
    assert size_px(size_nm, nm_per_px) == size
