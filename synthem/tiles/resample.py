"""Layers at another pixel size: images by area, masks by coverage, both exact.

Along an axis, output pixel i of n covers input pixels from i·N/n to (i+1)·N/n. Counted in nths of an input pixel all
overlaps are whole numbers, so sums are exact and a mask's half is a half on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from synthem.classes import Classes


def resampled_size(height: int, width: int, scale: float) -> tuple[int, int]:
    """Height and width of a layer whose pixels become `scale` times as many along each side, at least 1 px."""
    return max(round(height * scale), 1), max(round(width * scale), 1)


def resample_image(image: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    """(height, width) or (height, width, channel) means over the area of each pixel, halves rounded up."""
    planes = image[:, :, None] if image.ndim == 2 else image
    sums = np.stack([_sums(planes[:, :, c], height, width) for c in range(planes.shape[2])], axis=2)
    area = image.shape[0] * image.shape[1]
    means: npt.NDArray[np.uint8] = ((2 * sums + area) // (2 * area)).astype(np.uint8)
    return np.asarray(means[:, :, 0]) if image.ndim == 2 else means


def resample_stored(stored: npt.NDArray[Any], classes: Classes, height: int, width: int) -> npt.NDArray[Any]:
    """(height, width) packed masks: a pixel has a class where at least half of its area has it.

    Where classes are stored as an index and two of them cover a half each, the first has the pixel.
    """
    area = stored.shape[0] * stored.shape[1]
    planes = np.stack([2 * _sums(plane, height, width) >= area for plane in classes.unpack(stored)])
    if classes.storage == "index":
        planes &= np.cumsum(planes, axis=0) == 1
    return classes.pack(planes)


def _sums(plane: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[np.int64]:
    """Sums over output pixels, of which each has the area (input height) · (input width)."""
    rows, columns = _overlaps(plane.shape[0], height), _overlaps(plane.shape[1], width)
    return np.asarray((columns @ (rows @ plane.astype(np.int64)).T).T)


def _overlaps(before: int, after: int) -> sparse.csr_array:
    """(after, before) overlaps of output and input pixels along one axis, in 1/after of an input pixel."""
    cuts = np.union1d(np.arange(after + 1) * before, np.arange(before + 1) * after)
    lengths, starts = np.diff(cuts), cuts[:-1]
    return sparse.csr_array((lengths, (starts // before, starts // after)), shape=(after, before))
