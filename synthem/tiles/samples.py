"""Images and masks in memory: what a mix hands to training, and a set of whole layers to evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from synthem.classes import Classes


@dataclass(frozen=True)
class Samples:
    """n images of one size with their masks, packed as a dataset stores them.

    A mix of 1,470 windows of 256 × 256 takes 193 MB this way; unpacked masks alone would take 578 MB.
    """

    images: npt.NDArray[np.uint8]
    """(n, channel, y, x), grey levels 0..255."""
    stored: npt.NDArray[Any]
    """(n, y, x), packed masks: `classes.unpack(stored)` gives (class, n, y, x)."""
    classes: Classes
    known: npt.NDArray[np.bool_]
    """(n, class): false where the source of a sample never labelled that class: unknown, not absent."""
    groups: Sequence[str] = field(default=())
    """The layer (or tile) that each sample is from, n names; empty where nobody asks."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def masks(self) -> npt.NDArray[np.uint8]:
        """(n, class, y, x), 0 or 1."""
        planes = self.classes.unpack(self.stored)
        return np.ascontiguousarray(np.moveaxis(planes, 0, 1)).view(np.uint8)
