"""A tile of Perlin noise that repeats without a seam; fields are read from it at random offsets and scales."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from noise import pnoise2
from numba import njit

SIZE = 256
"""Samples along each side of the bank: a power of two."""
CELL = 16
"""Samples between two nodes of the noise's lattice."""
UNIT = 990.0
"""Stored values for one standard deviation of the noise."""


@lru_cache(maxsize=4)
def bank(block: int) -> npt.NDArray[np.int16]:
    """(256, 256) Perlin noise of one octave (Perlin 2002), as whole numbers so that fields agree on every machine.

    `block` picks another bank, so that very large sets don't repeat: `index // 1000`.
    """
    values = np.array(
        [
            [
                pnoise2(x / CELL, y / CELL, repeatx=SIZE // CELL, repeaty=SIZE // CELL, base=block % 200)
                for x in range(SIZE)
            ]
            for y in range(SIZE)
        ]
    )
    return np.asarray(np.rint(values * 4096), np.int16)


@njit(inline="always")  # type: ignore[untyped-decorator]
def sample(values: Any, y: float, x: float) -> float:
    """Bilinear value of the bank at a position in samples, in standard deviations; repeats outside."""
    yi, xi = int(np.floor(y)), int(np.floor(x))
    fy, fx = y - yi, x - xi
    y0, x0 = yi & 255, xi & 255
    y1, x1 = (yi + 1) & 255, (xi + 1) & 255
    top = values[y0, x0] + (values[y0, x1] - values[y0, x0]) * fx
    bottom = values[y1, x0] + (values[y1, x1] - values[y1, x0]) * fx
    return float((top + (bottom - top) * fy) * (1.0 / 990.0))
