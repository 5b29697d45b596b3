"""Every way to tell labels, from folders, stacks and volumes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image
from raw import binary, blob, bring_in, describe, grey, problems, save

from synthem import SynthemError

CELL = {"kind": "masks", "classes": {"cell": "masks"}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two images."""
    for i, name in enumerate("ab"):
        save(tmp_path / "data" / "images" / f"{name}.png", grey(i))
    return tmp_path / "data"


def test_a_binary_dataset(root: Path):
    for i, name in enumerate("ab"):
        save(root / "masks" / f"{name}.png", binary(blob(i)))
    done, dataset = bring_in(root, describe(CELL, nm_per_px=4))
    assert problems(done) == []
    assert dataset.classes.names == ("cell",)
    assert dataset.column("layer") == ["a", "b"]
    assert dataset.column("split") == ["train", "train"]
    assert dataset.column("nm_per_px") == [4, 4]
    for row in range(2):
        np.testing.assert_array_equal(dataset.image(row), grey(row))
        np.testing.assert_array_equal(dataset.masks(row)[0], blob(row))
        assert dataset.column("area_px")[row] == {"cell": int(blob(row).sum())}
        assert dataset.instances(row) is None


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (0, 77)])
def test_masks_of_two_levels_need_no_threshold(root: Path, values: tuple[int, int]):
    for i, name in enumerate("ab"):
        save(root / "masks" / f"{name}.png", np.where(blob(i), values[1], values[0]).astype(np.uint8))
    _, dataset = bring_in(root, describe(CELL))
    np.testing.assert_array_equal(dataset.masks(1)[0], blob(1))


def test_a_threshold_cuts_grey_masks_and_says_so(root: Path):
    for i, name in enumerate("ab"):
        mask = binary(blob(i))
        mask[0, :3] = (127, 128, 129)
        save(root / "masks" / f"{name}.png", mask)
    done, dataset = bring_in(root, describe({**CELL, "threshold": 128}))
    assert dataset.masks(0)[0, 0, :3].tolist() == [False, True, True]
    assert problems(done) == [
        (f"masks/{name}.png", "mask isn't binary (3 px between, 0.39 %)", "cut at 128") for name in "ab"
    ]


def test_dark_masks_on_a_bright_ground(root: Path):
    for i, name in enumerate("ab"):
        save(root / "masks" / f"{name}.png", 255 - binary(blob(i)))
    _, dataset = bring_in(root, describe({**CELL, "threshold": 128, "invert": True}))
    np.testing.assert_array_equal(dataset.masks(0)[0], blob(0))


def test_a_mask_below_the_threshold_is_listed(root: Path):
    save(root / "masks" / "a.png", blob(0).astype(np.uint8))
    save(root / "masks" / "b.png", binary(blob(1)))
    done, dataset = bring_in(root, describe({**CELL, "threshold": 128}))
    assert not dataset.masks(0).any()
    assert problems(done) == [("masks/a.png", "mask lies below the threshold (brightest 1)", "taken as empty")]


def test_a_mask_in_colour_counts_its_largest_channel(root: Path):
    for i, name in enumerate("ab"):
        save(root / "masks" / f"{name}.png", np.dstack([binary(blob(i)), *(np.zeros((24, 32), np.uint8),) * 2]))
    _, dataset = bring_in(root, describe({**CELL, "threshold": 128}))
    np.testing.assert_array_equal(dataset.masks(0)[0], blob(0))


def test_a_16_bit_mask_of_three_values_is_refused(root: Path):
    mask = blob(0).astype(np.uint16) * 300
    mask[0, 0] = 7
    for name in "ab":
        save(root / "masks" / f"{name}.png", mask)
    with pytest.raises(SynthemError) as error:
        bring_in(root, describe(CELL))
    assert "masks/a.png: mask isn't binary" in str(error.value)
    assert "(values 0, 7, 300); so no layer" in str(error.value)
    assert not (root.parent / "imported").exists()


