"""Reading a dataset folder with nothing but pyarrow: rows, images, masks, and whole layers as arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.tiles import codec
from synthem.tiles.hub import local
from synthem.tiles.samples import Samples


class TileDataset:
    """A folder of tiles or layers, mapped into memory. `datasets.load_from_disk` opens the same folder."""

    def __init__(self, folder: Path, meta: dict[str, Any], table: pa.Table) -> None:
        self.folder = folder
        self.name = str(folder)
        """What it was opened by: its folder, or `hub:me/name@tag`."""
        self.meta = meta
        """What `synthem.json` declares."""
        self.table = table
        self.classes = Classes.from_json(meta["classes"])

    @classmethod
    def open(cls, folder: str | Path) -> TileDataset:
        """Open a folder that `generate`, `import` or `repaint` wrote, or `hub:me/name@tag`.

        Raises:
            SynthemError: no such folder, no dataset in it, a shard that is damaged or missing, or see `hub.fetch`.
        """
        name, folder = str(folder), local(folder)
        declared = folder / "synthem.json"
        if not declared.is_file():
            raise SynthemError(f"{folder}: {_why_none(folder)}")
        try:
            meta = json.loads(declared.read_text())
        except ValueError:
            raise SynthemError(f"{declared}: can't be read as JSON; make the dataset again") from None
        batches = []
        for shard in meta["shards"]:
            path = folder / shard["file"]
            try:
                batch = pa.ipc.open_stream(pa.memory_map(str(path))).read_next_batch()
            except (OSError, pa.ArrowInvalid, StopIteration) as error:
                raise SynthemError(f"{path}: can't be read ({error}); make the dataset again") from None
            batches.append(batch)
        if not batches:
            raise SynthemError(f"{folder}: nothing was finished in it yet; run the command that began it again")
        opened = cls(folder, meta, pa.Table.from_batches(batches))
        opened.name = name
        return opened

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        return f"TileDataset({self.name!r}, {len(self)} rows, classes {', '.join(self.classes.names)})"

    def _repr_png_(self) -> bytes:
        """Four of its rows beside their labels, for notebooks."""
        from synthem.show import png

        rows = range(min(4, len(self)))
        return png([self.image(i) for i in rows], [self.masks(i) for i in rows], self.classes)

    @property
    def fingerprint(self) -> str:
        """Of the pixels of all rows."""
        return str(self.meta["fingerprint"])

    @cached_property
    def known(self) -> npt.NDArray[np.bool_]:
        """(class,): false for classes that this dataset never labelled."""
        unknown = set(self.meta.get("unknown_classes", ()))
        return np.array([name not in unknown for name in self.classes.names])

    def column(self, name: str) -> list[Any]:
        """All values of a column that isn't an image."""
        return list(self.table.column(name).to_pylist())

    def row(self, index: int) -> dict[str, Any]:
        """All columns of a row but its images."""
        names = [n for n in self.table.column_names if n not in ("image", "mask", "instances")]
        return {name: self.table.column(name)[index].as_py() for name in names}

    def image(self, index: int) -> npt.NDArray[np.uint8]:
        """(y, x) grey levels, or (y, x, 3) where the dataset is in colour."""
        data = self._bytes("image", index)
        assert data is not None
        return codec.decode(data)

    def stored(self, index: int) -> npt.NDArray[Any]:
        """(y, x) packed masks; `classes.unpack` takes them apart."""
        data = self._bytes("mask", index)
        assert data is not None
        return codec.decode(data).astype(self.classes.dtype, copy=False)

    def masks(self, index: int) -> npt.NDArray[np.bool_]:
        """(class, y, x)."""
        return self.classes.unpack(self.stored(index))

    def instances(self, index: int) -> npt.NDArray[np.uint16] | None:
        """(y, x) ids in the scene's order, 0 for none; None for real layers."""
        data = self._bytes("instances", index)
        return None if data is None else codec.decode(data)

    def size(self, index: int) -> tuple[int, int]:
        """Height and width in pixels, read from the PNG's header without decoding it."""
        data = self._bytes("image", index)
        assert data is not None
        return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")

    def layers(self, split: str | None = None, names: Iterable[str] | None = None) -> Samples:
        """Whole rows as arrays, those of a split, or of the named layers in the order of the names.

        Raises:
            SynthemError: an unknown split or layer, or rows of several sizes.
        """
        held = self.column("layer")
        if names is not None:
            wanted = list(names)
            missing = [name for name in wanted if name not in held]
            if missing:
                raise SynthemError(f"{self.folder}: no layer {missing[0]!r}; it holds {', '.join(held[:5])}, …")
            rows = [held.index(name) for name in wanted]
        else:
            splits = self.column("split")
            if split is not None and split not in splits:
                raise SynthemError(f"{self.folder}: no split {split!r}; it has {', '.join(sorted(set(splits)))}")
            rows = [i for i in range(len(self)) if split is None or splits[i] == split]
        return self.samples(rows)

    def samples(self, rows: Iterable[int]) -> Samples:
        """Some rows as arrays; all must be of one size.

        Raises:
            SynthemError: rows of several sizes.
        """
        chosen = list(rows)
        sizes = {self.size(i) for i in chosen}
        if len(sizes) > 1:
            raise SynthemError(f"{self.folder}: sizes differ ({sorted(sizes)[:2]}); cut windows of one size instead")
        height, width = sizes.pop() if sizes else (0, 0)
        pictures = [self.image(i) for i in chosen]
        channels = 3 if pictures and pictures[0].ndim == 3 else 1
        images = np.zeros((len(chosen), channels, height, width), np.uint8)
        stored = np.zeros((len(chosen), height, width), self.classes.dtype)
        for k, (i, picture) in enumerate(zip(chosen, pictures, strict=True)):
            images[k] = picture if channels == 1 else np.moveaxis(picture, 2, 0)
            stored[k] = self.stored(i)
        layer = self.column("layer")
        count = self.column("count")
        labelled = [[count[i][name] is not None for name in self.classes.names] for i in chosen]
        known = self.known & np.array(labelled, bool).reshape(len(chosen), len(self.classes))
        return Samples(images, stored, self.classes, known, [layer[i] for i in chosen])

    def to_datasets(self) -> Any:
        """The same rows as a `datasets.Dataset`."""
        import datasets

        return datasets.load_from_disk(str(self.folder))

    def _bytes(self, column: str, index: int) -> bytes | None:
        if not 0 <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        cell = self.table.column(column)[index]
        value = cell.as_py() if cell.is_valid else None
        return None if value is None else value["bytes"]


def _why_none(folder: Path) -> str:
    """Why a folder can't be opened as a dataset, and what to name in its place."""
    if (folder / "mix.json").is_file():
        return "is a mix; name a dataset, or make the mix with --copy and name its folder tiles"
    named = "name one that synthem wrote, or hub:me/name"
    if folder.is_file():
        return f"is a file, not the folder of a dataset; {named}"
    return f"{'holds no dataset of synthem' if folder.exists() else 'there is no such folder'}; {named}"
