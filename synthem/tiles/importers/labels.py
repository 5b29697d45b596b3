"""Reading the labels of one layer, whichever way the descriptor tells them."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from synthem.classes import Classes
from synthem.tiles.importers.descriptor import Labels, Lines, Masks, Value, rgb
from synthem.tiles.importers.levels import to_codes, to_objects, to_rgb, to_values
from synthem.tiles.importers.pictures import Picture, Unreadable
from synthem.tiles.importers.places import Source
from synthem.tiles.importers.problems import Problems, Unfit

LINE_HUE = 30.0
"""Degrees of hue by which a drawn line may differ from its declared colour."""


@dataclass(frozen=True)
class Labelled:
    """The labels of one layer."""

    stored: npt.NDArray[Any]
    """(y, x) packed masks."""
    instances: npt.NDArray[np.uint16] | None = None
    """(y, x) numbers of objects, 0 for none, where the source tells objects apart."""


class Reader(Protocol):
    """One way to tell labels."""

    @property
    def names(self) -> list[str]:
        """The classes it tells of."""
        ...

    @property
    def sources(self) -> Sequence[Source]:
        """The pictures that it reads, for those that no layer asks for."""
        ...

    def read(self, key: str, shape: tuple[int, int], classes: Classes, problems: Problems) -> Labelled:
        """Labels of a layer of that height and width.

        Raises:
            Unfit: none, unreadable, or of another size.
        """
        ...


class PerClass:
    """What readers of one picture for each class share."""

    def __init__(self, sources: Mapping[str, Source], *, missing_is_empty: bool) -> None:
        self._sources = dict(sources)
        self._missing_is_empty = missing_is_empty

    @property
    def names(self) -> list[str]:
        return list(self._sources)

    @property
    def sources(self) -> list[Source]:
        return list(self._sources.values())

    def pictures(self, key: str, shape: tuple[int, int], problems: Problems) -> Iterator[tuple[str, str, Picture]]:
        """Class, file and picture of every class that has one."""
        for name, source in self._sources.items():
            picture = find(source, key, shape, f"mask of {name}", problems, missing_is_empty=self._missing_is_empty)
            if picture is not None:
                yield name, source.file(key), picture


class MaskReader(PerClass):
    """One mask for each class."""

    def __init__(self, sources: Mapping[str, Source], how: Masks, *, missing_is_empty: bool) -> None:
        super().__init__(sources, missing_is_empty=missing_is_empty)
        self._threshold, self._invert = how.threshold, how.invert

    def read(self, key: str, shape: tuple[int, int], classes: Classes, problems: Problems) -> Labelled:
        planes = np.zeros((len(classes), *shape), np.bool_)
        for name, file, picture in self.pictures(key, shape, problems):
            planes[classes.index(name)] = self._binary(picture, file, problems)
        return Labelled(pack(planes, classes, key))

    def _binary(self, picture: Picture, file: str, problems: Problems) -> npt.NDArray[np.bool_]:
        values = to_values(picture, problems.about(file))
        lowest, highest = values.min(), values.max()
        between = int(np.count_nonzero((values > lowest) & (values < highest)))
        if self._threshold is None:
            if between or 0 < lowest < highest:
                held = np.unique(values)
                shown = ", ".join(f"{v:g}" for v in held[:4]) + (", …" if len(held) > 4 else "")
                remedy = "declare a threshold, or kind labels where each value is a class"
                raise Unfit(file, f"mask isn't binary: {remedy} (values {shown})")
            return np.asarray(values != 0)
        if between:
            share = 100 * between / values.size
            problems.add(file, f"mask isn't binary ({between} px between, {share:.2g} %)", f"cut at {self._threshold}")
        elif 0 < highest < self._threshold and not self._invert:
            problems.add(file, f"mask lies below the threshold (brightest {highest:g})", "taken as empty")
        above = values >= self._threshold
        return np.asarray(~above if self._invert else above)


class InstanceReader(PerClass):
    """One map of objects for each class. Where classes overlap, a pixel carries the object of the first of them."""

    def read(self, key: str, shape: tuple[int, int], classes: Classes, problems: Problems) -> Labelled:
        planes = np.zeros((len(classes), *shape), np.bool_)
        numbers = np.zeros(shape, np.int64)
        count = 0
        for name, file, picture in self.pictures(key, shape, problems):
            try:
                objects = to_objects(picture, problems.about(file))
            except Unreadable as error:
                raise Unfit(file, str(error)) from None
            held, where = np.unique(objects, return_inverse=True)
            fresh = np.where(held == 0, 0, count + np.cumsum(held != 0))  # ids of all classes follow each other
            planes[classes.index(name)] = objects != 0
            numbers = np.where(numbers == 0, fresh[where.reshape(shape)], numbers)
            count += int(np.count_nonzero(held))
        return Labelled(pack(planes, classes, key), as_instances(numbers, count, key))


class LabelReader:
    """One picture whose values or colours are the classes."""

    def __init__(self, source: Source, how: Labels, *, missing_is_empty: bool) -> None:
        self._source = source
        self._missing_is_empty = missing_is_empty
        self._values = {name: v if isinstance(v, list) else [v] for name, v in how.values.items()}
        wanted = [v for values in self._values.values() for v in values]
        self._in_colour = any(isinstance(v, str) for v in wanted)
        self._ignored = [self._code(v) for v in how.ignore]

    @property
    def names(self) -> list[str]:
        return list(self._values)

    @property
    def sources(self) -> list[Source]:
        return [self._source]

    def read(self, key: str, shape: tuple[int, int], classes: Classes, problems: Problems) -> Labelled:
        picture = find(self._source, key, shape, "label", problems, missing_is_empty=self._missing_is_empty)
        if picture is None:
            return Labelled(np.zeros(shape, classes.dtype))
        file = self._source.file(key)
        try:
            codes = to_codes(picture, problems.about(file), in_colour=self._in_colour)
        except Unreadable as error:
            raise Unfit(file, str(error)) from None
        held, where = np.unique(codes, return_inverse=True)
        planes = np.zeros((len(classes), len(held), 1), np.bool_)
        for name, values in self._values.items():
            planes[classes.index(name), :, 0] = np.isin(held, [self._code(v) for v in values])
        ignored: npt.NDArray[np.bool_] = np.isin(held, self._ignored)
        strange = ~planes[:, :, 0].any(axis=0) & ~ignored
        if strange.any():
            px = int(strange[where].sum())
            shown = ", ".join(f"#{v:06x}" if self._in_colour else str(v) for v in held[strange][:4])
            more = ", …" if strange.sum() > 4 else ""
            problems.add(file, f"undeclared values ({shown}{more} in {px} px)", "taken as no class")
        return Labelled(pack(planes, classes, file)[where.reshape(shape), 0])

    def _code(self, value: Value) -> int:
        if isinstance(value, str):
            return int(value[1:], 16)
        return value * 0x010101 if self._in_colour else value


class LineReader:
    """Lines in colours on copies of the pictures."""

    def __init__(self, source: Source, how: Lines, *, missing_is_empty: bool) -> None:
        self._source = source
        self._missing_is_empty = missing_is_empty
        self._colours = {name: rgb(colour) for name, colour in how.colours.items()}

    @property
    def names(self) -> list[str]:
        return list(self._colours)

    @property
    def sources(self) -> list[Source]:
        return [self._source]

    def read(self, key: str, shape: tuple[int, int], classes: Classes, problems: Problems) -> Labelled:
        picture = find(self._source, key, shape, "label", problems, missing_is_empty=self._missing_is_empty)
        if picture is None:
            return Labelled(np.zeros(shape, classes.dtype))
        pixels = to_rgb(picture, problems.about(self._source.file(key)))
        chroma = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
        distance = np.stack([_hue_distance(pixels, chroma, colour) for colour in self._colours.values()])
        needed = np.array([(max(c) - min(c)) / 2 for c in self._colours.values()])
        nearest = distance.argmin(axis=0)
        drawn = (distance.min(axis=0) <= LINE_HUE) & (chroma >= needed[nearest])
        planes = np.zeros((len(classes), *shape), np.bool_)
        for i, name in enumerate(self._colours):
            planes[classes.index(name)] = drawn & (nearest == i)
        if not drawn.any():
            problems.add(self._source.file(key), "no line of a declared colour", "its masks are empty")
        return Labelled(pack(planes, classes, key))


def _hue_distance(
    pixels: npt.NDArray[np.uint8], chroma: npt.NDArray[np.int16], colour: tuple[int, int, int]
) -> npt.NDArray[np.float32]:
    """Degrees between the hue of every pixel and a colour's; 180 for pixels without a hue."""
    red, green, blue = (pixels[:, :, c].astype(np.float32) for c in range(3))
    span = np.maximum(chroma, 1).astype(np.float32)
    highest = pixels.argmax(axis=2)
    sixths = np.choose(highest, [(green - blue) / span, 2 + (blue - red) / span, 4 + (red - green) / span])
    r, g, b = (c / 255 for c in colour)
    apart = np.abs(sixths * 60 - 360 * colorsys.rgb_to_hsv(r, g, b)[0]) % 360
    return np.where(chroma > 0, np.minimum(apart, 360 - apart), 180).astype(np.float32)


