"""Each format as the programs that read it expect it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import shapely
import tifffile
from making import draw, layers, tiles, write
from PIL import Image

from synthem import SIX, Classes, SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.exporters import FORMATS, export
from synthem.tiles.importers import guess_descriptor, import_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> TileDataset:
    return layers(
        tmp_path / "layers", ["l/1", "l 2", "l3"], (48, 64), splits=["train", "train", "test"], title="Some layers"
    )


def png(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_folders_are_those_of_the_original_generator(tmp_path: Path):
    dataset = tiles(tmp_path / "tiles", 3)
    export(dataset, "folders", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert names == {"original", "PSD", "axon", "boundaries", "mitochondria", "mitochondrial_boundaries", "vesicles"}
    masks = dataset.masks(1)
    np.testing.assert_array_equal(png(tmp_path / "out/original/synthetic-00001.png"), dataset.image(1))
    np.testing.assert_array_equal(png(tmp_path / "out/PSD/synthetic-00001.png"), masks[3] * np.uint8(255))
    np.testing.assert_array_equal(png(tmp_path / "out/boundaries/synthetic-00001.png"), masks[5] * np.uint8(255))


def test_exported_folders_can_be_guessed(tmp_path: Path):
    dataset = tiles(tmp_path / "tiles", 3)
    export(dataset, "folders", tmp_path / "out")
    descriptor, root = guess_descriptor(tmp_path / "out")
    back = TileDataset.open(import_dataset(descriptor, root, tmp_path / "back").folder)
    assert back.classes == SIX
    np.testing.assert_array_equal(back.masks(2), dataset.masks(2))


def test_several_splits_are_several_sets_of_folders(dataset: TileDataset, tmp_path: Path):
    export(dataset, "folders", tmp_path / "out")
    assert (tmp_path / "out/train/original/l_1.png").is_file()
    assert (tmp_path / "out/train/axon/l_2.png").is_file()
    assert (tmp_path / "out/test/axon/l3.png").is_file()


def test_rows_are_told_in_a_table(dataset: TileDataset, tmp_path: Path):
    export(dataset, "folders", tmp_path / "out")
    with (tmp_path / "out" / "rows.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert table[0] == {
        "file": "train/original/l_1.png", "source": "real", "dataset": "layers", "split": "train", "layer": "l/1",
        "y": "0", "x": "0", "nm_per_px": "5.0",
    }  # fmt: skip
    assert [row["layer"] for row in table] == ["l/1", "l 2", "l3"]


def test_windows_of_one_layer_get_different_files(tmp_path: Path):
    dataset = layers(tmp_path / "layers", ["a", "a", "b"], (16, 16))
    export(dataset, "coco", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/images/train").iterdir()) == [
        "a-000000.png", "a-000001.png", "b.png",
    ]  # fmt: skip


def test_coco_has_an_annotation_for_each_object(tmp_path: Path):
    classes = Classes(("mitochondrion", "boundary", "membrane"))
    planes, numbers = np.zeros((3, 20, 30), bool), np.zeros((20, 30), np.uint16)
    planes[0, 2:9, 2:9] = planes[0, 2:9, 9:14] = True
    numbers[2:9, 2:9], numbers[2:9, 9:14] = 7, 3
    planes[1, 2:9, 2] = planes[1, 2, 2:9] = True
    planes[2, 12:18, 12:18], planes[2, 14:16, 14:16], planes[2, 0, 0] = True, False, True
    image = np.full((20, 30), 99, np.uint8)
    dataset = write(tmp_path / "d", [(image, classes.pack(planes))], classes=classes, instances=[numbers])
    export(dataset, "coco", tmp_path / "out")
    content = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    assert content["images"] == [{"id": 1, "file_name": "synthetic-00000.png", "width": 30, "height": 20}]
    assert [c["name"] for c in content["categories"]] == ["mitochondrion", "boundary", "membrane"]
    told = [(a["category_id"], a["instance"], a["area"], a["bbox"]) for a in content["annotations"]]
    assert told == [
        (1, 3, 35, [9, 2, 5, 7]),
        (1, 7, 49, [2, 2, 7, 7]),
        (2, 7, 13, [2, 2, 7, 7]),
        (3, 0, 1, [0, 0, 1, 1]),
        (3, 0, 32, [12, 12, 6, 6]),
    ]
    assert [a["id"] for a in content["annotations"]] == [1, 2, 3, 4, 5]
    for annotation in content["annotations"]:
        polygons = [shapely.Polygon(np.reshape(ring, (-1, 2))) for ring in annotation["segmentation"]]
        assert all(polygon.is_valid for polygon in polygons)
        assert sum(polygon.area for polygon in polygons) == annotation["area"]
    assert len(content["annotations"][4]["segmentation"]) == 2, "the ring is cut once, through its hole"


def test_coco_of_layers_without_objects_goes_by_components(dataset: TileDataset, tmp_path: Path):
    export(dataset, "coco", tmp_path / "out")
    found = dict.fromkeys(SIX.names, 0)
    for split in ("train", "test"):
        for annotation in json.loads((tmp_path / f"out/annotations/instances_{split}.json").read_text())["annotations"]:
            found[SIX.names[annotation["category_id"] - 1]] += 1
    counted = dataset.column("count")
    assert found == {name: sum(row[name] for row in counted) for name in SIX.names}


def test_nnunet_numbers_classes_that_never_overlap(tmp_path: Path):
    classes = Classes(("a", "b", "c"))
    stored = np.array([[0, 1, 4], [4, 0, 1]], np.uint8)
    write(tmp_path / "d", [(stored, stored)], classes=classes)
    export(tmp_path / "d", "nnunet", tmp_path / "Dataset001_Test")
    content = json.loads((tmp_path / "Dataset001_Test/dataset.json").read_text())
    assert content == {
        "channel_names": {"0": "grey"},
        "labels": {"background": 0, "a": 1, "b": 2, "c": 3},
        "numTraining": 1,
        "file_ending": ".png",
    }
    label = png(tmp_path / "Dataset001_Test/labelsTr/synthetic-00000.png")
    np.testing.assert_array_equal(label, [[0, 1, 3], [3, 0, 1]])


def test_nnunet_makes_regions_of_overlaps(tmp_path: Path):
    classes = Classes(("mitochondrion", "boundary"))
    stored = np.array([[1, 1, 3], [3, 2, 0]], np.uint8)
    write(tmp_path / "d", [(stored, stored)], classes=classes)
    export(tmp_path / "d", "nnunet", tmp_path / "out")
    content = json.loads((tmp_path / "out/dataset.json").read_text())
    assert content["labels"] == {"background": 0, "mitochondrion": [1, 3], "boundary": [2, 3]}
    assert content["regions_class_order"] == [1, 3], "a boundary is written as boundary and mitochondrion"


def test_nnunet_keeps_tests_apart(dataset: TileDataset, tmp_path: Path):
    export(dataset, "nnunet", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/imagesTr").iterdir()) == ["l_1_0000.png", "l_2_0000.png"]
    assert [path.name for path in (tmp_path / "out/labelsTs").iterdir()] == ["l3.png"]
    values = set(range(max(png(p).max() for p in (tmp_path / "out").glob("labelsT?/*")) + 1))
    used = json.loads((tmp_path / "out/dataset.json").read_text())["labels"].values()
    assert values == {v for value in used for v in (value if isinstance(value, list) else [value])}


def test_stacks_hold_a_page_for_each_row(dataset: TileDataset, tmp_path: Path):
    export(dataset, "tiff", tmp_path / "out")
    with tifffile.TiffFile(tmp_path / "out/train/vesicle_mask.tif") as file:
        assert file.series[0].shape == (2, 48, 64)
        np.testing.assert_array_equal(file.asarray(), [dataset.masks(i)[4] * np.uint8(255) for i in range(2)])
        assert file.pages[0].tags["XResolution"].value == (2_000_000, 1)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out/test/images.tif").squeeze(), dataset.image(2))


def test_npz_holds_arrays(dataset: TileDataset, tmp_path: Path):
    counted: list[int] = []
    export(dataset, "npz", tmp_path / "out", advance=counted.append)
    with np.load(tmp_path / "out" / "tiles.npz") as held:
        np.testing.assert_array_equal(held["image"], [dataset.image(i) for i in range(3)])
        np.testing.assert_array_equal(held["masks"], [dataset.masks(i) for i in range(3)])
        assert held["masks"].dtype == np.uint8
        assert held["classes"].tolist() == list(SIX.names)
        assert held["layer"].tolist() == ["l/1", "l 2", "l3"]
        assert held["split"].tolist() == ["train", "train", "test"]
    assert counted == [1, 1, 1]


@pytest.mark.parametrize("format", FORMATS)
def test_colour_is_kept(tmp_path: Path, format: str):
    image = np.random.default_rng(0).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    dataset = write(tmp_path / "d", [(image, draw(0, 0, (12, 16))[1])] * 2)
    export(dataset, format, tmp_path / "out")
    if format == "npz":
        with np.load(tmp_path / "out" / "tiles.npz") as held:
            np.testing.assert_array_equal(held["image"][1], image)
        return
    back = import_dataset(tmp_path / "out/descriptor.yaml", None, tmp_path / "back")
    np.testing.assert_array_equal(TileDataset.open(back.folder).image(1), image)


@pytest.mark.parametrize("format", FORMATS)
def test_classes_that_nobody_labelled_are_left_out(tmp_path: Path, format: str):
    dataset = layers(tmp_path / "d", ["a"], (32, 32), unknown_classes=["axon", "membrane"])
    done = export(dataset, format, tmp_path / "out")
    assert done.left_out == ("axon", "membrane")
    assert done.classes == SIX.names[1:5]
    assert not list((tmp_path / "out").rglob("axon*"))
    if format != "npz":
        back = TileDataset.open(import_dataset(tmp_path / "out/descriptor.yaml", None, tmp_path / "back").folder)
        assert back.meta["unknown_classes"] == ["axon", "membrane"]
        np.testing.assert_array_equal(back.masks(0)[:4], dataset.masks(0)[1:5])


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_dataset_gives_an_empty_export(tmp_path: Path, format: str):
    dataset = write(tmp_path / "d", [])
    assert export(dataset, format, tmp_path / "out").rows == 0
    assert (tmp_path / "out" / "rows.csv").read_text().count("\n") == 1


@pytest.mark.parametrize("format", ["tiff", "npz"])
def test_sizes_that_differ_do_not_fit_a_stack(tmp_path: Path, format: str):
    dataset = write(tmp_path / "d", [draw(0, 0, (16, 16)), draw(0, 1, (16, 20))])
    with pytest.raises(SynthemError, match=r"sizes differ .*; export folders, coco or nnunet"):
        export(dataset, format, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_licences_go_with_the_data(tmp_path: Path):
    dataset = layers(tmp_path / "d", ["a"], (16, 16), licences={"images": None, "labels": "MIT"}, citation="Someone")
    export(dataset, "folders", tmp_path / "out")
    text = (tmp_path / "out/descriptor.yaml").read_text()
    assert "labels: MIT" in text
    assert "citation: Someone" in text


def test_what_can_not_be_exported(dataset: TileDataset, tmp_path: Path):
    with pytest.raises(SynthemError, match="format 'cocos': there is none; did you mean 'coco'"):
        export(dataset, "cocos", tmp_path / "out")
    with pytest.raises(SynthemError, match="choose one of folders, coco, nnunet, tiff, npz"):
        export(dataset, "zzz", tmp_path / "out")
    with pytest.raises(SynthemError, match="holds something already"):
        export(dataset, "npz", dataset.folder)
    with pytest.raises(SynthemError, match="there is no such folder"):
        export(tmp_path / "none", "npz", tmp_path / "out")
    unknown = layers(tmp_path / "u", ["a"], (16, 16), unknown_classes=list(SIX.names))
    with pytest.raises(SynthemError, match="none of its classes was ever labelled"):
        export(unknown, "npz", tmp_path / "out")
    twins = write(tmp_path / "t", [draw(0, 0, (16, 16), Classes(("a b", "a/b")))], classes=Classes(("a b", "a/b")))
    with pytest.raises(SynthemError, match="would share a folder; rename one"):
        export(twins, "folders", tmp_path / "out")
    assert not (tmp_path / "out").exists()
