"""A first descriptor for data that nobody described: what folders are called, and what their pictures look like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from synthem.classes import SIX
from synthem.errors import SynthemError
from synthem.tiles.importers.descriptor import Descriptor, parse
from synthem.tiles.importers.known import find_coco, from_coco, from_nnunet, identifier
from synthem.tiles.importers.levels import to_codes
from synthem.tiles.importers.pictures import Unreadable
from synthem.tiles.importers.places import PICTURES, STACKS, VOLUMES, Source, hdf5_names, open_place

IMAGE_NAMES = ("image", "images", "slices", "original", "raw", "img", "imgs", "jpegimages", "photos", "volume", "em")
"""Usual names of the place of images, in lower case."""

SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
    "testing": "test",
}  # fmt: skip
"""Usual names of the folders of splits, in lower case, and the split that each means."""

CLASS_NAMES = {
    "axons": "axon", "mitochondria": "mitochondrion", "mitochondrial boundaries": "mitochondrial_boundary",
    "vesicles": "vesicle", "membranes": "membrane", "boundaries": "membrane", "psds": "psd",
}  # fmt: skip
"""Other names of the built-in classes, in lower case and with spaces."""

LOOKED_AT = 5
"""Pictures of each place that are read."""

MOST_VALUES = 64
"""A picture with more different values isn't one of class numbers."""


@dataclass(frozen=True)
class _Look:
    """What some pictures of a place hold."""

    values: npt.NDArray[np.int64]
    in_colour: bool
    palette: bool
    extreme: float
    """Share of pixels that have the lowest or the highest value."""


def guess_descriptor(path: str | Path) -> tuple[Descriptor, Path]:
    """A descriptor for a folder, a stack, a volume or a COCO file, and the root that its places are relative to.

    Raises:
        SynthemError: nothing there that can be told.
    """
    path = Path(path)
    if not path.exists():
        raise SynthemError(f"{path}: there is no such file or folder; check the name")
    if path.is_dir():
        described = from_nnunet(path)
        if described is not None:
            return described, path
        coco = find_coco(path)
        return (from_coco(coco, path) if coco else _from_places(path, path)), path
    if path.suffix.lower() == ".json":
        root = path.parent.parent if path.parent.name == "annotations" else path.parent
        return from_coco(path, root), root
    if path.suffix.lower() in (*STACKS, *VOLUMES):
        return _from_places(path.parent, path), path.parent
    raise SynthemError(f"{path}: is no descriptor, folder, stack (.tif, .h5) or COCO file (.json); name one of these")


def to_yaml(descriptor: Descriptor, comment: str = "Guessed; look it over.") -> str:
    """The descriptor as a file, below a comment that also says what it lacks."""
    content = descriptor.model_dump(mode="json", exclude_defaults=True)
    if "splits" in content:
        content["splits"] = {
            name: split if "layers" in split else split.get("at", "") for name, split in content["splits"].items()
        }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    missing = [key for key in ("nm_per_px", "licences", "where", "citation") if key not in content]
    lacking = f" Not said: {', '.join(missing)}." if missing else ""
    return f"# {comment}{lacking}\n{text}"


def _from_places(root: Path, chosen: Path) -> Descriptor:
    """From folders of pictures, stacks and volumes; `chosen` is the one that holds the images where it isn't root."""
    splits = {
        SPLIT_NAMES[folder.name.lower()]: folder.name
        for folder in sorted(root.iterdir())
        if folder.is_dir() and folder.name.lower() in SPLIT_NAMES and _places(folder)
    }
    if splits and chosen == root:
        splits = {name: splits[name] for name in ("train", "val", "test") if name in splits}
        first = next(iter(splits.values()))
        prefix, places = "{split}/", _places(root / first)
    else:
        splits, first, prefix = {}, "", ""
        places = _places(root)
    opened = {name: open_place(root.resolve(), f"{first}/{place}".lstrip("/"), 2**28) for name, place in places.items()}
    looks = {name: _look(source) for name, source in opened.items()}
    images = _image_place(root, looks, None if chosen == root else chosen.stem)
    rest = {name: prefix + places[name] for name in places if name != images}
    if not rest:
        raise SynthemError(f"{root}: holds pictures but no labels beside them; lay masks into a folder next to theirs")
    content: dict[str, Any] = {
        "name": identifier(chosen.resolve().stem),
        "images": prefix + places[images],
        "labels": _labels(root, rest, looks),
    }
    if splits:
        content["splits"] = splits
    if not opened[images].volume and all(re.search(r"\d[a-z]?$", key) for key in opened[images].keys):
        content["z"] = r"(\d+)[a-z]?$"
    return parse(content, str(root))


