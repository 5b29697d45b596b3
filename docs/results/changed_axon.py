"""Scores runs on an axon that the real layers don't hold: the validation axon, enlarged and changed, in other layers.

    python docs/results/changed_axon.py DATASET RUN...
    python docs/results/changed_axon.py DATASET --picture FILE

DATASET is the imported `epfl-itmm`. The axon of two validation layers is cut out, enlarged, changed in one way after
another, and laid twice over each of five layers that hold no axon and that nothing was learned from. Which of these
the test axon resembles isn't known, and isn't asked: a network that fails at one of them has learned one look of an
axon, not axons. Prints Dice of counts pooled over the five layers; windows of 256 pixels of 5 nm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from probing import WITHOUT_AXON, Plane, blots, command, predictor, sheet, soft

from synthem.tiles.samples import Samples

FROM = ("training0000", "training0004")
PLACES = (((190, 300), 0), ((520, 700), 1))
"""Centre (y, x) and quarter turns of both copies."""
MARGIN = 14
NOISE = 7.0
"""Enlarging blurs the layers' noise; this much is added, as a standard deviation of grey levels."""
SHEATH, SHELL = 0.2, 4
"""Around a ring: the sheath as a share of the wall, the shell's thickness in pixels."""


@dataclass(frozen=True)
class Change:
    """What is done to the axon; lengths in pixels, greys as they are added."""

    name: str
    size: float = 3
    wall: float = 1
    """Thickness of the wall over what it was, taken from the lumen or given to it."""
    wall_grey: float = 0
    lumen_grey: float = 0
    rough: float = 0
    """Standard deviation of blots in the wall."""
    slits: float = 0
    """What light lines along the wall add."""
    ring: float = 0
    """What a ring inside the wall adds, between a thin sheath and a thin shell."""
    ring_rough: float = 0
    """Standard deviation of blots in the ring."""
    around: float = 0


CHANGES = (
    Change("as it is", size=1),
    Change("twice as large", size=2),
    Change("three times as large"),
    Change("4.5 times", size=4.5),
    Change("seven times", size=7),
    Change("wall 20 darker", wall_grey=-20),
    Change("wall 15 lighter", wall_grey=15),
    Change("wall 30 lighter", wall_grey=30),
    Change("blotted wall", rough=15),
    Change("blotted, 15 lighter", rough=22, wall_grey=15),
    Change("light slits in the wall", slits=45),
    Change("light blotted ring in it", size=4.5, ring=40, ring_rough=25),
    Change("ring 20 lighter yet", size=4.5, ring=60, ring_rough=25),
    Change("ring, wall 1.6 times", size=4.5, ring=40, ring_rough=25, wall=1.6),
    Change("wall half as thick", wall=0.5),
    Change("wall 1.6 times as thick", wall=1.6),
    Change("lumen 30 darker", lumen_grey=-30),
    Change("lumen 40 lighter", lumen_grey=40),
    Change("wall and lumen lighter", wall_grey=30, lumen_grey=20, rough=12),
    Change("surroundings 30 lighter", around=30),
)


