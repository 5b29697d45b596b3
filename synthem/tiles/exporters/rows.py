"""What every exporter asks of a dataset: known classes, names of files, masks row by row, one table of the rows."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from synthem.classes import SIX, Classes
from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.shards import write_atomically

COLUMNS = ("file", "source", "dataset", "split", "layer", "y", "x", "nm_per_px")


Advance = Callable[[int], object]
"""Called with 1 for each row that is done."""


class Plan(NamedTuple):
    """What an exporter made."""

    descriptor: dict[str, Any] | None
    """How `synthem import` reads it again; None where it can't."""
    files: list[str]
    """Where the image of each row is."""


@dataclass(frozen=True)
class Rows:
    """A dataset as exporters see it: only the classes that were labelled, since an empty mask would say 'absent'."""

    dataset: TileDataset
    classes: Classes
    names: list[str]
    """Of each row, fit for a file and all different."""
    splits: list[str]
    """Of each row."""

    @classmethod
    def of(cls, dataset: TileDataset) -> Rows:
        """Raises:
        SynthemError: no class was labelled, or two class names become the same folder.
        """
        table, known = dataset.classes, dataset.known
        if not known.any():
            raise SynthemError(f"{dataset.folder}: none of its classes was ever labelled; there are no masks to export")
        names = tuple(name for name, held in zip(table.names, known, strict=True) if held)
        colours = tuple(colour for colour, held in zip(table.colours, known, strict=True) if held)
        if len({safe(name) for name in names}) < len(names):
            raise SynthemError(
                f"{dataset.folder}: two of the classes {', '.join(names)} would share a folder; rename one"
            )
        layers = [safe(layer) for layer in dataset.column("layer")]
        often = Counter(layers)
        rows = [layer if often[layer] == 1 else f"{layer}-{i:06d}" for i, layer in enumerate(layers)]
        return cls(dataset, Classes(names, colours, table.storage), rows, dataset.column("split"))

    def __len__(self) -> int:
        return len(self.names)

    def split_names(self) -> list[str]:
        """Every split that has rows, in the order of its first."""
        return list(dict.fromkeys(self.splits))

    def of_split(self, split: str) -> list[int]:
        """Rows of a split."""
        return [i for i, name in enumerate(self.splits) if name == split]

    def masks(self, row: int) -> npt.NDArray[np.bool_]:
        """(class, y, x) of the known classes."""
        return self.dataset.masks(row)[self.dataset.known]

    def stored(self, row: int) -> npt.NDArray[Any]:
        """(y, x) packed masks of the known classes."""
        if self.classes.names == self.dataset.classes.names:
            return self.dataset.stored(row)
        return self.classes.pack(self.masks(row))

    def size(self, rows: list[int]) -> tuple[int, int]:
        """Height and width that some rows share.

        Raises:
            SynthemError: they differ.
        """
        sizes = sorted({self.dataset.size(row) for row in rows})
        if len(sizes) > 1:
            raise SynthemError(
                f"{self.dataset.folder}: sizes differ ({sizes[0]}, {sizes[1]}), which this format can't hold; "
                "export folders, coco or nnunet"
            )
        return sizes[0] if sizes else (0, 0)

    def pixel_size(self) -> float | None:
        """Nanometres, where all rows agree."""
        sizes = set(self.dataset.column("nm_per_px"))
        return sizes.pop() if len(sizes) == 1 else None

    def descriptor(self, images: str, labels: dict[str, Any], splits: dict[str, str] | None = None) -> dict[str, Any]:
        """What to write into `descriptor.yaml`, by which `synthem import` reads the export again."""
        meta, classes = self.dataset.meta, self.classes
        unknown = [name for name in self.dataset.classes.names if name not in classes.names]
        about = {key: meta[key] for key in ("title", "description", "where", "citation", "licences") if meta.get(key)}
        nm_per_px = self.pixel_size()
        usual = set(zip(SIX.names, SIX.colours, strict=True))
        colours = zip(self.dataset.classes.names, self.dataset.classes.colours, strict=True)
        return {
            "name": safe(str(meta.get("name") or self.dataset.folder.resolve().name)),
            **about,
            "images": images,
            "labels": labels,
            **({"splits": splits} if splits else {}),
            **({"nm_per_px": nm_per_px} if nm_per_px else {}),
            "colour": "keep" if len(self) and self.dataset.image(0).ndim == 3 else "grey",
            "unknown_classes": unknown,
            "colours": {
                name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in colours if (name, colour) not in usual
            },
            "storage": classes.storage,
        }


def safe(name: str) -> str:
    """A name as that of a file: letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".-_") or "_"


def write_table(folder: Path, rows: Rows, files: list[str]) -> None:
    """`rows.csv`: where each row of the dataset went, and what it is."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    columns = [rows.dataset.column(name) for name in COLUMNS[1:]]
    writer.writerows(zip(files, *columns, strict=True))
    write_atomically(folder / "rows.csv", text.getvalue())