def _places(folder: Path) -> dict[str, str]:
    """Name and place of every folder of pictures, stack and volume in a folder."""
    places = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if any(p.suffix.lower() in PICTURES and p.name[0] != "." for p in path.iterdir()):
                places[path.name] = path.name
        elif path.suffix.lower() in STACKS:
            places[path.stem] = path.name
        elif path.suffix.lower() in VOLUMES:
            places |= {name.replace("/", "-"): f"{path.name}:/{name}" for name in hdf5_names(path)}
    return places


def _look(source: Source) -> _Look:
    keys = list(source.keys)
    held: list[npt.NDArray[np.int64]] = []
    in_colour = palette = False
    extreme = total = 0
    for key in keys[:: max(len(keys) // LOOKED_AT, 1)][:LOOKED_AT]:
        try:
            picture = source.read(key)
            palette |= picture.palette is not None
            try:
                codes = to_codes(picture, lambda what, done: None, in_colour=False)
            except Unreadable:
                codes = to_codes(picture, lambda what, done: None, in_colour=True)
                in_colour = True
        except Unreadable:
            continue
        values, counts = np.unique(codes, return_counts=True)
        held.append(values)
        extreme += int(counts[0] + counts[-1]) if len(counts) > 1 else int(counts[0])
        total += codes.size
    values = np.unique(np.concatenate(held)) if held else np.zeros(0, np.int64)
    return _Look(values, in_colour, palette, extreme / max(total, 1))


def _image_place(root: Path, looks: Mapping[str, _Look], chosen: str | None) -> str:
    if not looks and any(path.suffix.lower() in PICTURES for path in root.iterdir()):
        raise SynthemError(f"{root}: holds pictures but no labels beside them; lay images and masks into two folders")
    if not looks:
        raise SynthemError(f"{root}: holds no folders of pictures, stacks or volumes; name the folder that does")
    by_name = [name for name in looks if name.lower() in IMAGE_NAMES or (chosen is not None and name == chosen)]
    if len(by_name) == 1:
        return by_name[0]
    richest = max(looks, key=lambda name: (looks[name].extreme < 0.9, len(looks[name].values)))
    if looks[richest].extreme >= 0.9:
        raise SynthemError(f"{root}: no place looks like images; write a descriptor that names it")
    return richest


def _labels(root: Path, places: Mapping[str, str], looks: Mapping[str, _Look]) -> dict[str, Any]:
    if len(places) == 1:
        (name, place), look = next(iter(places.items())), looks[next(iter(places))]
        few = len(look.values) <= MOST_VALUES
        if few and (look.palette or look.in_colour or (len(look.values) > 2 and look.values.max() < 255)):
            return {"kind": "labels", "at": place, **_values(look)}
        if look.in_colour:
            raise SynthemError(f"{root / name}: in colour, and shows no table of colours; write a descriptor (lines?)")
    if any(look.extreme < 0.9 and len(looks[name].values) > 2 for name, look in looks.items() if name in places):
        return {"kind": "instances", "classes": _classes(places)}
    grey = any(len(looks[name].values) > 2 for name in places)
    return {"kind": "masks", "classes": _classes(places), **({"threshold": 128} if grey else {})}


def _values(look: _Look) -> dict[str, Any]:
    void = {255} if look.palette and not look.in_colour else set()
    if look.in_colour:
        return {"values": {f"class_{v:06x}": f"#{v:06x}" for v in look.values.tolist() if v}}
    values = {f"class_{v}": v for v in look.values.tolist() if v and v not in void}
    return {"values": values, **({"ignore": [0, 255]} if void & set(look.values.tolist()) else {})}


def _classes(places: Mapping[str, str]) -> dict[str, str]:
    """Class → place, the built-in classes first and in their order."""
    named = {}
    for name, place in places.items():
        plain = re.sub(r"[\s_-]+", " ", name).strip().lower()
        named[CLASS_NAMES.get(plain, plain.replace(" ", "_"))] = place
    known = [name for name in SIX.names if name in named]
    return {name: named[name] for name in (*known, *(n for n in named if n not in known))}
