"""COCO files: polygons, run lengths, and everything that can be wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raw import bring_in, describe, grey, problems, save

from synthem import SynthemError
from synthem.tiles.importers.coco import fill, outline

COCO = {"kind": "coco", "at": "coco.json"}
SQUARE = [2, 3, 8, 3, 8, 7, 2, 7]


def write(root: Path, objects: list[dict[str, Any]], **more: Any) -> None:
    """One picture a.png of 24 × 32 px and its objects."""
    save(root / "images" / "a.png", grey(0))
    annotations = [{"id": i, "image_id": 1, "category_id": 5, "iscrowd": 0, **o} for i, o in enumerate(objects)]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 32, "height": 24}],
        "categories": [{"id": 9, "name": "nucleus"}, {"id": 5, "name": "cell"}],
        "annotations": annotations,
        **more,
    }
    (root / "coco.json").write_text(json.dumps(content))


def rectangle(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    mask = np.zeros((24, 32), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_polygons_become_masks_and_instances(tmp_path: Path):
    root = tmp_path / "data"
    write(
        root,
        [
            {"segmentation": [SQUARE]},
            {"segmentation": [[20, 10, 30, 10, 30, 20, 20, 20], [0, 0, 1, 0, 1, 1, 0, 1]]},
            {"segmentation": [[5, 5, 12, 5, 12, 9, 5, 9]], "category_id": 9},
        ],
    )
    done, dataset = bring_in(root, describe(COCO))
    assert problems(done) == []
    assert dataset.classes.names == ("cell", "nucleus")
    first, second, third = (
        rectangle(3, 7, 2, 8),
        rectangle(10, 20, 20, 30) | rectangle(0, 1, 0, 1),
        rectangle(5, 9, 5, 12),
    )
    np.testing.assert_array_equal(dataset.masks(0), [first | second, third])
    expected = np.where(first, 1, np.where(second, 2, np.where(third, 3, 0)))
    np.testing.assert_array_equal(dataset.instances(0), expected)


def test_classes_can_be_chosen_and_renamed(tmp_path: Path):
    root = tmp_path / "data"
    write(root, [{"segmentation": [SQUARE]}, {"segmentation": [SQUARE], "category_id": 9}])
    done, dataset = bring_in(root, describe({**COCO, "classes": {"soma": "cell"}}))
    assert dataset.classes.names == ("soma",)
    assert problems(done) == [("coco.json, object 1", "object of a category that no class takes (9)", "left out")]


@pytest.mark.parametrize("packed", [False, True])
def test_run_lengths(tmp_path: Path, packed: bool):
    root = tmp_path / "data"
    mask = rectangle(2, 5, 1, 3)
    counts = [24 + 2, 3, 21, 3, 24 * 32 - 53]
    text = pack([26, 3, 21, 3, 715])
    write(root, [{"segmentation": {"size": [24, 32], "counts": text if packed else counts}}])
    _, dataset = bring_in(root, describe(COCO))
    np.testing.assert_array_equal(dataset.masks(0)[0], mask)


def pack(counts: list[int]) -> str:
    """COCO's text for run lengths, as its own library writes it."""
    text = ""
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != -1 if bits & 0x10 else value != 0
            text += chr((bits | 0x20 if more else bits) + 48)
    return text


@pytest.mark.parametrize(
    ("segmentation", "text"),
    [
        (None, "object has no outline (a box only?)"),
        ([], "object has no outline (a box only?)"),
        ([[1, 1, 5, 5]], "outline has a polygon that isn't x, y"),
        ([[1, 1, 5, 5, 9]], "outline has a polygon that isn't x, y"),
        ([[1, 1, 5, float("nan"), 9, 9]], "outline has a polygon that isn't x, y"),
        ([["a", "b"]], "outline isn't a list of polygons"),
        ([7], "outline has a polygon that isn't x, y"),
        ({"size": [32, 24], "counts": [768]}, "run lengths of another size ([32, 24])"),
        ({"size": [24, 32], "counts": [7]}, "run lengths don't add up to the layer's pixels"),
        ({"size": [24, 32], "counts": [769, -1]}, "run lengths aren't whole numbers"),
        ({"counts": "ab"}, "run lengths of another size (None)"),
        ([[100, 100, 120, 100, 120, 120]], "covers no pixel's centre"),
        ([[-1e18, -1e18, -1e17, -1e17, -1e18, 0]], "covers no pixel's centre"),
    ],
)
def test_objects_that_can_not_be_drawn_are_listed(tmp_path: Path, segmentation: Any, text: str):
    root = tmp_path / "data"
    write(root, [{"segmentation": segmentation}, {"segmentation": [SQUARE]}])
    done, dataset = bring_in(root, describe(COCO))
    ((file, what, action),) = problems(done)
    assert (file, action) == ("coco.json, object 0", "left out")
    assert what.startswith(text)
    np.testing.assert_array_equal(dataset.masks(0)[0], rectangle(3, 7, 2, 8))


