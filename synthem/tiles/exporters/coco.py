"""COCO: one PNG for each row, and one JSON file of polygons for each split.

Every object of every class is one annotation: where the dataset tells objects apart its `instances` do, elsewhere
(membranes, real layers) the 8-connected components do. Polygons run along the edges of pixels, so that filling them
gives the mask again; an object with holes or of several parts is several polygons. `instance` in an annotation is the
object's number in the dataset: a mitochondrion and its boundary share one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from synthem.tiles import codec
from synthem.tiles.exporters.outlines import outlines
from synthem.tiles.exporters.rows import Advance, Plan, Rows, safe


def write(rows: Rows, folder: Path, advance: Advance) -> Plan:
    """`images/SPLIT/*.png` and `annotations/instances_SPLIT.json`."""
    (folder / "annotations").mkdir()
    for split in rows.split_names():
        images = folder / "images" / safe(split)
        images.mkdir(parents=True)
        with (folder / "annotations" / f"instances_{safe(split)}.json").open("w", encoding="utf-8") as file:
            file.write(json.dumps(_head(rows, split))[:-1] + ', "annotations": [')
            number = 0
            for row in rows.of_split(split):
                (images / f"{rows.names[row]}.png").write_bytes(codec.encode(rows.dataset.image(row)))
                for annotation in objects(rows, row):
                    number += 1
                    file.write((",\n" if number > 1 else "\n") + json.dumps({"id": number, **annotation}))
                advance(1)
            file.write("\n]}\n")
    labels = {
        "kind": "coco",
        "at": "annotations/instances_{split}.json",
        "classes": {name: name for name in rows.classes.names},
    }
    files = [f"images/{safe(split)}/{name}.png" for split, name in zip(rows.splits, rows.names, strict=True)]
    return Plan(rows.descriptor("images/{split}", labels, {split: safe(split) for split in rows.split_names()}), files)


def objects(rows: Rows, row: int) -> Iterator[dict[str, Any]]:
    """The objects of one row, class by class."""
    instances = rows.dataset.instances(row)
    for category, mask in enumerate(rows.masks(row), start=1):
        for instance, part, left, top in _parts(mask, instances):
            polygons = [ring + np.array([left, top]) for ring in outlines(part)]
            ys, xs = np.nonzero(part)
            x, y = int(xs.min()) + left, int(ys.min()) + top
            yield {
                "image_id": row + 1,
                "category_id": category,
                "segmentation": [ring.ravel().tolist() for ring in polygons],
                "area": int(np.count_nonzero(part)),
                "bbox": [x, y, int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1],
                "iscrowd": 0,
                "instance": instance,
            }


def _parts(
    mask: npt.NDArray[np.bool_], instances: npt.NDArray[np.uint16] | None
) -> Iterator[tuple[int, npt.NDArray[np.bool_], int, int]]:
    """Number (0 without one), mask within its box, and the box's left and top, of each object of one class."""
    numbers = np.where(mask, 0 if instances is None else instances, 0).astype(np.int32)
    rest = (mask & (numbers == 0)).view(np.uint8)
    count, components = cv2.connectedComponents(rest, connectivity=8)
    highest = int(numbers.max(initial=0))
    labels = np.where(rest, components + highest, numbers)
    ys, xs = np.nonzero(labels)
    values = labels[ys, xs]
    top = np.full(highest + count, mask.shape[0], np.int64)
    left, bottom, right = np.full(len(top), mask.shape[1], np.int64), np.zeros_like(top), np.zeros_like(top)
    np.minimum.at(top, values, ys)
    np.minimum.at(left, values, xs)
    np.maximum.at(bottom, values, ys + 1)
    np.maximum.at(right, values, xs + 1)
    for value in np.unique(values).tolist():
        box = labels[top[value] : bottom[value], left[value] : right[value]]
        yield (value if value <= highest else 0), box == value, int(left[value]), int(top[value])


def _head(rows: Rows, split: str) -> dict[str, Any]:
    images = []
    for row in rows.of_split(split):
        height, width = rows.dataset.size(row)
        images.append({"id": row + 1, "file_name": f"{rows.names[row]}.png", "width": width, "height": height})
    categories = [{"id": i, "name": name, "supercategory": ""} for i, name in enumerate(rows.classes.names, start=1)]
    return {
        "info": {"description": str(rows.dataset.meta.get("title", ""))},
        "images": images,
        "categories": categories,
    }
