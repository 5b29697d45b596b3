"""Statistics against an independent count."""

from __future__ import annotations

import json
import re
from pathlib import Path

import making
import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import graycomatrix, graycoprops

from synthem.classes import SIX, Classes
from synthem.curate.mix import mix
from synthem.curate.stats import grey_distance, lines, page, stats, write
from synthem.curate.stats.gather import GLCM_LEVELS
from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    return making.tiles(tmp_path_factory.mktemp("stats") / "tiles", 8, splits=["train"] * 6 + ["test"] * 2)


def test_counts_areas_and_greys_agree_with_an_independent_count(tiles: TileDataset) -> None:
    held = stats(tiles)
    images = np.stack([tiles.image(i) for i in range(len(tiles))])
    masks = np.stack([tiles.masks(i) for i in range(len(tiles))])
    for c, part in enumerate(held.classes):
        labelled = [ndimage.label(mask[c], np.ones((3, 3))) for mask in masks]
        areas = np.concatenate([np.bincount(labels.ravel())[1:] for labels, _ in labelled])
        assert part.name == SIX.names[c]
        assert part.count == sum(n for _, n in labelled) == held.count[:, c].sum()
        assert part.area_px == masks[:, c].sum()
        assert part.area_share == pytest.approx(masks[:, c].mean())
        assert part.presence == masks[:, c].any(axis=(1, 2)).mean()
        assert part.component_px == tuple(np.percentile(areas, (10, 50, 90)))
        assert part.grey_mean == pytest.approx(images[masks[:, c]].mean())
        assert part.grey_std == pytest.approx(images[masks[:, c]].std())
    assert held.none.grey_mean == pytest.approx(images[~masks.any(axis=1)].mean())
    assert held.grey_std == pytest.approx(images.std())
    assert held.splits == {"train": 6, "test": 2}


def test_texture_is_haralicks(tiles: TileDataset) -> None:
    held = stats(tiles)
    expected = {name: [] for name in held.texture}
    for i in range(len(tiles)):
        coarse = tiles.image(i) // (256 // GLCM_LEVELS)
        matrix = graycomatrix(coarse, [1], [0, np.pi / 2], GLCM_LEVELS, symmetric=True)
        total = matrix.sum(axis=3, keepdims=True) / matrix.sum()
        for name in expected:
            expected[name].append(graycoprops(total, name)[0, 0] if name != "entropy" else None)
    for name in ("contrast", "homogeneity", "energy", "correlation"):
        assert held.texture[name] == pytest.approx(np.mean(expected[name]))
    assert 0 < held.texture["entropy"] < 2 * np.log2(GLCM_LEVELS)


def test_rare_and_unknown_classes_are_named(tmp_path: Path) -> None:
    pictures = [making.draw(2, i) for i in range(12)]
    axon, psd = SIX.dtype.type(1), SIX.dtype.type(8)
    thin = [(image, (stored & ~psd & ~axon) | (axon if i == 0 else 0)) for i, (image, stored) in enumerate(pictures)]
    making.write(tmp_path / "rare", thin, unknown_classes=["psd"])
    held = stats(tmp_path / "rare")
    assert held.rare == ["axon"]
    assert [c.name for c in held.classes if not c.known] == ["psd"]
    assert "rare: axon" in lines(held)
    assert any(line.startswith("psd") and "never labelled" in line for line in lines(held))


def test_grey_distance_is_zero_to_itself_and_grows_with_brightness(tiles: TileDataset, tmp_path: Path) -> None:
    held = stats(tiles)
    assert set(grey_distance(held, held).values()) == {0.0}
    darker = [(tiles.image(i) // 2, tiles.stored(i)) for i in range(len(tiles))]
    making.write(tmp_path / "dark", darker)
    score = grey_distance(held, stats(tmp_path / "dark"))
    assert set(score) == {*SIX.names, "none", "all"}
    assert min(score.values()) > 100


def test_a_mix_has_statistics_too(tiles: TileDataset, tmp_path: Path) -> None:
    made = mix(tmp_path / "mix", synthetic=tiles.folder, window=32, stride=32)
    held = stats(tmp_path / "mix")
    assert held.pictures == len(made) == 24
    assert {c.name: c.count for c in held.classes} == made.summary["total"]["count"]
    assert held.sources == {"synthetic": 24}
    assert "24 pictures" in page(held)


def test_colour_and_other_classes_work(tmp_path: Path) -> None:
    table = Classes(("leaf",), storage="index")
    image = np.zeros((16, 24, 3), np.uint8)
    image[..., 1] = 200
    stored = np.zeros((16, 24), np.uint8)
    stored[:4] = 1
    making.write(tmp_path / "leaves", [(image, stored)], classes=table)
    held = stats(tmp_path / "leaves")
    assert held.classes[0].area_px == 96
    assert held.grey_mean == pytest.approx(200 * 0.587, abs=1)
    assert held.texture["correlation"] == 1
    assert "leaf" in page(held)


def test_the_page_is_one_file_and_the_same_each_time(tiles: TileDataset, tmp_path: Path) -> None:
    held = stats(tiles)
    write(held, tmp_path / "out")
    text = (tmp_path / "out" / "stats.html").read_text()
    assert text == page(held)
    assert text.count("<svg") == 4
    assert text.count("data:image/png;base64,") >= 6
    assert not re.search(r'(src|href)="https?:', text)
    about = json.loads((tmp_path / "out" / "stats.json").read_text())
    assert about["pictures"] == 8
    assert np.shape(about["count"]) == (8, 6)
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"stats.html", "stats.json"}


def test_nothing_to_count_is_one_line(tmp_path: Path) -> None:
    making.tiles(tmp_path / "empty", 0)
    with pytest.raises(SynthemError, match="holds no pictures"):
        stats(tmp_path / "empty")
    (tmp_path / "file").write_text("")
    held = stats(making.tiles(tmp_path / "one", 1))
    with pytest.raises(SynthemError, match="is a file"):
        write(held, tmp_path / "file")


def test_one_split_can_be_counted_alone(tiles: TileDataset) -> None:
    held = stats(tiles, split="test")
    assert held.rows == [6, 7]
    assert held.splits == {"test": 2}
    assert held.classes[3].area_px == sum(int(tiles.masks(i)[3].sum()) for i in (6, 7))
    assert "row 6" in page(held)
    assert "row 5" not in page(held)
    with pytest.raises(SynthemError, match="no split 'val'; it has test, train"):
        stats(tiles, split="val")