@pytest.mark.parametrize("palette", [False, True])
def test_label_pictures_by_value(root: Path, palette: bool):
    values = np.where(blob(0), 3, np.where(blob(1), 7, 0)).astype(np.uint8)
    values[-1] = 255
    for name in "ab":
        picture = Image.fromarray(values)
        if palette:
            picture = Image.fromarray(values, "P")
            picture.putpalette(list(range(255, -1, -1)) * 3)
        (root / "labels").mkdir(exist_ok=True)
        picture.save(root / "labels" / f"{name}.png")
    labels = {"kind": "labels", "at": "labels", "values": {"cell": 3, "both": [3, 7]}, "ignore": [0, 255]}
    done, dataset = bring_in(root, describe(labels))
    assert problems(done) == []
    np.testing.assert_array_equal(dataset.masks(0), [values == 3, (values == 3) | (values == 7)])


def test_label_pictures_by_colour(root: Path):
    colours = np.zeros((24, 32, 3), np.uint8)
    colours[blob(0)] = (64, 0, 128)
    colours[-1] = (1, 2, 3)
    for name in "ab":
        save(root / "labels" / f"{name}.png", colours)
    labels = {"kind": "labels", "at": "labels", "values": {"cat": "#400080", "dog": "#408000"}}
    done, dataset = bring_in(root, describe(labels))
    expected = blob(0)
    expected[-1] = False
    np.testing.assert_array_equal(dataset.masks(0), [expected, np.zeros_like(expected)])
    assert problems(done)[0] == ("labels/a.png", "undeclared values (#010203 in 32 px)", "taken as no class")


def test_values_asked_of_a_picture_in_colour(root: Path):
    for name in "ab":
        save(root / "labels" / f"{name}.png", np.dstack([grey(i) for i in range(3)]))
    with pytest.raises(SynthemError, match=r"labels/a.png: is in colour where values were declared; .* so no layer"):
        bring_in(root, describe({"kind": "labels", "at": "labels", "values": {"cat": 1}}))


def test_many_classes_by_index(root: Path):
    values = np.arange(24 * 32, dtype=np.uint16).reshape(24, 32) // 2
    for name in "ab":
        save(root / "labels" / f"{name}.png", values)
    labels = {"kind": "labels", "at": "labels", "values": {f"c{i}": i for i in range(1, 384)}}
    _, dataset = bring_in(root, describe(labels))
    assert dataset.classes.storage == "index"
    np.testing.assert_array_equal(dataset.stored(0), values)


def test_instance_maps_number_their_objects(root: Path):
    first = np.zeros((24, 32), np.uint16)
    first[2:5, 2:5], first[8:12, 4:9] = 900, 17
    second = np.zeros((24, 32, 3), np.uint8)
    second[3:6, 3:6], second[20:, 20:] = (9, 0, 1), (200, 1, 1)
    for name in "ab":
        save(root / "cells" / f"{name}.png", first)
        save(root / "nuclei" / f"{name}.png", second)
    labels = {"kind": "instances", "classes": {"cell": "cells", "nucleus": "nuclei"}}
    _, dataset = bring_in(root, describe(labels))
    np.testing.assert_array_equal(dataset.masks(0), [first != 0, second.any(axis=2)])
    instances = dataset.instances(0)
    assert instances is not None
    assert instances[9, 5] == 1
    assert instances[2, 2] == instances[4, 4] == 2, "the first class that claims a pixel numbers it"
    assert instances[5, 5] == 3
    assert instances[21, 21] == 4
    assert len(np.unique(instances)) == 5


