"""Datasets out: for programs that read folders of PNGs, COCO, nnU-Net's raw layout, TIFF stacks or npz."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from synthem.errors import SynthemError
from synthem.tiles.dataset import TileDataset
from synthem.tiles.exporters import coco, folders, nnunet, npz, stacks
from synthem.tiles.exporters.rows import Advance, Plan, Rows, write_table
from synthem.tiles.fresh import fresh_folder
from synthem.tiles.shards import write_atomically

__all__ = ["FORMATS", "Exported", "Format", "export"]

Format = Literal["folders", "coco", "nnunet", "tiff", "npz"]
FORMATS: dict[str, Callable[[Rows, Path, Advance], Plan]] = {
    "folders": folders.write,
    "coco": coco.write,
    "nnunet": nnunet.write,
    "tiff": stacks.write,
    "npz": npz.write,
}
"""What writes each format."""


@dataclass(frozen=True)
class Exported:
    """What an export did."""

    folder: Path
    format: str
    rows: int
    classes: tuple[str, ...]
    left_out: tuple[str, ...]
    """Classes that this dataset never labelled."""

    def summary(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "out": str(self.folder),
            "format": self.format,
            "rows": self.rows,
            "classes": list(self.classes),
            "left_out": list(self.left_out),
        }


def export(
    dataset: TileDataset | str | Path, format: Format | str, out: str | Path, *, advance: Advance = lambda n: None
) -> Exported:
    """Write a dataset in another format, with `rows.csv` (what each row is) beside it.

    Where the format allows it, `descriptor.yaml` lies there too, by which `synthem import` reads the same masks again.
    Classes that the dataset never labelled are left out: an empty mask would say that they are absent.

    Args:
        dataset: an opened one, or its folder.
        format: one of `FORMATS`.
        out: a new or empty folder; nothing is left in it on an error.
        advance: called with 1 after each row.

    Raises:
        SynthemError: an unknown format, a folder that isn't free, or rows that the format can't hold.
    """
    if format not in FORMATS:
        near = difflib.get_close_matches(format, FORMATS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(FORMATS)}"
        raise SynthemError(f"format {format!r}: there is none; {hint}")
    opened = dataset if isinstance(dataset, TileDataset) else TileDataset.open(dataset)
    out = Path(out)
    rows = Rows.of(opened)
    with fresh_folder(out) as built:
        plan = FORMATS[format](rows, built, advance)
        write_table(built, rows, plan.files)
        if plan.descriptor is not None and len(rows):
            from synthem.tiles.importers.descriptor import parse
            from synthem.tiles.importers.guess import to_yaml

            text = to_yaml(parse(plan.descriptor, format), "Written by synthem export; synthem import reads it.")
            write_atomically(built / "descriptor.yaml", text)
    left_out = tuple(name for name in opened.classes.names if name not in rows.classes.names)
    return Exported(out, format, len(rows), rows.classes.names, left_out)
