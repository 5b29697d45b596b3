"""Scores runs on mitochondria that the layers learned from don't hold: larger, darker, blotted. None is an axon.

    python docs/results/changed_mitochondria.py DATASET RUN...
    python docs/results/changed_mitochondria.py DATASET --picture FILE

DATASET is the imported `epfl-itmm`. Five layers that hold no axon and that nothing was learned from are enlarged, and
their mitochondria changed. Prints the share of the mitochondria, and of all else, in percent, that is taken for axon;
windows of 256 pixels of 5 nm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from probing import WITHOUT_AXON, blots, command, shares_taken, sheet, soft

from synthem.tiles.samples import Samples

NOISE = 8.5
"""Standard deviation of the layers' noise; of what enlarging averages away, as much is added."""


@dataclass(frozen=True)
class Change:
    """How much the layer is enlarged; what is added to the mitochondria: grey, and blots of a standard deviation."""

    name: str
    size: float = 1
    grey: float = 0
    rough: float = 0


CHANGES = (
    Change("as they are"),
    Change("15 darker", grey=-15),
    Change("30 darker", grey=-30),
    Change("blotted", rough=15),
    Change("1.5 times as large", size=1.5),
    Change("twice", size=2),
    Change("twice, 15 darker", size=2, grey=-15),
    Change("twice, 30 darker", size=2, grey=-30),
    Change("twice, blotted", size=2, rough=15),
    Change("three times", size=3),
    Change("three times, 15 darker", size=3, grey=-15),
    Change("three times, blotted", size=3, rough=15),
)


def changed(layers: Samples, change: Change) -> tuple[Samples, npt.NDArray[np.bool_]]:
    """The layers, the middle of each enlarged to its size, and where mitochondria are: (layer, y, x)."""
    rng = np.random.default_rng(0)
    images, stored = layers.images.copy(), layers.stored.copy()
    height, width = images.shape[-2:]
    index = layers.classes.names.index("mitochondrion")
    where = np.zeros((len(layers), height, width), bool)
    shift = (1 - change.size) / 2
    onto = np.array([[change.size, 0, width * shift], [0, change.size, height * shift]], np.float32)
    for layer in range(len(layers)):
        image = cv2.warpAffine(images[layer, 0].astype(np.float32), onto, (width, height), flags=cv2.INTER_CUBIC)
        stored[layer] = cv2.warpAffine(stored[layer], onto, (width, height), flags=cv2.INTER_NEAREST)
        where[layer] = layers.classes.unpack(stored[layer])[index] > 0
        image += soft(where[layer]) * (change.grey + change.rough * blots(image.shape, 4, rng))
        lost = NOISE * np.sqrt(1 - 1 / change.size**2)
        images[layer, 0] = np.clip(image + rng.normal(0, lost, image.shape), 0, 255).astype(np.uint8)
    return replace(layers, images=images, stored=stored), where


def scores(layers: Samples, runs: list[Path]) -> None:
    """Print a table: one line a change, two columns a run, and the mean."""
    shares_taken(layers, CHANGES, changed, runs)


def picture(layers: Samples, path: Path) -> None:
    """Write a picture of every change in the first layer."""
    tiles = [changed(layers, change)[0].images[0, 0][256:512, 384:640] for change in CHANGES]
    sheet(tiles, 4, path)


if __name__ == "__main__":
    command(__doc__, (WITHOUT_AXON,), scores, picture)
