"""The sources of a mix, joined: one list of classes, one pixel size, one kind of image; rows decoded once and kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synthem.classes import SIX, Classes
from synthem.tiles.dataset import TileDataset
from synthem.tiles.windows import Windows, cut

Kind = Literal["real", "synthetic"]
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
        nm_per_px: pixel size of the mix in nm: images are resampled by area, masks by coverage. None leaves all as it
            is.
    """

    def __init__(self, sources: Sequence[Source], classes: Classes, nm_per_px: float | None) -> None:
        self._sources = list(sources)
        self.classes = classes
        self.nm_per_px = nm_per_px
        self._layers = [Windows(source.dataset, (), size=1, stride=1, nm_per_px=nm_per_px) for source in self._sources]
        self._translations = [_translation(source.dataset.classes, classes) for source in self._sources]

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

    def size(self, source: int, row: int) -> tuple[int, int]:
        """Height and width of a row in pixels of the mix.

        Raises:
            SynthemError: the mix has a pixel size and the row has none.
        """
        return self._layers[source].layer_size(row)

    def window(self, source: int, row: int, y: int, x: int, size: int) -> Planes:
        """A square of a row, its masks packed by the mix's classes; what hangs over the edge is mirrored."""
        image, stored = self._layers[source].layer(row)
        masks, translation = cut(stored, y, x, (size, size)), self._translations[source]
        return cut(image, y, x, (size, size)), masks if translation is None else translation[masks]


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