def find(
    source: Source, key: str, shape: tuple[int, int], what: str, problems: Problems, *, missing_is_empty: bool
) -> Picture | None:
    """The label picture of a layer; None where it is missing and that means empty.

    Raises:
        Unfit: missing, unreadable, or of another size than its layer.
    """
    if key not in source.keys:
        if not missing_is_empty:
            raise Unfit("", f"layer without a {what}")
        problems.add(key, f"layer without a {what}", "taken as empty")
        return None
    try:
        picture = source.read(key)
    except Unreadable as error:
        raise Unfit(source.file(key), str(error)) from None
    if picture.pixels.shape[:2] != shape:
        height, width = picture.pixels.shape[:2]
        raise Unfit(source.file(key), f"sizes differ (mask {height}x{width}, layer {shape[0]}x{shape[1]})")
    return picture


def pack(planes: npt.NDArray[np.bool_], classes: Classes, file: str) -> npt.NDArray[Any]:
    """Masks as one image.

    Raises:
        Unfit: classes overlap that are stored as an index.
    """
    try:
        return classes.pack(planes)
    except ValueError as error:
        raise Unfit(file, str(error)) from None


def as_instances(numbers: npt.NDArray[np.int64], count: int, file: str) -> npt.NDArray[np.uint16]:
    """Raises:
    Unfit: more objects than 16 bits can number.
    """
    if count > 65535:
        raise Unfit(file, f"too many objects ({count}; 16 bits hold 65535)")
    return numbers.astype(np.uint16)
