"""Scores runs on large plain areas, which hold no axon: how much of them is taken for one.

    python docs/results/plain_areas.py DATASET RUN...
    python docs/results/plain_areas.py DATASET --picture FILE

DATASET is the imported `epfl-itmm`. Two large areas are laid into each of five layers that hold no axon and that
nothing was learned from: even or blotted ones of four greys behind a thin dark line, and tissue of another layer,
enlarged. Neuropil has such places, dendrites, glia, nuclei, but the layers learned from hold few. Prints the share of
these areas, and of all else, in percent, that is taken for axon; windows of 256 pixels of 5 nm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from probing import WITHOUT_AXON, Plane, blots, command, shares_taken, sheet, soft

from synthem.tiles.samples import Samples

PLACES = (((230, 260), 190), ((520, 760), 210))
"""Centre (y, x) and mean radius of both areas, px."""
LINE_PX, LINE_GREY = 6, 95
NOISE = 8.5
ENLARGED, NOISE_ENLARGED = 3, 7.0
FROM = (300, 400)
"""The point of another layer, (y, x), that enlarged tissue is taken around."""


@dataclass(frozen=True)
class Area:
    """What is laid in: a grey with blots of that standard deviation, or, without a grey, enlarged tissue."""

    name: str
    grey: float | None = None
    blots: float = 0
    lighter: float = 0


AREAS = (
    *(Area(f"grey {grey}, blots {rough}", grey, rough) for grey in (110, 130, 150, 170) for rough in (0, 10, 20)),
    Area("tissue, enlarged"),
    Area("tissue, 30 darker", lighter=-30),
)


def filled(area: Area, depth: Plane, other: Plane, centre: tuple[int, int], rng: np.random.Generator) -> Plane:
    """The area's pixels, as large as a layer; `depth` is the distance inside its outline, px."""
    if area.grey is None:
        y, x = (c - ENLARGED * f for c, f in zip(centre, FROM, strict=True))
        onto = np.array([[ENLARGED, 0, x], [0, ENLARGED, y]], np.float32)
        size = depth.shape[::-1]
        larger = cv2.warpAffine(other, onto, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(larger + area.lighter + rng.normal(0, NOISE_ENLARGED, depth.shape), np.float32)
    rough = (blots(depth.shape, 8, rng) + blots(depth.shape, 2, rng) / 2) / np.sqrt(1.25)
    inside = np.where(depth < LINE_PX, LINE_GREY, area.grey + area.blots * rough)
    return np.asarray(inside + rng.normal(0, NOISE, depth.shape), np.float32)


def laid(layers: Samples, area: Area) -> tuple[Samples, npt.NDArray[np.bool_]]:
    """The layers with such areas in them, and where they are: (layer, y, x)."""
    rng = np.random.default_rng(0)
    images = layers.images.copy()
    height, width = images.shape[-2:]
    rows, columns = np.mgrid[:height, :width]
    where = np.zeros((len(layers), height, width), bool)
    for layer in range(len(layers)):
        other = layers.images[(layer + 1) % len(layers), 0].astype(np.float32)
        for (y, x), radius in PLACES:
            turn = np.arctan2(rows - y, columns - x)
            outline = radius * (1 + 0.12 * np.cos(2 * turn + layer) + 0.08 * np.cos(3 * turn + 2 * layer))
            depth = (outline - np.hypot(rows - y, columns - x)).astype(np.float32)
            share = soft(depth > 0)
            mixed = images[layer, 0] * (1 - share) + filled(area, depth, other, (y, x), rng) * share
            images[layer, 0] = np.clip(mixed, 0, 255).astype(np.uint8)
            where[layer] |= depth > 0
    return replace(layers, images=images), where


def scores(layers: Samples, runs: list[Path]) -> None:
    """Print a table: one line an area, two columns a run, and the mean."""
    shares_taken(layers, AREAS, laid, runs)


def picture(layers: Samples, path: Path) -> None:
    """Write a picture of every area in the first layer."""
    small = (layers.images.shape[-1] // 4, layers.images.shape[-2] // 4)
    tiles = [cv2.resize(laid(layers, area)[0].images[0, 0], small, interpolation=cv2.INTER_AREA) for area in AREAS]
    sheet(tiles, 3, path)


if __name__ == "__main__":
    command(__doc__, (WITHOUT_AXON,), scores, picture)
