"""Windows over layers: where they lie, and how what was predicted in them is stitched back to layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from synthem.errors import SynthemError

Edge = Literal["drop", "shift", "pad"]
"""What happens where the stride doesn't meet the end of a layer: `drop` leaves the rest out, `shift` adds a last
window that ends at the edge, `pad` lets the last window hang over it (the layer goes on as its mirror image)."""

Size = int | tuple[int, int]
"""Pixels of height and width; one number for a square."""


def pair(size: Size, what: str = "window") -> tuple[int, int]:
    """Height and width of a size or stride.

    Raises:
        SynthemError: not positive.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise SynthemError(f"{what} {height}x{width}: must be at least 1 px each way")
    return int(height), int(width)


def window_corners(height: int, width: int, size: Size, stride: Size, edge: Edge = "drop") -> npt.NDArray[np.int32]:
    """Upper left corners (n, 2) as (y, x), row by row, of the windows over a layer of height × width px.

    A layer smaller than the window holds none with `drop`, and one with `pad`.

    Raises:
        SynthemError: a size or stride below 1, an unknown edge policy, or `shift` in a layer smaller than the window.
    """
    sizes, strides = pair(size), pair(stride, "stride")
    if edge not in get_args(Edge):
        raise SynthemError(f"edge {edge!r}: no such policy; choose one of {', '.join(get_args(Edge))}")
    if edge == "shift" and (height < sizes[0] or width < sizes[1]):
        raise SynthemError(
            f"a layer of {height}x{width} px is smaller than a window of {sizes[0]}x{sizes[1]}; use edge 'pad'"
        )
    ys = _starts(height, sizes[0], strides[0], edge)
    xs = _starts(width, sizes[1], strides[1], edge)
    return np.stack(np.meshgrid(ys, xs, indexing="ij"), axis=-1).reshape(-1, 2)


def _starts(length: int, size: int, stride: int, edge: Edge) -> npt.NDArray[np.int32]:
    free = length - size
    whole = max(free // stride + 1, 0) if free >= 0 else 0
    if edge == "pad":
        return np.arange(max(-(-free // stride), 0) + 1, dtype=np.int32) * stride
    starts = np.arange(whole, dtype=np.int32) * stride
    if edge == "shift" and starts[-1] != free:
        starts = np.append(starts, np.int32(free))
    return starts


def blend_weights(size: Size) -> npt.NDArray[np.float64]:
    """(height, width) weights of a window's pixels where windows overlap: highest in the middle, 1 in the corners.

    Whole numbers, so that in float64 the weighted mean of equal float32 values is that value to the last bit.
    """

    def tent(length: int) -> npt.NDArray[np.float64]:
        i = np.arange(length)
        return np.minimum(i + 1, length - i).astype(np.float64)

    height, width = pair(size)
    return np.outer(tent(height), tent(width))


def stitch(
    windows: Iterable[npt.NDArray[Any]], corners: npt.NDArray[Any], height: int, width: int
) -> npt.NDArray[np.float32]:
    """One layer (…, height, width) from windows (…, y, x) at their corners (n, 2); overlaps are blended.

    What hangs over the layer's edge is cut off. A pixel that no window covers is NaN.

    Raises:
        SynthemError: no windows, or another number of them than corners.
    """
    total: npt.NDArray[np.float64] | None = None
    norm = np.zeros((height, width))
    weights = np.zeros((0, 0))
    count = 0
    for window in windows:
        if count == len(corners):
            raise SynthemError(f"more windows than their {count} corners; give one for each")
        (y, x), (h, w) = corners[count], window.shape[-2:]
        if total is None:
            total = np.zeros((*window.shape[:-2], height, width))
            weights = blend_weights((h, w))
        h, w = min(h, height - y), min(w, width - x)
        total[..., y : y + h, x : x + w] += weights[:h, :w] * window[..., :h, :w]
        norm[y : y + h, x : x + w] += weights[:h, :w]
        count += 1
    if total is None or count < len(corners):
        raise SynthemError(f"{count} windows for {len(corners)} corners; give one for each, at least one")
    with np.errstate(invalid="ignore"):
        return (total / norm).astype(np.float32)