def cut_out(layers: Samples, layer: int) -> tuple[Plane, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Image, myelin, and myelin with lumen around the largest axon of a layer."""
    myelin = layers.classes.unpack(layers.stored[layer])[layers.classes.names.index("axon")].astype(np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(myelin, connectivity=8)
    largest = 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA]))
    x, y, width, height, _ = boxes[largest]
    there = (slice(y - MARGIN, y + height + MARGIN), slice(x - MARGIN, x + width + MARGIN))
    one = (labels == largest)[there].astype(np.uint8)
    outlines, _ = cv2.findContours(one, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = cv2.drawContours(np.zeros_like(one), outlines, -1, 1, -1)
    return layers.images[layer, 0][there].astype(np.float32), one > 0, whole > 0


def thickness(wall: npt.NDArray[np.bool_]) -> float:
    """Of a wall, where it is thick, in pixels."""
    return 2 * float(np.percentile(cv2.distanceTransform(wall.astype(np.uint8), cv2.DIST_L2, 5)[wall], 95))


def drawn(
    axons: Samples, layer: int, turns: int, change: Change, rng: np.random.Generator
) -> tuple[Plane, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """`cut_out`, turned, enlarged and changed."""
    image, myelin, whole = (
        cv2.resize(
            np.rot90(part, turns).astype(np.float32),
            None,
            fx=change.size,
            fy=change.size,
            interpolation=cv2.INTER_CUBIC,
        )
        for part in cut_out(axons, layer)
    )
    myelin, whole = myelin > 0.5, whole > 0.5
    depth = cv2.distanceTransform(whole.astype(np.uint8), cv2.DIST_L2, 5)
    if change.wall != 1:
        wanted = whole & (depth <= change.wall * thickness(myelin))
        grown, lost = wanted & ~myelin, myelin & ~wanted
        image[grown] = image[myelin].mean() + 8 * blots(image.shape, 2, rng)[grown]
        image[lost] = image[whole & ~myelin].mean() + 8 * blots(image.shape, 2, rng)[lost]
        image, myelin = cv2.GaussianBlur(image, (0, 0), 1.5), wanted
    lines = np.sin((depth + 2 * blots(image.shape, 12, rng)) * 2 * np.pi / 14) > 0.7
    rough = blots(image.shape, 4, rng) + blots(image.shape, 1.5, rng) / 2
    image += soft(myelin) * (change.wall_grey + change.rough * rough + change.slits * lines)
    to_lumen = cv2.distanceTransform((~whole | myelin).astype(np.uint8), cv2.DIST_L2, 5)
    ring = myelin & (depth > SHEATH * thickness(myelin)) & (to_lumen > SHELL)
    rough = blots(image.shape, 6, rng) + blots(image.shape, 2, rng) / 2
    image += soft(ring) * (change.ring + change.ring_rough * rough)
    image += soft(whole & ~myelin) * change.lumen_grey + rng.normal(0, NOISE, image.shape)
    return image, myelin, whole


def changed(layers: Samples, axons: Samples, change: Change) -> Samples:
    """The layers with changed axons in them, image and masks."""
    rng = np.random.default_rng(0)
    images, stored = layers.images.copy(), layers.stored.copy()
    bit = np.array(1 << layers.classes.names.index("axon"), stored.dtype)
    for layer in range(len(layers)):
        for (row, column), turns in PLACES:
            image, myelin, whole = drawn(axons, (layer + turns) % len(axons), turns, change, rng)
            share = soft(whole, widen=9)
            height, width = image.shape
            y = min(max(0, row - height // 2), images.shape[-2] - height)
            x = min(max(0, column - width // 2), images.shape[-1] - width)
            there = (layer, slice(y, y + height), slice(x, x + width))
            below = images[:, 0][there] + change.around * soft(whole, widen=41)
            images[:, 0][there] = np.clip(below * (1 - share) + image * share, 0, 255).astype(np.uint8)
            stored[there] = np.where(myelin, bit, np.where(share > 0.5, 0, stored[there]))
    return replace(layers, images=images, stored=stored)


def scores(layers: Samples, axons: Samples, runs: list[Path]) -> None:
    """Print a table: one line a change, one column a run."""
    predictors = [predictor(run) for run in runs]
    axon = layers.classes.names.index("axon")
    print(f"{'axon Dice':26}", *(f"{run.name:>12}" for run in runs))
    for change in CHANGES:
        samples = changed(layers, axons, change)
        truth = np.stack([samples.classes.unpack(stored)[axon] for stored in samples.stored])
        found = (np.stack([p[axon] > 0.5 for p in predict(samples)]) for predict in predictors)
        dice = (2 * (one & truth).sum() / (one.sum() + truth.sum()) for one in found)
        print(f"{change.name:26}", *(f"{score:12.3f}" for score in dice), flush=True)


def picture(layers: Samples, axons: Samples, path: Path) -> None:
    """Write a picture of every change, its myelin outlined."""
    tiles = []
    for change in CHANGES:
        samples = changed(layers, axons, change)
        image = cv2.cvtColor(samples.images[0, 0], cv2.COLOR_GRAY2BGR)
        myelin = samples.classes.unpack(samples.stored[0])[layers.classes.names.index("axon")].astype(np.uint8)
        image[cv2.morphologyEx(myelin, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0] = (0, 200, 255)
        tiles.append(cv2.resize(image[:540, :540], (180, 180), interpolation=cv2.INTER_AREA))
    sheet(tiles, 5, path)


if __name__ == "__main__":
    command(__doc__, (WITHOUT_AXON, FROM), scores, picture)
