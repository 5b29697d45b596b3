"""Samples that a small model can learn: discs whose grey level tells their class."""

from __future__ import annotations

import numpy as np

from synthem.classes import Classes
from synthem.seeds import stream
from synthem.tiles.samples import Samples

TWO = Classes(("bright", "dark"))


def discs(n: int, size: int = 48, seed: int = 0, classes: Classes = TWO, width: int | None = None) -> Samples:
    """n images of `size` rows with one disc of each class; later classes lie over earlier ones."""
    rng = stream(seed, "discs")
    shape = (size, width or size)
    y, x = np.mgrid[: shape[0], : shape[1]]
    images = rng.normal(128, 4, (n, 1, *shape))
    masks = np.zeros((n, len(classes), *shape), bool)
    for i in range(n):
        for c in range(len(classes)):
            centre = rng.uniform(8, np.array(shape) - 8)
            disc = np.hypot(y - centre[0], x - centre[1]) < rng.uniform(5, 8)
            masks[i, :, disc] = False
            masks[i, c, disc] = True
            images[i, 0, disc] = (230, 30, 180, 80)[c] + rng.normal(0, 4, disc.sum())
    stored = np.stack([classes.pack(m) for m in masks])
    known = np.ones((n, len(classes)), bool)
    names = [f"layer{i:04d}" for i in range(n)]
    return Samples(np.clip(images, 0, 255).astype(np.uint8), stored, classes, known, names)
