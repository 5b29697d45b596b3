"""Opening the places of each split, naming its layers, and finding files that nobody asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synthem.errors import SynthemError
from synthem.tiles.importers.coco import CocoReader
from synthem.tiles.importers.descriptor import Coco, Descriptor, Instances, Labels, Lines, Masks
from synthem.tiles.importers.labels import InstanceReader, LabelReader, LineReader, MaskReader, Reader
from synthem.tiles.importers.order import Layer, locate
from synthem.tiles.importers.places import NOTES, Folder, Source, find_file, open_place
from synthem.tiles.importers.problems import Problems


@dataclass(frozen=True)
class OpenSplit:
    """One split, ready to be read."""

    name: str
    images: Source
    reader: Reader
    layers: dict[str, Layer]
    """Its layers by their key in the places."""


def open_splits(descriptor: Descriptor, root: Path) -> list[OpenSplit]:
    """Open every split of a descriptor, in its order.

    Raises:
        SynthemError: a place that isn't there or leaves the root, a layer of two splits, or one that doesn't exist.
    """
    opened: list[tuple[str, Source, Reader, list[str]]] = []
    owner: dict[str, str] = {}
    for name, split in descriptor.splits.items():
        images = open_place(root, descriptor.images.replace("{split}", split.at), descriptor.max_px)
        keys = _keys(images, split.layers, f"splits.{name}.layers")
        for key in keys:
            file = images.file(key)
            if owner.setdefault(file, name) != name:
                raise SynthemError(
                    f"splits: {file} is in {owner[file]} and in {name}; write {{split}} into the places, or list layers"
                )
        opened.append((name, images, _reader(descriptor, root, split.at, images), keys))
    names = Counter(f"{images.prefix}{key}" for _, images, _, keys in opened for key in keys)
    prefixed = any(count > 1 for count in names.values())
    splits = []
    for name, images, reader, keys in opened:
        layers = {key: _layer(descriptor, images, key, name, prefixed=prefixed) for key in keys}
        splits.append(OpenSplit(name, images, reader, layers))
    return splits


def report_strays(splits: Sequence[OpenSplit], root: Path, problems: Problems) -> None:
    """List labels without a layer, layers without a split, and files that no place names."""
    used: dict[Path, set[Path]] = {}
    assigned = {split.images.file(key) for split in splits for key in split.layers}
    for split in splits:
        for key in split.images.keys:
            if split.images.file(key) not in assigned:
                problems.add(split.images.file(key), "layer is in no split", "left out")
        for source in split.reader.sources:
            for key in source.keys:
                if key not in split.images.keys:
                    problems.add(source.file(key), "mask without a layer", "left out")
        if isinstance(split.reader, CocoReader):
            for name in split.reader.strays(split.images.keys):
                problems.add(name, "annotated, but there is no such picture", "left out")
        for source in (split.images, *split.reader.sources):
            if isinstance(source, Folder):
                used.setdefault(source.folder, set()).update(source.files.values(), source.doubles)
                for double in source.doubles:
                    problems.add(_relative(double, root), "second picture of its layer", "left out")
    for folder, known in used.items():
        for path in folder.iterdir():
            if path.is_file() and path not in known and path.suffix.lower() not in NOTES and path.name[0] != ".":
                problems.add(_relative(path, root), "no place names this file", "left out")


def _keys(images: Source, listed: list[str] | None, where: str) -> list[str]:
    by_name = {f"{images.prefix}{key}": key for key in images.keys}
    if listed is None:
        return list(by_name.values())
    for name in listed:
        if name not in by_name:
            raise SynthemError(f"{where}: no layer {name!r}; the place holds {', '.join(list(by_name)[:5])}, …")
    return [by_name[name] for name in listed]


def _layer(descriptor: Descriptor, images: Source, key: str, split: str, *, prefixed: bool) -> Layer:
    name = f"{split}/{images.prefix}{key}" if prefixed else f"{images.prefix}{key}"
    if descriptor.z:
        return locate(name, split, descriptor.z)
    if images.volume and descriptor.z is None:
        return Layer(name, split, images.volume, int(key))
    return Layer(name, split, "", None)


def _reader(descriptor: Descriptor, root: Path, at: str, images: Source) -> Reader:
    how = descriptor.labels
    empty = descriptor.missing_masks == "empty"

    def open_all(places: dict[str, str]) -> dict[str, Source]:
        return {name: open_one(place) for name, place in places.items()}

    def open_one(place: str) -> Source:
        return open_place(root, place.replace("{split}", at), descriptor.max_px)

    match how:
        case Masks():
            return MaskReader(open_all(how.classes), how, missing_is_empty=empty)
        case Instances():
            return InstanceReader(open_all(how.classes), missing_is_empty=empty)
        case Labels():
            return LabelReader(open_one(how.at), how, missing_is_empty=empty)
        case Lines():
            return LineReader(open_one(how.at), how, missing_is_empty=empty)
        case Coco():
            path = find_file(root, how.at.replace("{split}", at))
            return CocoReader(path, how, images, missing_is_empty=empty)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
