"""Descriptors for layouts that describe themselves: nnU-Net's raw data sets, and COCO files beside their pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from synthem.errors import SynthemError
from synthem.tiles.importers.coco import read_coco
from synthem.tiles.importers.descriptor import Descriptor, parse
from synthem.tiles.importers.places import PICTURES


def identifier(text: str) -> str:
    """A name that a descriptor allows, from a folder's or a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._") or "data"


def from_nnunet(folder: Path) -> Descriptor | None:
    """nnU-Net's raw layout (`dataset.json`, `imagesTr`, `labelsTr` and, where labelled, `imagesTs` and `labelsTs`).

    Raises:
        SynthemError: labels in a format that isn't read, or a broken `dataset.json`.
    """
    path = folder / "dataset.json"
    if not path.is_file() or not (folder / "imagesTr").is_dir():
        return None
    try:
        content = json.loads(path.read_bytes())
        labels, ending = dict(content["labels"]), str(content["file_ending"])
    except (ValueError, KeyError, TypeError):
        raise SynthemError(f"{path}: lacks labels or file_ending; write it as nnU-Net version 2 does") from None
    if ending.lower() not in PICTURES:
        raise SynthemError(f"{path}: {ending} files aren't read; convert them to .tif or .png")
    background = labels.pop("background", 0)
    ignored = [0, *([labels.pop("ignore")] if "ignore" in labels else [])]
    splits = {"train": "Tr"}
    if (folder / "labelsTs").is_dir() and (folder / "imagesTs").is_dir():
        splits["test"] = "Ts"
    return parse(
        {
            "name": identifier(folder.resolve().name),
            "description": str(content.get("description", "")),
            "images": f"images{{split}}/*_0000{ending}",
            "labels": {
                "kind": "labels",
                "at": f"labels{{split}}/*{ending}",
                "values": labels,
                "ignore": sorted({background, *ignored}) if isinstance(background, int) else ignored,
            },
            "splits": splits,
        },
        str(path),
    )


def from_coco(path: Path, root: Path) -> Descriptor:
    """COCO annotations in one file, their pictures in a folder below the root.

    Raises:
        SynthemError: no pictures found, or no COCO file.
    """
    content = read_coco(path)
    if not content.images:
        raise SynthemError(f"{path}: lists no pictures; export it again with them")
    wanted = Path(content.images[0].file_name.replace("\\", "/")).name
    folders = sorted({found.parent for found in root.rglob(wanted)}, key=lambda f: (len(f.parts), f))
    if not folders:
        raise SynthemError(f"{path}: its picture {wanted} isn't below {root}; lay the pictures beside the annotations")
    split = re.search(r"(train|val|test)", path.stem)
    return parse(
        {
            "name": identifier(root.resolve().name),
            "images": folders[0].relative_to(root).as_posix(),
            "labels": {"kind": "coco", "at": path.relative_to(root).as_posix()},
            "splits": {split[1] if split else "train": ""},
        },
        str(path),
    )


def find_coco(folder: Path) -> Path | None:
    """The COCO file of a folder, there or under `annotations`.

    Raises:
        SynthemError: there are several.
    """
    places = (folder, folder / "annotations")
    found = [path for place in places for path in sorted(place.glob("*.json")) if _is_coco(path)]
    if len(found) > 1:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found)
        raise SynthemError(f"{folder}: holds several COCO files ({names}); name one of them")
    return found[0] if found else None


def _is_coco(path: Path) -> bool:
    try:
        content: Any = json.loads(path.read_bytes())
    except ValueError:
        return False
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()
