"""Near-duplicates under the eight flips and rotations, robust to brightness, noise and small shifts.

Three steps, each on fewer pairs. A perceptual hash compares all pairs: the signs of the lowest cosine frequencies of a
64 × 64 thumbnail (after Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010). A flip
changes the sign of every odd frequency and a transposition swaps the axes, so the hashes of all eight come from one.
Pairs within a Hamming distance are compared by the correlation of their thumbnails, and what is left by that of their
detail, which tells apart pictures of the same kind, such as chest X-rays, that agree in everything coarse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.fft import dctn

THUMB_PX = 64
FREQUENCIES = 12
"""Cosine frequencies along each axis; without the constant they give 143 bits."""
DISTANCE = 42
"""Bits in which the hashes of duplicates may differ. Measured on tiles of the shipped recipe: at most 35 after a shift
by 4 px of 256, noise of σ = 15 and another contrast; some hundred of the 400 million pairings of 10,000 different tiles
are nearer than 42."""
THUMB_AGREEMENT = 0.8
"""Correlation of thumbnails from which on a pair is looked at in detail. Measured: at least 0.96 for duplicates with
noise of σ = 30, at most 0.5 for different tiles."""
DETAIL_AGREEMENT = 0.75
"""Correlation of details (1.5 to 6 px) of duplicates. Measured: at least 0.90 for duplicates with noise of σ = 30, at
most 0.13 for different tiles; 0.94 to 0.96 for neighbouring slices 5 nm apart, which count as duplicates."""
_DETAIL_PX = 512
_BLOCK = 512

SYMMETRIES = (
    "as it is",
    "upside down",
    "mirrored",
    "turned by 180°",
    "transposed",
    "turned by 90° to the left",
    "turned by 90° to the right",
    "transposed the other way",
)
"""What was done to the earlier picture to give the later one: bit 2 transposes it, bit 0 flips y, bit 1 flips x."""


@dataclass(frozen=True)
class Duplicate:
    """Two pictures that show the same."""

    first: int
    second: int
    symmetry: int
    """Position in `SYMMETRIES`."""
    agreement: float
    """Correlation of their details, 0.75 to 1."""


def thumbnail(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(64, 64) of a grey picture (y, x) of any size."""
    return np.asarray(cv2.resize(image, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA), np.float32)


def turn(picture: npt.NDArray[Any], symmetry: int) -> npt.NDArray[Any]:
    """A picture (y, x) under one of the eight symmetries."""
    turned = picture.T if symmetry & 4 else picture
    turned = turned[::-1] if symmetry & 1 else turned
    return np.ascontiguousarray(turned[:, ::-1] if symmetry & 2 else turned)


def find_duplicates(
    thumbs: Sequence[npt.NDArray[np.float32]],
    read: Callable[[int], npt.NDArray[np.uint8]],
    skip: Callable[[int, int], bool] = lambda i, j: False,
) -> list[Duplicate]:
    """All pairs of pictures that show the same.

    Args:
        thumbs: `thumbnail` of every picture.
        read: gives a picture (y, x) by its position; called for the few pairs that come so far.
        skip: true for pairs that need no look.
    """
    found = []
    seen: set[tuple[int, int]] = set()
    for i, j, symmetry in _alike(thumbs):
        if (i, j) in seen or skip(i, j):
            continue
        if _correlation(turn(thumbs[i], symmetry), thumbs[j], 2) < THUMB_AGREEMENT:
            continue
        first, second = turn(read(i), symmetry), read(j)
        if first.shape != second.shape:
            continue
        agreement = _correlation(_detail(first), _detail(second), 8)
        if agreement >= DETAIL_AGREEMENT:
            seen.add((i, j))
            found.append(Duplicate(i, j, symmetry, round(agreement, 3)))
    return sorted(found, key=lambda d: (d.first, d.second))


def _alike(thumbs: Sequence[npt.NDArray[np.float32]]) -> list[tuple[int, int, int]]:
    """Pairs (first, second, symmetry) whose hashes are near, the nearest first."""
    if len(thumbs) < 2:
        return []
    k = FREQUENCIES
    spectrum = np.stack([dctn(thumb, norm="ortho")[:k, :k] for thumb in thumbs])
    signs = np.where(spectrum >= 0, 1, -1).astype(np.float32)
    signs[:, 0, 0] = 0  # brightness
    n, bits = len(thumbs), k * k - 1
    odd = (-1.0) ** np.arange(k, dtype=np.float32)
    plain = signs.reshape(n, -1)
    near: list[tuple[int, int, int, int]] = []
    for symmetry in range(8):
        turned = signs.transpose(0, 2, 1) if symmetry & 4 else signs
        turned = turned * (odd[:, None] if symmetry & 1 else 1) * (odd if symmetry & 2 else 1)
        hashes = turned.reshape(n, -1)
        for start in range(0, n, _BLOCK):
            agreeing = hashes[start : start + _BLOCK] @ plain[start:].T
            for a, b in np.argwhere(agreeing >= bits - 2 * DISTANCE):
                if a < b:
                    near.append((int(bits - agreeing[a, b]) // 2, start + int(a), start + int(b), symmetry))
    return [pair[1:] for pair in sorted(near)]


def _correlation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32], shift: int) -> float:
    """The highest Pearson correlation of the middle of one picture with another, shifted by so many px each way."""
    shift = min(shift, (min(one.shape) - 1) // 3)
    middle = np.ascontiguousarray(other[shift : other.shape[0] - shift, shift : other.shape[1] - shift])
    if not middle.std() or not one.std():
        return 0.0
    return float(cv2.matchTemplate(one, middle, cv2.TM_CCOEFF_NORMED).max())


def _detail(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    scale = _DETAIL_PX / max(image.shape)
    if scale < 1:
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    pixels = image.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.5) - cv2.GaussianBlur(pixels, (0, 0), 6), np.float32)