@pytest.mark.parametrize(
    ("objects", "text"),
    [
        (np.arange(70_000, dtype=np.uint32).reshape(250, 280) + 1, r"too many objects \(70000; 16 bits hold 65535\)"),
        (np.full((250, 280), 0.5, np.float32), "holds fractions"),
    ],
)
def test_maps_that_can_not_be_numbered(tmp_path: Path, objects: np.ndarray, text: str):
    root = tmp_path / "data"
    save(root / "images" / "a.png", grey(0, (250, 280)))
    (root / "cells").mkdir()
    tifffile.imwrite(root / "cells" / "a.tif", objects)
    with pytest.raises(SynthemError, match=text):
        bring_in(root, describe({"kind": "instances", "classes": {"cell": "cells"}}))


def test_lines_drawn_on_copies_of_photographs(root: Path):
    for i, name in enumerate("ab"):
        drawn = np.repeat(grey(i)[:, :, None], 3, axis=2)
        drawn[4, 5:20] = (30, 20, 250)
        drawn[10:20, 25] = (220, 30, 40)
        drawn[12, 2] = (0.4 * np.array([0, 0, 255]) + 0.6 * 100).astype(np.uint8)
        drawn[13, 2] = (0.6 * np.array([0, 0, 255]) + 0.4 * 100).astype(np.uint8)
        save(root / "drawn" / f"{name}_lines.png", drawn)
    labels = {"kind": "lines", "at": "drawn/*_lines.png", "colours": {"suture": "#0000ff", "crack": "#ff0000"}}
    done, dataset = bring_in(root, describe(labels))
    assert problems(done) == []
    expected = np.zeros((2, 24, 32), bool)
    expected[0, 4, 5:20] = expected[1, 10:20, 25] = expected[0, 13, 2] = True
    np.testing.assert_array_equal(dataset.masks(0), expected)


def test_a_copy_without_lines_is_listed(root: Path):
    for name in "ab":
        save(root / "drawn" / f"{name}.png", grey(0))
    done, dataset = bring_in(root, describe({"kind": "lines", "at": "drawn", "colours": {"suture": "#0000ff"}}))
    assert problems(done)[0] == ("drawn/a.png", "no line of a declared colour", "its masks are empty")
    assert not dataset.masks(0).any()


@pytest.mark.parametrize("missing", ["leave-out", "empty"])
@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (CELL, "layer without a mask of cell"),
        ({"kind": "instances", "classes": {"cell": "masks"}}, "layer without a mask of cell"),
        ({"kind": "labels", "at": "masks", "values": {"cell": 255}}, "layer without a label"),
        ({"kind": "lines", "at": "masks", "colours": {"cell": "#0000ff"}}, "layer without a label"),
    ],
    ids=["masks", "instances", "labels", "lines"],
)
def test_a_layer_without_labels(root: Path, labels: dict[str, object], what: str, missing: str):
    marked = np.zeros((24, 32, 3), np.uint8)
    marked[:, :, 2] = binary(blob(0))
    save(root / "masks" / "a.png", marked if labels["kind"] == "lines" else binary(blob(0)))
    done, dataset = bring_in(root, describe(labels, missing_masks=missing))
    np.testing.assert_array_equal(dataset.masks(0)[0], blob(0))
    if missing == "empty":
        assert dataset.column("layer") == ["a", "b"]
        assert not dataset.masks(1).any()
        assert problems(done)[0][1] == what
    else:
        assert dataset.column("layer") == ["a"]
        assert problems(done) == [("images/b.png", what, "layer left out")]


STACK = np.stack([grey(i) for i in range(3)])
MASKS = np.stack([binary(blob(i)) for i in range(3)])


def test_tiff_stacks_page_by_page(tmp_path: Path):
    root = tmp_path / "data"
    root.mkdir()
    tifffile.imwrite(
        root / "em.tif", STACK, imagej=True, resolution=(0.25, 0.25), metadata={"unit": "nm", "axes": "ZYX"}
    )
    tifffile.imwrite(root / "mito.tif", MASKS, photometric="minisblack")
    labels = {"kind": "masks", "classes": {"mitochondrion": "mito.tif"}}
    done, dataset = bring_in(root, describe(labels, images="em.tif"))
    assert dataset.column("layer") == ["em-0000", "em-0001", "em-0002"]
    assert dataset.column("nm_per_px") == [4, 4, 4]
    assert dataset.meta["layers"][2] == {"name": "em-0002", "split": "train", "volume": "em.tif", "z": 2}
    assert problems(done) == []
    for z in range(3):
        np.testing.assert_array_equal(dataset.image(z), STACK[z])
        np.testing.assert_array_equal(dataset.masks(z)[0], blob(z))


