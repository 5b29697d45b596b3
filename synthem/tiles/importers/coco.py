"""Objects in the notation of COCO: polygons and run lengths in one JSON file, as CVAT and others export it.

A pixel belongs to a polygon where its centre lies inside (even-odd rule), with pixel (0, 0) between the coordinates 0
and 1. Several polygons of one object are joined. https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.tiles.importers.descriptor import Coco
from synthem.tiles.importers.labels import Labelled, as_instances, pack
from synthem.tiles.importers.places import Folder, Source, within
from synthem.tiles.importers.problems import Problems, Unfit


class _Image(BaseModel):
    model_config = ConfigDict(frozen=True)
    id: int
    file_name: str
    width: int | None = None
    height: int | None = None


class _Category(BaseModel):
    id: int
    name: str


class _Annotation(BaseModel):
    id: int | str = "?"
    image_id: int
    category_id: int
    segmentation: Any = None


class _File(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


class Boxed(NamedTuple):
    """Pixels (y, x) within a box of a layer."""

    pixels: npt.NDArray[np.bool_]
    top: int
    left: int

    def box(self, top: int = 0, left: int = 0) -> tuple[slice, slice]:
        """Where they lie in a plane that begins at some row and column of the layer."""
        y, x = self.top - top, self.left - left
        return slice(y, y + self.pixels.shape[0]), slice(x, x + self.pixels.shape[1])


class CocoReader:
    """The objects of one JSON file."""

    sources: Sequence[Source] = ()

    def __init__(self, path: Path, how: Coco, images: Source, *, missing_is_empty: bool) -> None:
        self._path = path
        self._missing_is_empty = missing_is_empty
        content = read_coco(path)
        category = {c.name: c.id for c in sorted(content.categories, key=lambda c: c.id)}
        wanted = how.classes or {name: name for name in category}
        for name, called in wanted.items():
            if called not in category:
                raise SynthemError(f"{path}: no category {called!r} for class {name}; it has {', '.join(category)}")
        self._class_of = {category[called]: name for name, called in wanted.items()}
        self._known = set(category.values())
        self.names = list(wanted)
        if not isinstance(images, Folder):
            raise SynthemError(f"{path}: COCO names files of pictures; images must be a folder")
        layers = {file.name: key for key, file in images.files.items()}
        self._images: dict[str, _Image] = {}
        for image in content.images:
            file = PurePosixPath(image.file_name.replace("\\", "/"))
            within(images.root, images.folder / file, f"{path}: {image.file_name}")
            self._images[layers.get(file.name, file.name)] = image
        self._objects: dict[int, list[_Annotation]] = {}
        for annotation in content.annotations:
            self._objects.setdefault(annotation.image_id, []).append(annotation)

    def strays(self, keys: Collection[str]) -> list[str]:
        """Names of annotated pictures that aren't among the layers."""
        return [image.file_name for key, image in self._images.items() if key not in keys]

    def read(self, key: str, shape: tuple[int, int], classes: Classes, problems: Problems) -> Labelled:
        image = self._images.get(key)
        if image is None:
            if not self._missing_is_empty:
                raise Unfit("", f"layer isn't listed in {self._path.name}")
            problems.add(key, f"layer isn't listed in {self._path.name}", "taken as empty")
            return Labelled(np.zeros(shape, classes.dtype))
        if image.height is not None and image.width is not None and (image.height, image.width) != shape:
            declared = f"annotated as {image.height}x{image.width}, layer {shape[0]}x{shape[1]}"
            raise Unfit("", f"sizes differ ({declared})")
        planes = np.zeros((len(classes), *shape), np.bool_)
        numbers = np.zeros(shape, np.int64)
        count = 0
        for annotation in self._objects.get(image.id, []):
            where = f"{self._path.name}, object {annotation.id}"
            name = self._class_of.get(annotation.category_id)
            if name is None:
                known = annotation.category_id in self._known
                what = "object of a category that no class takes" if known else "object of an unknown category"
                problems.add(where, f"{what} ({annotation.category_id})", "left out")
                continue
            try:
                found = outline(annotation.segmentation, shape)
            except ValueError as error:
                problems.add(where, str(error), "left out")
                continue
            if not found.pixels.any():
                problems.add(where, "covers no pixel's centre", "left out")
                continue
            count += 1
            box = found.box()
            planes[classes.index(name)][box] |= found.pixels
            numbers[box][found.pixels & (numbers[box] == 0)] = count
        return Labelled(pack(planes, classes, self._path.name), as_instances(numbers, count, self._path.name))