def test_outlines_far_outside_are_cut_at_the_edge():
    np.testing.assert_array_equal(fill(np.array([[-1e9, 3], [1e9, 3], [1e9, 5], [-1e9, 5]]), (24, 32)).pixels, True)
    found = outline([[-50, 3, 90, 3, 90, 5, -50, 5]], (24, 32))
    assert (found.top, found.left, found.pixels.shape) == (3, 0, (2, 32))


def test_pixels_belong_where_their_centre_is():
    triangle = fill(np.array([[0, 0], [4, 0], [0, 4]], float), (4, 4)).pixels
    np.testing.assert_array_equal(triangle, [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])


def test_pictures_and_annotations_without_each_other(tmp_path: Path):
    root = tmp_path / "data"
    images = [{"id": 1, "file_name": "a.png", "width": 32, "height": 24}, {"id": 2, "file_name": "sub/gone.png"}]
    write(root, [{"segmentation": [SQUARE]}, {"segmentation": [SQUARE], "category_id": 77}], images=images)
    save(root / "images" / "b.png", grey(1))
    done, dataset = bring_in(root, describe(COCO))
    assert dataset.column("layer") == ["a"]
    assert problems(done) == [
        ("coco.json, object 1", "object of an unknown category (77)", "left out"),
        ("images/b.png", "layer isn't listed in coco.json", "layer left out"),
        ("sub/gone.png", "annotated, but there is no such picture", "left out"),
    ]


def test_an_unlisted_layer_may_mean_no_objects(tmp_path: Path):
    root = tmp_path / "data"
    write(root, [{"segmentation": [SQUARE]}])
    save(root / "images" / "b.png", grey(1))
    _, dataset = bring_in(root, describe(COCO, missing_masks="empty"))
    assert dataset.column("layer") == ["a", "b"]
    assert not dataset.masks(1).any()


def test_a_listed_layer_without_objects_is_empty(tmp_path: Path):
    root = tmp_path / "data"
    write(root, [])
    done, dataset = bring_in(root, describe(COCO))
    assert problems(done) == []
    assert not dataset.masks(0).any()


def test_a_layer_of_another_size_than_annotated(tmp_path: Path):
    root = tmp_path / "data"
    write(root, [], images=[{"id": 1, "file_name": "a.png", "width": 24, "height": 32}])
    with pytest.raises(SynthemError, match="annotated as 32x24, layer 24x32"):
        bring_in(root, describe(COCO))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "coco.json: can't be read as JSON"),
        ("[" * 100_000, "coco.json: can't be read as JSON"),
        ("[]", "coco.json: content: "),
        ('{"images": [{}], "annotations": [], "categories": []}', "coco.json: images.0.id: Field required"),
        (
            '{"images": [{"id": 1, "file_name": "../../x.png"}], "annotations": [], "categories": []}',
            "leaves the root",
        ),
    ],
)
def test_files_that_are_not_coco(tmp_path: Path, content: str, text: str):
    root = tmp_path / "data"
    write(root, [])
    (root / "coco.json").write_text(content)
    with pytest.raises(SynthemError, match=text) as error:
        bring_in(root, describe(COCO))
    assert "\n" not in str(error.value)


def test_categories_must_exist(tmp_path: Path):
    root = tmp_path / "data"
    write(root, [])
    with pytest.raises(SynthemError, match="no category 'sell' for class soma; it has cell, nucleus"):
        bring_in(root, describe({**COCO, "classes": {"soma": "sell"}}))


def test_images_must_be_a_folder(tmp_path: Path):
    root = tmp_path / "data"
    write(root, [])
    save(root / "stack.tif", grey(0))
    with pytest.raises(SynthemError, match="images must be a folder"):
        bring_in(root, describe(COCO, images="stack.tif"))
