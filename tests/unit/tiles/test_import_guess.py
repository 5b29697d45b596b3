"""First descriptors for data that nobody described."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image
from raw import binary, blob, grey, problems, save

from synthem import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.importers import Imported, guess_descriptor, import_dataset, to_yaml


def bring_in(path: Path) -> tuple[Imported, TileDataset]:
    """Import by guess alone."""
    descriptor, root = guess_descriptor(path)
    done = import_dataset(descriptor, root, root.parent / "imported")
    return done, TileDataset.open(done.folder)


def test_folders_of_classes_by_their_usual_names(tmp_path: Path):
    for split in ("train", "Testing"):
        for place in ("slices", "PSD", "mitochondrial boundaries", "glia"):
            for i in range(3):
                mask = binary(blob(i))
                mask[0, 0] = 140
                save(tmp_path / "d" / split / place / f"z{i}.png", grey(i) if place == "slices" else mask)
    descriptor, root = guess_descriptor(tmp_path / "d")
    assert yaml.safe_load(to_yaml(descriptor)) == {
        "name": "d",
        "images": "{split}/slices",
        "labels": {
            "kind": "masks",
            "classes": {
                "mitochondrial_boundary": "{split}/mitochondrial boundaries",
                "psd": "{split}/PSD",
                "glia": "{split}/glia",
            },
            "threshold": 128,
        },
        "splits": {"train": "train", "test": "Testing"},
        "z": r"(\d+)[a-z]?$",
    }
    done = import_dataset(descriptor, root, tmp_path / "out")
    assert [layer.name for layer in done.layers][:2] == ["train/z0", "train/z1"]


def test_images_are_known_by_their_looks_where_their_name_says_nothing(tmp_path: Path):
    for i in range(3):
        save(tmp_path / "d" / "aa" / f"x{i}.png", binary(blob(i)))
        save(tmp_path / "d" / "bb" / f"x{i}.png", grey(i))
    done, dataset = bring_in(tmp_path / "d")
    assert dataset.classes.names == ("aa",)
    np.testing.assert_array_equal(dataset.image(2), grey(2))
    assert problems(done) == []


def test_a_palette_of_classes_as_in_voc(tmp_path: Path):
    values = np.where(blob(1), 15, np.where(blob(2), 1, 0)).astype(np.uint8)
    values[0] = 255
    for name in ("2007_000001", "2007_000002"):
        save(tmp_path / "d" / "JPEGImages" / f"{name}.jpg", np.dstack([grey(i) for i in range(3)]))
        picture = Image.fromarray(values, "P")
        picture.putpalette(list(np.random.default_rng(0).integers(0, 255, 768)))
        (tmp_path / "d" / "SegmentationClass").mkdir(exist_ok=True)
        picture.save(tmp_path / "d" / "SegmentationClass" / f"{name}.png")
    _, dataset = bring_in(tmp_path / "d")
    assert dataset.classes.names == ("class_1", "class_15")
    np.testing.assert_array_equal(dataset.masks(0), [values == 1, values == 15])


def test_colours_of_classes(tmp_path: Path):
    colours = np.zeros((24, 32, 3), np.uint8)
    colours[blob(0)] = (200, 10, 0)
    save(tmp_path / "d" / "images" / "a.png", grey(0))
    save(tmp_path / "d" / "labels" / "a.png", colours)
    _, dataset = bring_in(tmp_path / "d")
    assert dataset.classes.names == ("class_c80a00",)
    np.testing.assert_array_equal(dataset.masks(0)[0], blob(0))


def test_maps_of_many_objects(tmp_path: Path):
    objects = (np.arange(24 * 32, dtype=np.uint16) // 4).reshape(24, 32)
    save(tmp_path / "d" / "images" / "a.png", grey(0))
    save(tmp_path / "d" / "cells" / "a.png", objects)
    _, dataset = bring_in(tmp_path / "d")
    np.testing.assert_array_equal(dataset.instances(0), objects)


def test_a_stack_finds_the_one_of_its_masks(tmp_path: Path):
    stack, masks = np.stack([grey(i) for i in range(3)]), np.stack([binary(blob(i)) for i in range(3)])
    (tmp_path / "d").mkdir()
    tifffile.imwrite(tmp_path / "d" / "em.tif", stack, photometric="minisblack")
    tifffile.imwrite(tmp_path / "d" / "mitochondria.tif", masks, photometric="minisblack")
    for path in (tmp_path / "d" / "em.tif", tmp_path / "d"):
        _, dataset = bring_in(path)
        assert dataset.classes.names == ("mitochondrion",)
        np.testing.assert_array_equal(dataset.masks(2)[0], blob(2))
        for file in dataset.folder.iterdir():
            file.unlink()


def test_a_volume_and_its_labels(tmp_path: Path):
    (tmp_path / "d").mkdir()
    with h5py.File(tmp_path / "d" / "v.h5", "w") as file:
        file["volumes/raw"] = np.stack([grey(i) for i in range(3)])
        file["volumes/labels"] = np.stack([blob(i) * np.uint8(2) + blob(i + 1) for i in range(3)])
    descriptor, _ = guess_descriptor(tmp_path / "d" / "v.h5")
    assert descriptor.images == "v.h5:/volumes/raw"
    _, dataset = bring_in(tmp_path / "d" / "v.h5")
    assert dataset.classes.names == ("class_1", "class_2", "class_3")


@pytest.mark.parametrize("tests", [True, False])
def test_nnunet_describes_itself(tmp_path: Path, tests: bool):
    root = tmp_path / "Dataset001_Cells"
    values = blob(0).astype(np.uint8) + blob(1)
    for end in ("Tr", "Ts") if tests else ("Tr",):
        save(root / f"images{end}" / "case_0000.png", grey(0))
        save(root / f"labels{end}" / "case.png", values)
    content = {
        "channel_names": {"0": "em"},
        "labels": {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3},
        "numTraining": 1,
        "file_ending": ".png",
    }
    (root / "dataset.json").write_text(json.dumps(content))
    done, dataset = bring_in(root)
    assert problems(done) == []
    assert dataset.column("layer") == (["train/case", "test/case"] if tests else ["case"])
    np.testing.assert_array_equal(dataset.masks(0), [values > 0, values == 2])


def test_nnunet_lists_channels_that_are_not_read(tmp_path: Path):
    root = tmp_path / "d"
    for channel in ("0000", "0001"):
        save(root / "imagesTr" / f"case_{channel}.png", grey(0))
    save(root / "labelsTr" / "case.png", blob(0).astype(np.uint8))
    (root / "dataset.json").write_text('{"labels": {"background": 0, "a": 1}, "file_ending": ".png"}')
    done, _ = bring_in(root)
    assert problems(done) == [("imagesTr/case_0001.png", "no place names this file", "left out")]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "lacks labels or file_ending"),
        ('{"labels": {"a": 1}}', "lacks labels or file_ending"),
        ('{"labels": {"a": 1}, "file_ending": ".nii.gz"}', r".nii.gz files aren't read; convert them"),
    ],
)
def test_nnunet_that_can_not_be_read(tmp_path: Path, content: str, text: str):
    (tmp_path / "imagesTr").mkdir()
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(SynthemError, match=text):
        guess_descriptor(tmp_path)


@pytest.mark.parametrize("place", ["instances_default.json", "annotations/instances_val.json"])
@pytest.mark.parametrize("by_file", [True, False])
def test_coco_files_find_their_pictures(tmp_path: Path, place: str, by_file: bool):
    root = tmp_path / "d"
    save(root / "images" / "a.png", grey(0))
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [{"image_id": 1, "category_id": 1, "segmentation": [[2, 3, 8, 3, 8, 7, 2, 7]]}],
    }
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).write_text(json.dumps(content))
    _, dataset = bring_in(root / place if by_file else root)
    assert dataset.masks(0).sum() == 24
    assert dataset.column("split") == ["val" if "val" in place else "train"]


def test_coco_without_its_pictures(tmp_path: Path):
    content = {"images": [{"id": 1, "file_name": "a.png"}], "categories": [], "annotations": []}
    (tmp_path / "coco.json").write_text(json.dumps(content))
    with pytest.raises(SynthemError, match=r"its picture a.png isn't below"):
        guess_descriptor(tmp_path)


def test_several_coco_files_are_a_question(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(SynthemError, match=r"several COCO files \(a.json, b.json\); name one"):
        guess_descriptor(tmp_path)
    with pytest.raises(SynthemError, match="lists no pictures"):
        guess_descriptor(tmp_path / "a.json")


def one_image(root: Path) -> None:
    save(root / "a.png", grey(0))


def images_only(root: Path) -> None:
    save(root / "images" / "a.png", grey(0))


def nothing(root: Path) -> None:
    (root / "notes.txt").write_text("x")


def masks_only(root: Path) -> None:
    save(root / "a" / "a.png", binary(blob(0)))
    save(root / "b" / "a.png", binary(blob(0)))


def drawn(root: Path) -> None:
    save(root / "images" / "a.png", grey(0))
    save(root / "drawn" / "a.png", np.dstack([grey(i) for i in range(3)]))


@pytest.mark.parametrize(
    ("lay", "text"),
    [
        (one_image, "holds pictures but no labels beside them"),
        (images_only, "holds pictures but no labels beside them"),
        (nothing, "holds no folders of pictures, stacks or volumes"),
        (masks_only, "no place looks like images"),
        (drawn, "in colour, and shows no table of colours"),
    ],
)
def test_what_can_not_be_told_is_said(tmp_path: Path, lay, text: str):
    (tmp_path / "d").mkdir()
    lay(tmp_path / "d")
    with pytest.raises(SynthemError, match=text):
        guess_descriptor(tmp_path / "d")


def test_other_paths(tmp_path: Path):
    with pytest.raises(SynthemError, match="there is no such file or folder"):
        guess_descriptor(tmp_path / "none")
    save(tmp_path / "a.png", grey(0))
    with pytest.raises(SynthemError, match="is no descriptor, folder, stack"):
        guess_descriptor(tmp_path / "a.png")
