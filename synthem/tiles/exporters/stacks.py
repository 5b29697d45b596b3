"""TIFF stacks: for each split one of images and one for each class, a page for each row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthem.tiles.exporters.rows import Advance, Plan, Rows, safe

_BIG = 2**32 - 2**25
"""Bytes that an ordinary TIFF holds, with some left for its tables."""


def write(rows: Rows, folder: Path, advance: Advance) -> Plan:
    """`SPLIT/images.tif` and `SPLIT/CLASS.tif`, masks 0 and 255; the pixel size is in their metadata.

    Raises:
        SynthemError: rows of a split differ in size.
    """
    names = {name: f"{safe(name)}_mask.tif" for name in rows.classes.names}
    splits = rows.split_names()
    for split in splits:
        rows.size(rows.of_split(split))
    files, pixel_sizes = [""] * len(rows), rows.dataset.column("nm_per_px")
    for split in splits:
        (folder / safe(split)).mkdir()
        numbers = rows.of_split(split)
        for page, row in enumerate(numbers):
            files[row] = f"{safe(split)}/images.tif, page {page}"
        shape = (len(numbers), *rows.size(numbers))
        colour = rows.dataset.image(numbers[0]).shape[2:]
        sizes = {pixel_sizes[row] for row in numbers}
        nm_per_px = sizes.pop() if len(sizes) == 1 else None
        _write(folder / safe(split) / "images.tif", (*shape, *colour), _images(rows, numbers, advance), nm_per_px)
        for c, file in enumerate(names.values()):
            _write(folder / safe(split) / file, shape, _masks(rows, numbers, c), nm_per_px)
    labels = {"kind": "masks", "classes": {name: f"{{split}}/{file}" for name, file in names.items()}}
    described = rows.descriptor("{split}/images.tif", labels, {split: safe(split) for split in splits})
    return Plan(described | {"z": False}, files)


def _images(rows: Rows, numbers: list[int], advance: Advance) -> Iterator[npt.NDArray[np.uint8]]:
    for row in numbers:
        yield rows.dataset.image(row)
        advance(1)


def _masks(rows: Rows, numbers: list[int], c: int) -> Iterator[npt.NDArray[np.uint8]]:
    for row in numbers:
        yield rows.masks(row)[c].astype(np.uint8) * np.uint8(255)


def _write(path: Path, shape: tuple[int, ...], pages: Iterator[npt.NDArray[np.uint8]], nm_per_px: float | None) -> None:
    import tifffile

    about: dict[str, Any] = {"photometric": "rgb" if shape[3:] else "minisblack", "compression": "zlib"}
    if nm_per_px is not None:
        about |= {"resolution": (1e7 / nm_per_px,) * 2, "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(path, bigtiff=math.prod(shape) > _BIG) as file:
        for page in pages:
            file.write(page, metadata=None, **about)