def read_coco(path: Path) -> _File:
    """Raises:
    SynthemError: no JSON, or not in COCO's notation.
    """
    try:
        return _File.model_validate(json.loads(path.read_bytes()))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SynthemError(f"{path}: {place or 'content'}: {first['msg']}; export it as COCO instances") from None
    except (ValueError, RecursionError) as error:
        raise SynthemError(f"{path}: can't be read as JSON ({str(error).splitlines()[0]})") from None


def outline(segmentation: Any, shape: tuple[int, int]) -> Boxed:
    """Pixels of one object.

    Raises:
        ValueError: neither polygons nor run lengths of that size.
    """
    if isinstance(segmentation, dict):
        return Boxed(_run_lengths(segmentation, shape), 0, 0)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("object has no outline (a box only?)")
    parts = []
    for ring in segmentation:
        try:
            points = np.asarray(ring, np.float64)
        except (TypeError, ValueError):
            raise ValueError("outline isn't a list of polygons, each a list of numbers") from None
        if points.ndim != 1 or len(points) % 2 or len(points) < 6 or not np.isfinite(points).all():
            raise ValueError("outline has a polygon that isn't x, y, x, y, … of three points at least")
        parts.append(fill(points.reshape(-1, 2), shape))
    top, left = min(part.top for part in parts), min(part.left for part in parts)
    bottom = max(part.top + part.pixels.shape[0] for part in parts)
    right = max(part.left + part.pixels.shape[1] for part in parts)
    whole = Boxed(np.zeros((bottom - top, right - left), np.bool_), top, left)
    for part in parts:
        whole.pixels[part.box(top, left)] |= part.pixels
    return whole


def fill(points: npt.NDArray[np.float64], shape: tuple[int, int]) -> Boxed:
    """Pixels whose centre lies inside a closed line through points (n, 2) as (x, y), by the even-odd rule."""
    left, top = np.clip(np.floor(points.min(axis=0)), 0, shape[::-1]).astype(np.int64).tolist()
    right, bottom = np.clip(np.ceil(points.max(axis=0)), 0, shape[::-1]).astype(np.int64).tolist()
    height, width = bottom - top, right - left
    x0, y0 = (points - np.array([left, top])).T
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    first = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, height).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, height).astype(np.int64)
    rows = last - first
    edge = np.repeat(np.arange(len(points)), rows)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(rows) - rows, rows)
    crossing = x0[edge] + (row + 0.5 - y0[edge]) * ((x1 - x0)[edge] / (y1 - y0)[edge])
    column = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)
    toggles = np.zeros((height, width + 1), np.int32)
    np.add.at(toggles, (row, column), 1)
    return Boxed(np.cumsum(toggles[:, :width], axis=1) % 2 == 1, top, left)


def _run_lengths(segmentation: dict[str, Any], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Column by column, lengths of runs outside and inside in turn, as numbers or packed into text."""
    counts = segmentation.get("counts")
    if list(segmentation.get("size", [])) != list(shape):
        raise ValueError(f"run lengths of another size ({segmentation.get('size')})")
    if isinstance(counts, str):
        counts = _unpack_counts(counts)
    if not isinstance(counts, list) or not all(isinstance(n, int) and n >= 0 for n in counts):
        raise ValueError("run lengths aren't whole numbers")
    if sum(counts) != shape[0] * shape[1]:
        raise ValueError("run lengths don't add up to the layer's pixels")
    inside = np.arange(len(counts)) % 2 == 1
    return np.repeat(inside, counts).reshape(shape, order="F")


def _unpack_counts(text: str) -> list[int]:
    """COCO's compressed text: 5 bits a character from code 48 on, lowest first; bit 5 says that more follow.

    From the fourth number on each is stored as the difference to the one before the last.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text.encode("ascii", "replace"):
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts
