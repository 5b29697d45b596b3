"""Rows cut into windows, with the organelles and the area of each class in every window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthem.curate.mix.index import Index
from synthem.curate.mix.sources import Sources
from synthem.errors import SynthemError
from synthem.tiles.measure import measure
from synthem.tiles.windows import Edge, window_corners

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cuts:
    """n windows and what is in them."""

    index: Index
    count: Counts
    """(n, class): 8-connected components within the window."""
    area_px: Counts
    """(n, class): pixels."""

    def __len__(self) -> int:
        return len(self.index)

    def take(self, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Cuts:
        """The windows at some positions, or where a mask (n,) is true."""
        return Cuts(self.index.take(which), self.count[which], self.area_px[which])

    @classmethod
    def join(cls, parts: Sequence[Cuts], classes: int) -> Cuts:
        """Some cuts one after the other."""
        none = np.zeros((0, classes), np.int64)
        return cls(
            Index.join([part.index for part in parts]),
            np.concatenate([none, *(part.count for part in parts)]),
            np.concatenate([none, *(part.area_px for part in parts)]),
        )


class Cutter:
    """Cuts rows into windows of one size and measures them.

    A tile that is one window as it stands keeps the count and area that its dataset recorded; others are decoded.
    """

    def __init__(self, sources: Sources, size: int, stride: int, edge: Edge) -> None:
        self._sources, self._size, self._stride, self._edge = sources, size, stride, edge

    def cut(self, source: int, row: int) -> Cuts:
        """All windows of one row.

        Raises:
            SynthemError: the row holds no window of that size.
        """
        height, width = self._sources.size(source, row)
        corners = window_corners(height, width, self._size, self._stride, self._edge)
        if not len(corners):
            raise SynthemError(
                f"{self._sources[source].folder}: row {row}, {height}x{width} px, holds no window of {self._size} px; "
                "take a smaller --window or --edge pad"
            )
        index = Index.at(source, row, corners)
        if (height, width) == (self._size, self._size) == self._sources[source].dataset.size(row):
            return Cuts(index, self._recorded(source, row, "count"), self._recorded(source, row, "area_px"))
        count = np.zeros((len(index), len(self._sources.classes)), np.int64)
        area = np.zeros_like(count)
        for i, (y, x) in enumerate(corners.tolist()):
            _, stored = self._sources.window(source, row, y, x, self._size)
            counts, areas = measure(stored, self._sources.classes)
            count[i], area[i] = list(counts.values()), list(areas.values())
        return Cuts(index, count, area)

    def _recorded(self, source: int, row: int, column: str) -> Counts:
        values = self._sources[source].dataset.table.column(column)[row].as_py()
        return np.array([[values.get(name) or 0 for name in self._sources.classes.names]], np.int64)
