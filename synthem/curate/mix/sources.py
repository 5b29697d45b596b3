"""The sources of a mix, joined: one list of classes, one pixel size, one kind of image; rows decoded once and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from synthem.classes import SIX, Classes
from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset

Kind = Literal["real", "synthetic"]
KEPT_BYTES = 256 * 2**20
"""Decoded rows that a reader keeps, least recently used first to go."""

Planes = tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]
"""An image (y, x) or (y, x, 3), and its packed masks (y, x)."""


@dataclass(frozen=True)
class Source:
    """One dataset of a mix, and the part it plays in it."""

    kind: Kind
    dataset: TileDataset
    known: tuple[str, ...]
    """Classes that this source labelled; the mix's other classes are unknown in it, not absent."""

    @classmethod
    def of(cls, kind: Kind, dataset: TileDataset) -> Source:
        """A dataset with the classes that it declares as known."""
        return cls(kind, dataset, tuple(np.array(dataset.classes.names)[dataset.known].tolist()))

    @property
    def folder(self) -> str:
        """Where it lies, for messages."""
        return str(self.dataset.folder)

    @cached_property
    def pixel_nm(self) -> npt.NDArray[np.float64]:
        """(row,): pixel size in nm, NaN where it isn't known."""
        column = self.dataset.table.column("nm_per_px").to_numpy().astype(np.float64)
        return np.where(column > 0, column, np.nan)

    @cached_property
    def channels(self) -> int:
        """1 for grey levels, 3 for colour; 0 where there are no rows."""
        if not len(self.dataset):
            return 0
        return 3 if self.dataset.image(0).ndim == 3 else 1


class Sources:
    """Several sources read as one.

    Args:
        sources: in the order that the index counts them.
        classes: of the mix; `union(sources)`.
        nm_per_px: pixel size of the mix in nm: images are resampled by area, masks by coverage. None leaves all as
            it is.
    """

    def __init__(self, sources: Sequence[Source], classes: Classes, nm_per_px: float | None) -> None:
        self._sources = list(sources)
        self.classes = classes
        self.nm_per_px = nm_per_px
        self._translations = [_translation(source.dataset.classes, classes) for source in self._sources]
        self._kept: OrderedDict[tuple[int, int], Planes] = OrderedDict()
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, i: int) -> Source:
        return self._sources[i]

    def __iter__(self) -> Iterator[Source]:
        return iter(self._sources)

    @cached_property
    def known(self) -> npt.NDArray[np.bool_]:
        """(source, class)."""
        return np.array([[name in source.known for name in self.classes.names] for source in self._sources], bool)

    def scale(self, source: int, row: int) -> float:
        """Pixels of the mix for one pixel of a row.

        Raises:
            SynthemError: the mix has a pixel size and the row has none.
        """
        if self.nm_per_px is None:
            return 1.0
        nm = self._sources[source].pixel_nm[row]
        if np.isnan(nm):
            raise SynthemError(
                f"{self._sources[source].folder}: row {row} has no pixel size, so it can't be brought to "
                f"{self.nm_per_px:g} nm; import it with one, or leave --nm-per-px out"
            )
        scale = float(nm) / self.nm_per_px
        return 1.0 if abs(scale - 1) < 1e-6 else scale

    def size(self, source: int, row: int) -> tuple[int, int]:
        """Height and width of a row in pixels of the mix."""
        scale = self.scale(source, row)
        height, width = self._sources[source].dataset.size(row)
        return max(round(height * scale), 1), max(round(width * scale), 1)

    def read(self, source: int, row: int) -> Planes:
        """A whole row at the mix's pixel size, its masks packed by the mix's classes."""
        key = (source, row)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        dataset, translation = self._sources[source].dataset, self._translations[source]
        image, stored = dataset.image(row), dataset.stored(row)
        if translation is not None:
            stored = translation[stored]
        if self.scale(source, row) != 1:
            height, width = self.size(source, row)
            image, stored = resample(image, stored, self.classes, height, width)
        self._kept[key] = image, stored
        self._kept_bytes += image.nbytes + stored.nbytes
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            self._kept_bytes -= sum(plane.nbytes for plane in self._kept.popitem(last=False)[1])
        return image, stored

    def window(self, source: int, row: int, y: int, x: int, size: int) -> Planes:
        """A square of a row; what hangs over the edge goes on as the mirror image."""
        image, stored = self.read(source, row)
        return cut(image, y, x, size), cut(stored, y, x, size)


def cut(plane: npt.NDArray[Any], y: int, x: int, size: int) -> npt.NDArray[Any]:
    """A square of a plane (y, x, …) as a view; what hangs over its lower or right edge is mirrored."""
    part = plane[y : y + size, x : x + size]
    missing = (size - part.shape[0], size - part.shape[1])
    if missing == (0, 0):
        return part
    beyond = ((0, missing[0]), (0, missing[1]), *([(0, 0)] * (plane.ndim - 2)))
    return np.pad(plane[y:, x:], beyond, mode="symmetric")


def union(sources: Sequence[Source]) -> Classes:
    """All classes of some sources, the built-in ones first and in their order.

    Raises:
        SynthemError: more than 16 classes of which some may overlap.
    """
    colours = {
        name: colour
        for source in reversed(sources)
        for name, colour in zip(source.dataset.classes.names, source.dataset.classes.colours, strict=True)
    }
    seen = dict.fromkeys(name for source in sources for name in source.dataset.classes.names)
    names = [name for name in SIX.names if name in seen] + [name for name in seen if name not in SIX.names]
    by_index = all(source.dataset.classes.storage == "index" for source in sources)
    return Classes(tuple(names), tuple(colours[name] for name in names), "index" if by_index else "bits")


def resample(
    image: npt.NDArray[np.uint8], stored: npt.NDArray[Any], classes: Classes, height: int, width: int
) -> Planes:
    """An image by area, and its masks by coverage: a pixel has a class where at least half of it is covered."""
    smaller = height <= image.shape[0] and width <= image.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    resized = cv2.resize(image, (width, height), interpolation=how)
    planes = [
        cv2.resize(plane.astype(np.float32), (width, height), interpolation=how) >= 0.5
        for plane in classes.unpack(stored)
    ]
    return resized, classes.pack(np.stack(planes))


def _translation(source: Classes, target: Classes) -> npt.NDArray[Any] | None:
    """Table from a source's stored values to the target's; None where they are the same."""
    if source.names == target.names and source.storage == target.storage:
        return None
    table = np.zeros(np.iinfo(source.dtype).max + 1, target.dtype)
    values = np.arange(len(source) + 1 if source.storage == "index" else len(table))
    held = source.unpack(values[None])
    planes = np.zeros((len(target), *held.shape[1:]), bool)
    for name, plane in zip(source.names, held, strict=True):
        planes[target.index(name)] = plane
    table[values] = target.pack(planes)[0]
    return table
