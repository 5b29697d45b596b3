"""The index of a mix: which window of which row of which source, as Arrow on disk and numpy in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthem.errors import SynthemError
from synthem.tiles.schema import Features, schema
from synthem.tiles.shards import hugging_face_files, write_atomically

FILE = "data-00000.arrow"
_COLUMNS: Features = {name: {"dtype": "int32", "_type": "Value"} for name in ("source", "row", "y", "x", "size")}

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Index:
    """n windows: four arrays (n,). A window is `size` px wide and high, at the pixel size of the mix."""

    source: Ints
    """Position among the sources of the mix."""
    row: Ints
    """Row of that source."""
    y: Ints
    """Upper edge in the row's image, px at the pixel size of the mix."""
    x: Ints
    """Left edge, likewise."""

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def at(cls, source: int, row: int, corners: npt.NDArray[Any]) -> Index:
        """The windows of one row, at corners (n, 2)."""
        n = len(corners)
        y, x = np.asarray(corners, np.int32).reshape(n, 2).T
        return cls(np.full(n, source, np.int32), np.full(n, row, np.int32), y, x)

    @classmethod
    def join(cls, parts: Sequence[Index]) -> Index:
        """Some indices one after the other."""
        empty = np.zeros(0, np.int32)
        columns = ([getattr(part, f.name) for part in parts] for f in fields(cls))
        return cls(*(np.concatenate([empty, *column]).astype(np.int32) for column in columns))

    def take(self, which: npt.NDArray[Any]) -> Index:
        """The windows at some positions, or where a mask (n,) is true."""
        return Index(self.source[which], self.row[which], self.y[which], self.x[which])

    def to_bytes(self) -> bytes:
        """What a fingerprint is taken of."""
        return b"".join(np.ascontiguousarray(getattr(self, f.name), "<i4").tobytes() for f in fields(self))

    def write(self, folder: Path, size: int, fingerprint: str) -> None:
        """Write it so that `datasets.load_from_disk(folder)` opens it too."""
        sizes = np.full(len(self), size, np.int32)
        shape = schema(_COLUMNS)
        batch = pa.RecordBatch.from_arrays(
            [pa.array(column) for column in (self.source, self.row, self.y, self.x, sizes)], schema=shape
        )
        with pa.OSFile(str(folder / FILE), "wb") as sink, pa.ipc.new_stream(sink, shape) as stream:
            stream.write_batch(batch)
        for name, content in hugging_face_files(_COLUMNS, [FILE], fingerprint).items():
            write_atomically(folder / name, json.dumps(content, indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Index:
        """Map it into memory.

        Raises:
            SynthemError: it is missing or damaged.
        """
        path = folder / FILE
        try:
            batch = pa.ipc.open_stream(pa.memory_map(str(path))).read_next_batch()
            return cls(*(batch.column(f.name).to_numpy() for f in fields(cls)))
        except (OSError, KeyError, pa.ArrowInvalid, StopIteration) as error:
            raise SynthemError(f"{path}: can't be read ({error}); make the mix again") from None