def test_stacks_of_different_lengths_list_what_is_over(tmp_path: Path):
    root = tmp_path / "data"
    root.mkdir()
    tifffile.imwrite(root / "em.tif", STACK[:2], photometric="minisblack")
    tifffile.imwrite(root / "mito.tif", MASKS[:, :, :], photometric="minisblack")
    done, _ = bring_in(root, describe({"kind": "masks", "classes": {"cell": "mito.tif"}}, images="em.tif"))
    assert problems(done) == [("mito.tif, page 2", "mask without a layer", "left out")]


def test_hdf5_volumes_plane_by_plane(tmp_path: Path):
    root = tmp_path / "data"
    root.mkdir()
    with h5py.File(root / "v.h5", "w") as file:
        raw = file.create_dataset("volumes/raw", data=STACK)
        raw.attrs["resolution"] = (40.0, 4.0, 4.0)
        file["volumes/ids"] = MASKS.astype(np.uint64) * np.arange(1, 4, dtype=np.uint64)[:, None, None]
    labels = {"kind": "instances", "classes": {"cell": "v.h5:/volumes/ids"}}
    _, dataset = bring_in(root, describe(labels, images="v.h5:/volumes/raw", splits={"train": {"layers": ["v-0002"]}}))
    assert dataset.column("layer") == ["v-0002"]
    assert dataset.column("nm_per_px") == [4]
    np.testing.assert_array_equal(dataset.image(0), STACK[2])
    np.testing.assert_array_equal(dataset.masks(0)[0], blob(2))


def test_hdf5_in_colour_and_of_one_plane(tmp_path: Path):
    root = tmp_path / "data"
    root.mkdir()
    with h5py.File(root / "v.h5", "w") as file:
        file.create_dataset("raw", data=np.stack([STACK] * 3, axis=3)).attrs["element_size_um"] = (0.04, 0.008, 0.008)
        file["ids"] = MASKS[..., None]
    labels = {"kind": "masks", "classes": {"cell": "v.h5:/ids"}}
    _, dataset = bring_in(root, describe(labels, images="v.h5:/raw", colour="keep"))
    np.testing.assert_array_equal(dataset.image(1)[:, :, 2], STACK[1])
    assert dataset.column("nm_per_px") == [8, 8, 8]


def test_hdf5_that_claims_too_much(tmp_path: Path):
    root = tmp_path / "data"
    root.mkdir()
    with h5py.File(root / "v.h5", "w") as file:
        file.create_dataset("raw", shape=(2**30, 4, 4), dtype=np.uint8, chunks=(1, 4, 4))
    with pytest.raises(SynthemError, match=r"v.h5:/raw: claims \(1073741824, 4, 4\)"):
        bring_in(root, describe({"kind": "masks", "classes": {"cell": "v.h5:/raw"}}, images="v.h5:/raw"))


def test_hdf5_of_one_plane(tmp_path: Path):
    root = tmp_path / "data"
    root.mkdir()
    with h5py.File(root / "v.h5", "w") as file:
        file["one"], file["mask"] = STACK[0], MASKS[0]
    labels = {"kind": "masks", "classes": {"cell": "v.h5:/mask"}}
    _, dataset = bring_in(root, describe(labels, images="v.h5:/one"))
    assert dataset.column("layer") == ["v-0000"]
    np.testing.assert_array_equal(dataset.masks(0)[0], blob(0))
