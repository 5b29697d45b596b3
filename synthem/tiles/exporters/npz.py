"""One npz file: `image` (n, y, x) and `masks` (n, class, y, x), with the names that go with them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthem.tiles.exporters.rows import Advance, Plan, Rows


def write(rows: Rows, folder: Path, advance: Advance) -> Plan:
    """`tiles.npz`, written row by row: images and masks (0 and 1) as uint8, `classes`, `layer` and `split`.

    Images in colour are (n, y, x, 3).

    Raises:
        SynthemError: rows differ in size.
    """
    n, (height, width) = len(rows), rows.size(list(range(len(rows))))
    channels = (3,) if n and rows.dataset.image(0).ndim == 3 else ()

    def images() -> Iterator[npt.NDArray[np.uint8]]:
        for row in range(n):
            yield rows.dataset.image(row)
            advance(1)

    masks = (rows.masks(row).view(np.uint8) for row in range(n))
    with zipfile.ZipFile(folder / "tiles.npz", "w") as file:
        _write(file, "image", (n, height, width, *channels), images(), zipfile.ZIP_STORED)
        _write(file, "masks", (n, len(rows.classes), height, width), masks, zipfile.ZIP_DEFLATED)
        for name, column in (
            ("classes", rows.classes.names),
            ("layer", rows.dataset.column("layer")),
            ("split", rows.splits),
        ):
            values = np.array(list(column), dtype=np.str_)
            _write(file, name, values.shape, iter([values]), zipfile.ZIP_STORED, values.dtype)
    return Plan(None, ["tiles.npz"] * n)


def _write(
    file: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    parts: Iterator[npt.NDArray[Any]],
    compression: int,
    dtype: npt.DTypeLike = np.uint8,
) -> None:
    """One array of an npz, whose parts follow each other along its first axis."""
    entry = zipfile.ZipInfo(f"{name}.npy")
    entry.compress_type = compression
    with file.open(entry, "w", force_zip64=True) as stream:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        for part in parts:
            stream.write(np.ascontiguousarray(part).tobytes())
