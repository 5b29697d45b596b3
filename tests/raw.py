"""Files as other programs write them, for tests of the importers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from synthem.tiles.dataset import TileDataset
from synthem.tiles.importers import Imported, import_dataset
from synthem.tiles.importers.descriptor import parse


def save(path: Path, pixels: Any, **options: Any) -> Path:
    """An array as a picture; the suffix says of which format, the shape and type of which mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def grey(seed: int, shape: tuple[int, int] = (24, 32)) -> np.ndarray:
    """A picture of noise."""
    return np.random.default_rng(seed).integers(30, 220, shape).astype(np.uint8)


def blob(seed: int, shape: tuple[int, int] = (24, 32)) -> np.ndarray:
    """A mask: some rectangles."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, np.bool_)
    for _ in range(3):
        y, x = (int(rng.integers(0, side - 4)) for side in shape)
        mask[y : y + int(rng.integers(1, 8)), x : x + int(rng.integers(1, 8))] = True
    return mask


def binary(mask: np.ndarray) -> np.ndarray:
    """A mask as 0 and 255."""
    return mask.astype(np.uint8) * np.uint8(255)


def describe(labels: dict[str, Any], images: str = "images", **more: Any) -> dict[str, Any]:
    """The plain values of a descriptor."""
    return {"name": "test", "images": images, "labels": labels, **more}


def bring_in(root: Path, content: dict[str, Any], **options: Any) -> tuple[Imported, TileDataset]:
    """Import what lies below a folder into another beside it, and open it."""
    done = import_dataset(parse(content, "test"), root, root.parent / "imported", **options)
    return done, TileDataset.open(done.folder)


def problems(done: Imported) -> list[tuple[str, str, str]]:
    """The table of an import."""
    return [(row.file, row.what, row.done) for row in done.problems]
