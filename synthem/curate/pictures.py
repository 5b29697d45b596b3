"""What statistics and checks read: a dataset or a mix, picture by picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from synthem.classes import Classes
from synthem.curate.mix import Mix
from synthem.tiles.dataset import TileDataset


class Pictures(Protocol):
    """What `TileDataset` and `Mix` have in common."""

    name: str
    """Its folder, or `hub:me/name@tag`."""
    classes: Classes

    def __len__(self) -> int: ...

    def image(self, index: int, /) -> npt.NDArray[np.uint8]:
        """(y, x) grey levels, or (y, x, 3)."""
        ...

    def stored(self, index: int, /) -> npt.NDArray[Any]:
        """(y, x) packed masks."""
        ...


def open_pictures(folder: str | Path) -> TileDataset | Mix:
    """Open a dataset or a mix.

    Raises:
        SynthemError: neither of them.
    """
    return Mix.open(folder) if (Path(folder) / "mix.json").is_file() else TileDataset.open(folder)


def grey(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(y, x) of a grey or a colour picture (ITU-R BT.601 luma)."""
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def components(plane: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """8-connected components of a mask (y, x): labels (y, x), 0 = none, and x, y, width, height, area of each (n, 5).

    OpenCV's algorithm is named because its default for 8 neighbours takes three times as long.
    """
    if not plane.any():
        return np.zeros(plane.shape, np.int32), np.zeros((0, 5), np.int32)
    found = cv2.connectedComponentsWithStatsWithAlgorithm(plane.view(np.uint8), 8, cv2.CV_32S, cv2.CCL_BBDT)
    return found[1], found[2][1:]
