"""The cells of a tile and their membranes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.ndimage

from synthem.geometry import ellipse, pose
from synthem.organelles.membranes import Membranes
from synthem.scene import perlin
from synthem.scene.tissue import GRID_NM, MARGIN, Tissue, grow, threshold
from synthem.seeds import stream

SIZE_NM = (1280.0, 900.0)


def tissue(index: int = 0, closed: Any = None, **parameters: Any) -> Tissue:
    drawn = Membranes(**parameters).draw(stream(0, "membranes"))
    return grow(drawn, SIZE_NM, GRID_NM, stream(0, "tissue", index), perlin.bank(0), closed or {})


def share(grown: Tissue) -> float:
    return float((grown.room < 0).mean())


def test_the_grid_covers_the_tile_and_a_margin():
    grown = tissue()
    assert grown.cells.shape == grown.clear.shape == grown.room.shape == (128 + 2 * MARGIN, 90 + 2 * MARGIN)
    assert grown.at(0.0, 0.0) == (MARGIN, MARGIN)
    assert grown.at(1279.9, 899.9) == (MARGIN + 127, MARGIN + 89)
    assert grown.at(-1e9, 1e9) == (0, 90 + 2 * MARGIN - 1)


def test_without_membranes_there_is_one_open_cell():
    grown = grow(None, SIZE_NM, GRID_NM, stream(0), perlin.bank(0), {-1: ellipse(100, 100) + 400})
    assert set(np.unique(grown.cells)) == {-1, 1}
    assert (grown.room > 0).all()


def test_membranes_run_where_cells_meet():
    grown = tissue(tear_share=0.0, thickness_nm=40)
    across = (grown.cells[:, 1:] != grown.cells[:, :-1]) & (grown.room[:, 1:] < 0)
    borders = grown.cells[:, 1:] != grown.cells[:, :-1]
    assert across.sum() > 0.9 * borders.sum()
    far = scipy.ndimage.distance_transform_edt(~(grown.room < 0))
    assert far.max() > 5, "and not everywhere"


def test_thicker_membranes_take_more_room_and_torn_ones_less():
    shares = [share(tissue(thickness_nm=nm, blotch_share=0)) for nm in (0, 10, 30, 60)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert share(tissue(tear_share=0.3)) < share(tissue(tear_share=0))
    assert share(tissue(blotch_share=0.3)) > share(tissue(blotch_share=0))


def test_a_straight_membrane_is_as_thick_as_asked_for():
    """Counted on borders of large cells, where corners weigh little."""
    grown = tissue(
        spacing_nm=600, thickness_nm=60, thickness_spread=0, blotch_share=0, tear_share=0, wrinkle_nm=0, rounding_nm=10
    )
    mask = np.kron(grown.room < 0, np.ones((4, 4), bool))
    inner = scipy.ndimage.distance_transform_edt(mask)
    ridge = (scipy.ndimage.maximum_filter(inner, 9) == inner) & mask
    assert 2 * np.median(inner[ridge]) * GRID_NM / 4 == pytest.approx(60, abs=12)


def test_smaller_spacing_makes_more_cells():
    numbers = [len(np.unique(tissue(spacing_nm=nm).cells)) for nm in (120, 260, 600)]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > 2 * numbers[2]


def test_closed_outlines_are_cells_of_their_own():
    grown = tissue(closed={-1: pose(ellipse(150, 200), 500, 400, 0), 77: pose(ellipse(100, 100), 1000, 700, 0)})
    assert grown.cells[grown.at(500, 400)] == -1
    assert grown.cells[grown.at(1000, 700)] == 77
    assert (grown.cells == -1).sum() * GRID_NM**2 == pytest.approx(np.pi * 150 * 200, rel=0.03)


def test_an_outline_may_cover_everything():
    grown = tissue(closed={-1: ellipse(5000, 5000) + 500})
    assert (grown.cells == -1).all()
    assert (grown.room > 0).all()


def test_cells_differ_from_tile_to_tile_and_repeat():
    assert not np.array_equal(tissue(0).cells, tissue(1).cells)
    np.testing.assert_array_equal(tissue(2).room, tissue(2).room)


def test_a_threshold_leaves_a_share_above():
    noise = perlin.bank(0) / perlin.UNIT
    assert noise.mean() == pytest.approx(0, abs=0.1)
    assert noise.std() == pytest.approx(1, rel=0.15)
    assert threshold(0) > noise.max()
    assert threshold(1) < noise.min()
    assert (noise > threshold(0.3)).mean() == pytest.approx(0.3, abs=0.05)


def test_noise_repeats_without_a_seam_and_differs_by_block():
    bank = perlin.bank(0).astype(float)
    inside = np.abs(np.diff(bank, axis=0)).max()
    assert np.abs(bank[0] - bank[-1]).max() <= inside
    assert np.abs(bank[:, 0] - bank[:, -1]).max() <= inside
    assert not np.array_equal(perlin.bank(1), perlin.bank(0))
