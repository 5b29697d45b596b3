"""Stored scenes with another appearance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from making import tiles as drawn_tiles
from worlds import CROWDED, make

from synthem import SynthemError
from synthem.raster.render import render
from synthem.recipe import Recipe
from synthem.tiles.dataset import TileDataset
from synthem.tiles.generate import generate
from synthem.tiles.repaint import repaint

N = 4


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    folder = tmp_path_factory.mktemp("source") / "tiles"
    generate(CROWDED, N, folder, workers=1)
    return TileDataset.open(folder)


@pytest.mark.parametrize("name", ["ac4", "epfl", "axons"])
def test_masks_stay_and_pixels_change_whatever_organelles_the_other_recipe_has(
    source: TileDataset, tmp_path: Path, name: str
):
    repaint(source.folder, Recipe.load(name), tmp_path / "other", workers=1)
    other = TileDataset.open(tmp_path / "other")
    for i in range(N):
        np.testing.assert_array_equal(other.stored(i), source.stored(i))
        np.testing.assert_array_equal(other.instances(i), source.instances(i))
        assert (other.image(i) != source.image(i)).mean() > 0.5
    for column in ("layer", "index", "seed", "count", "area_px", "requested", "placed", "scene"):
        assert other.column(column) == source.column(column)


def test_a_look_for_organelles_that_a_scene_lacks_does_no_harm(tmp_path: Path):
    recipe = Recipe.build({"size": 64, "organelles": [{"kind": "psd"}]})
    generate(recipe, 2, tmp_path / "psds", workers=1)
    assert repaint(tmp_path / "psds", Recipe.load("epfl"), tmp_path / "other", workers=1).tiles == 2


def test_the_same_appearance_gives_the_same_pixels_also_twice_over(source: TileDataset, tmp_path: Path):
    repaint(source.folder, Recipe.load("ac4"), tmp_path / "dark", workers=1)
    back = repaint(tmp_path / "dark", CROWDED, tmp_path / "back", workers=2)
    assert back.fingerprint == source.fingerprint


def test_another_scale_gives_masks_of_that_scale(source: TileDataset, tmp_path: Path):
    repaint(source.folder, CROWDED, tmp_path / "fine", nm_per_px=2.5, workers=1)
    fine = TileDataset.open(tmp_path / "fine")
    assert fine.size(0) == (320, 320)
    assert fine.column("nm_per_px") == [2.5] * N
    np.testing.assert_array_equal(fine.stored(1), render(make(CROWDED, 0, 1)[0], nm_per_px=2.5).stored)


def test_it_goes_on_where_it_stopped(tmp_path: Path):
    generate(CROWDED, 2, tmp_path / "tiles", workers=1)
    repaint(tmp_path / "tiles", Recipe(), tmp_path / "out", workers=1)
    assert repaint(tmp_path / "tiles", Recipe(), tmp_path / "out", workers=1).new == 0
    with pytest.raises(SynthemError, match="another recipe fingerprint"):
        repaint(tmp_path / "tiles", Recipe(nm_per_px=6), tmp_path / "out", workers=1)
    with pytest.raises(SynthemError, match="another nm per px"):
        repaint(tmp_path / "tiles", Recipe(), tmp_path / "out", nm_per_px=10, workers=1)


@pytest.mark.parametrize("nm_per_px", [0, -1, 0.1, 101, float("nan")])
def test_a_pixel_size_that_cannot_be_is_refused(source: TileDataset, tmp_path: Path, nm_per_px: float):
    with pytest.raises(SynthemError, match="nm_per_px: "):
        repaint(source.folder, CROWDED, tmp_path / "out", nm_per_px=nm_per_px)
    assert not list(tmp_path.iterdir())


def test_tiles_without_scenes_are_refused(tmp_path: Path):
    drawn_tiles(tmp_path / "drawn", 2)
    with pytest.raises(SynthemError, match="holds no scenes"):
        repaint(tmp_path / "drawn", CROWDED, tmp_path / "out")
