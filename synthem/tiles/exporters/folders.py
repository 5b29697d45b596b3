"""One folder for each class beside one of images, as the generator of the ratio study laid them out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from synthem.tiles import codec
from synthem.tiles.exporters.rows import Advance, Plan, Rows, safe

IMAGES = "original"
FOLDERS = {
    "axon": "axon",
    "mitochondrion": "mitochondria",
    "mitochondrial_boundary": "mitochondrial_boundaries",
    "psd": "PSD",
    "vesicle": "vesicles",
    "membrane": "boundaries",
}
"""Folders of the built-in classes; another class has its own name."""


def write(rows: Rows, folder: Path, advance: Advance) -> Plan:
    """8-bit PNGs, masks 0 and 255. Where there are several splits, each has its own set of folders."""
    splits = rows.split_names()
    several = len(splits) > 1
    places = {name: FOLDERS.get(name, safe(name)) for name in rows.classes.names}
    for split in splits:
        root = folder / safe(split) if several else folder
        for place in (IMAGES, *places.values()):
            (root / place).mkdir(parents=True)
        for row in rows.of_split(split):
            file = f"{rows.names[row]}.png"
            (root / IMAGES / file).write_bytes(codec.encode(rows.dataset.image(row)))
            for place, mask in zip(places.values(), rows.masks(row), strict=True):
                (root / place / file).write_bytes(codec.encode(mask.astype(np.uint8) * np.uint8(255)))
            advance(1)
    prefix = "{split}/" if several else ""
    labels = {"kind": "masks", "classes": {name: prefix + place for name, place in places.items()}}
    at = {split: safe(split) if several else "" for split in splits}
    files = [
        f"{prefix.replace('{split}', at[s])}{IMAGES}/{n}.png" for s, n in zip(rows.splits, rows.names, strict=True)
    ]
    return Plan(rows.descriptor(f"{prefix}{IMAGES}", labels, at), files)
