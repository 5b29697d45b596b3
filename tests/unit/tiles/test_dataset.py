"""Reading a dataset folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from making import draw, layers, write
from worlds import CROWDED, make

from synthem import SIX, SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.generate import generate


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> TileDataset:
    folder = tmp_path_factory.mktemp("tiles") / "some"
    generate(CROWDED, 3, folder, workers=1)
    return TileDataset.open(folder)


def test_a_row_is_the_tile_that_was_drawn(tiles: TileDataset):
    for index in range(3):
        scene, tile = make(CROWDED, 0, index)
        np.testing.assert_array_equal(tiles.image(index), tile.image)
        np.testing.assert_array_equal(tiles.stored(index), tile.stored)
        np.testing.assert_array_equal(tiles.masks(index), tile.masks)
        np.testing.assert_array_equal(tiles.instances(index), tile.instances)
        row = tiles.row(index)
        assert row["scene"] == scene.to_json()
        assert (row["seed"], row["index"], row["nm_per_px"]) == (0, index, 5.0)
        assert (row["recipe"], row["source"], row["split"]) == (CROWDED.fingerprint, "synthetic", "train")
        assert row["area_px"] == dict(zip(SIX.names, tile.masks.sum(axis=(1, 2)).tolist(), strict=True))
        clusters = [label for label in scene.requested if label in ("vesicles", "lone")]
        assert row["requested"]["vesicles"] == sum(scene.requested[label] for label in clusters)
        assert row["placed"]["vesicles"] == sum(scene.placed[label] for label in clusters)
        assert row["placed"]["psd"] == scene.placed["psd"]


def test_hugging_face_shows_the_same(tiles: TileDataset):
    loaded = tiles.to_datasets()
    assert len(loaded) == len(tiles) == 3
    np.testing.assert_array_equal(np.asarray(loaded[1]["image"]), tiles.image(1))
    np.testing.assert_array_equal(np.asarray(loaded[1]["mask"]), tiles.stored(1))
    np.testing.assert_array_equal(np.asarray(loaded[1]["instances"]), tiles.instances(1))


def test_sizes_are_read_without_decoding(tiles: TileDataset):
    assert tiles.size(0) == (160, 160)


def test_layers_come_by_split_or_in_the_order_of_their_names(tmp_path: Path):
    data = layers(tmp_path / "real", ["a", "b", "c"], (20, 30), splits=["train", "test", "train"])
    assert list(data.layers("train").groups) == ["a", "c"]
    chosen = data.layers(names=["c", "a"])
    assert list(chosen.groups) == ["c", "a"]
    assert chosen.images.shape == (2, 1, 20, 30)
    assert chosen.masks.shape == (2, 6, 20, 30)
    np.testing.assert_array_equal(chosen.images[0, 0], data.image(2))
    np.testing.assert_array_equal(chosen.masks[1], data.masks(0))
    assert data.instances(0) is None


def test_classes_that_were_never_labelled_are_unknown_not_absent(tmp_path: Path):
    data = write(tmp_path / "some", [draw(0, 0)], unknown_classes=["psd"])
    assert data.known.tolist() == [True, True, True, False, True, True]


def test_what_is_asked_for_wrongly_is_told(tmp_path: Path, tiles: TileDataset):
    data = write(tmp_path / "two", [draw(0, 0, (20, 20)), draw(0, 1, (20, 30))], layers=["a", "b"])
    with pytest.raises(SynthemError, match="no split 'val'; it has train"):
        data.layers("val")
    with pytest.raises(SynthemError, match="no layer 'c'; it holds a, b"):
        data.layers(names=["a", "c"])
    with pytest.raises(SynthemError, match="sizes differ"):
        data.layers()
    for index in (-1, 3):
        with pytest.raises(IndexError, match="of 3"):
            tiles.image(index)


def test_a_folder_that_holds_no_dataset_is_told(tmp_path: Path):
    with pytest.raises(SynthemError, match="there is no such folder"):
        TileDataset.open(tmp_path / "none")
    with pytest.raises(SynthemError, match="holds no dataset of synthem"):
        TileDataset.open(tmp_path)
    (tmp_path / "synthem.json").write_text("{")
    with pytest.raises(SynthemError, match="can't be read as JSON"):
        TileDataset.open(tmp_path)
    (tmp_path / "synthem.json").write_text(json.dumps({"classes": SIX.to_json(), "shards": []}))
    with pytest.raises(SynthemError, match="nothing was finished in it yet"):
        TileDataset.open(tmp_path)


@pytest.mark.parametrize("keep", [0, 100, -10])
def test_a_damaged_shard_is_told(tmp_path: Path, keep: int):
    data = write(tmp_path / "one", [draw(0, 0)])
    shard = data.folder / "data-00000.arrow"
    shard.write_bytes(shard.read_bytes()[:keep] if keep else b"")
    with pytest.raises(SynthemError, match="can't be read"):
        TileDataset.open(data.folder).image(0)
