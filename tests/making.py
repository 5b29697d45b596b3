"""Small datasets for tests: synthetic-looking tiles, drawn layers, and some of the real ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from synthem.classes import SIX, Classes
from synthem.seeds import stream
from synthem.tiles import codec
from synthem.tiles.dataset import TileDataset
from synthem.tiles.measure import measure
from synthem.tiles.schema import features, picture
from synthem.tiles.shards import SHARD_BYTES, ShardWriter

EPFL_FOLDERS = ("axon", "mitochondrion", "mitochondrial boundaries", "PSD", "vesicles", "membranes")


def draw(seed: int, index: int, size: tuple[int, int] = (64, 64), classes: Classes = SIX) -> tuple[Any, Any]:
    """An image (y, x) and packed masks: a disc or two of some classes over correlated noise."""
    rng = stream(seed, "test tile", index)
    masks = np.zeros((len(classes), *size), np.uint8)
    free = np.ones(size, bool)
    for c in range(len(classes)):
        for _ in range(int(rng.integers(0, 3))):
            disc = np.zeros(size, np.uint8)
            centre = (int(rng.integers(0, size[1])), int(rng.integers(0, size[0])))
            cv2.circle(disc, centre, int(rng.integers(2, max(3, min(size) // 8))), 1, -1)
            masks[c] |= disc * free
            free &= disc == 0
    noise = cv2.GaussianBlur(rng.normal(0, 60, size).astype(np.float32), (0, 0), 2) + rng.normal(0, 9, size)
    image = 150 + noise - 45 * masks.any(axis=0)
    return np.clip(image, 0, 255).astype(np.uint8), classes.pack(masks)


def write(
    folder: Path,
    pictures: Iterable[tuple[Any, Any]],
    *,
    source: str = "synthetic",
    classes: Classes = SIX,
    layers: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    nm_per_px: float | None = 5.0,
    instances: Sequence[Any] | None = None,
    scenes: Sequence[str] | None = None,
    corners: Sequence[tuple[int, int]] | None = None,
    declared: Sequence[dict[str, Any]] | None = None,
    shard_bytes: int = SHARD_BYTES,
    **header: Any,
) -> TileDataset:
    """A dataset folder of (image, packed masks) pairs; further keywords go into its `synthem.json`.

    `declared` are the layers that it lists there, with volume and z.
    """

    def rows() -> Iterable[tuple[dict[str, Any], bytes]]:
        for i, (image, stored) in enumerate(pictures):
            count, area = measure(stored, classes)
            row = dict.fromkeys(features(classes)) | {
                "image": picture(codec.encode(image)),
                "mask": picture(codec.encode(stored, classes.palette())),
                "instances": picture(codec.encode(instances[i]) if instances else None),
                "source": source,
                "dataset": folder.name,
                "split": splits[i] if splits else "train",
                "layer": layers[i] if layers else f"{source}-{i:05d}",
                "y": corners[i][0] if corners else 0,
                "x": corners[i][1] if corners else 0,
                "nm_per_px": nm_per_px,
                "count": count,
                "area_px": area,
                "scene": scenes[i] if scenes else None,
                "index": i,
            }
            yield row, codec.digest(image, stored, instances[i] if instances else None)

    about = {"kind": "imported" if source == "real" else "generated", "classes": classes.to_json(), **header}
    if declared is not None:
        about["layers"] = list(declared)
    with ShardWriter(folder, features(classes), about, "a test\n", shard_bytes) as writer:
        for row, digest in rows():
            writer.append(row, digest)
    return TileDataset.open(folder)


def tiles(folder: Path, n: int, size: int = 64, seed: int = 0, **about: Any) -> TileDataset:
    """n drawn tiles, all different."""
    classes = about.get("classes", SIX)
    return write(folder, (draw(seed, i, (size, size), classes) for i in range(n)), **about)


def layers(
    folder: Path, names: Sequence[str], size: tuple[int, int] = (128, 160), seed: int = 1, **about: Any
) -> TileDataset:
    """Drawn layers that pass for real ones."""
    classes = about.get("classes", SIX)
    pictures = (draw(seed, i, size, classes) for i in range(len(names)))
    return write(folder, pictures, source="real", layers=names, **about)


def epfl(real_layers: Path, folder: Path, names: Sequence[str], split: str = "train", **about: Any) -> TileDataset:
    """Some layers of the real data, thresholded as its descriptor says."""

    def read(where: str, name: str) -> Any:
        return cv2.imread(str(real_layers / split / where / f"{name}.png"), cv2.IMREAD_GRAYSCALE)

    pictures = [
        (read("slices", name), SIX.pack(np.stack([read(where, name) >= 128 for where in EPFL_FOLDERS])))
        for name in names
    ]
    return write(folder, pictures, source="real", layers=names, splits=[split] * len(names), **about)
