"""Banks of texture and noise, made once for each recipe and read from at random offsets."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import scipy.fft

from synthem.microscope import Cytoplasm, Optics
from synthem.seeds import stream

SIZE = 1024
"""Pixels along each side of a bank before it repeats."""
BLOCK_NM = 1280.0
"""Counts of strokes and dots are for a square of this side."""

UNIT = 64
"""Stored steps of the cytoplasm's bank in a grey level."""
Bank = npt.NDArray[np.int16]


def _wide_enough(bank: Bank, side: int) -> Bank:
    """The bank repeated, so that a crop of that side fits wherever it begins in the first 1024 × 1024 pixels."""
    times = 1 + -(-side // SIZE)
    return np.ascontiguousarray(np.tile(bank, (times, times)))


@lru_cache(maxsize=2)
def cytoplasm(look: Cytoplasm, nm_per_px: float, block: int, side: int) -> Bank:
    """(≥ 1024 + side, …) deviations from the cytoplasm's mean in 1/`UNIT` grey levels, repeating without a seam.

    Three Gaussian random fields of the given deviations and radii, dark filaments and dark dots.
    """
    rng = stream(0, "texture", block)
    drawn = look.draw(rng)
    scales = ((drawn.grain, drawn.grain_nm), (drawn.clump, drawn.clump_nm), (drawn.cloud, drawn.cloud_nm))
    field = np.zeros((SIZE, SIZE), np.float32)
    for deviation, radius in scales:
        field += deviation * _gaussian_field(rng, radius / nm_per_px)
    area = (SIZE * nm_per_px / BLOCK_NM) ** 2
    marks = np.zeros((SIZE, SIZE), np.uint8)
    _strokes(marks, rng, round(drawn.strokes * area), drawn.stroke_nm / nm_per_px, drawn.stroke_width_nm / nm_per_px)
    field -= drawn.stroke_depth * _soften(marks, 0.6)
    marks[:] = 0
    _dots(marks, rng, round(drawn.dots * area), drawn.dot_nm / nm_per_px)
    field -= drawn.dot_depth * _soften(marks, 1.0)
    field -= field.mean()
    return _wide_enough(np.rint(field * UNIT).astype(np.int16), side)


@lru_cache(maxsize=2)
def noise(optics: Optics, nm_per_px: float, block: int, side: int) -> Bank:
    """(≥ 1024 + side, …) noise of unit variance in 1/4096, partly correlated between neighbours."""
    rng = stream(0, "noise", block)
    drawn = optics.draw(rng)
    white = rng.standard_normal((SIZE, SIZE), np.float32)
    smooth = _gaussian_field(rng, drawn.correlation_nm / nm_per_px)
    mixed = np.sqrt(1 - drawn.correlated) * white + np.sqrt(drawn.correlated) * smooth
    return _wide_enough(np.rint(np.clip(mixed, -7.9, 7.9) * 4096).astype(np.int16), side)


def _gaussian_field(rng: np.random.Generator, radius_px: float) -> npt.NDArray[np.float32]:
    """White noise under a Gaussian of that standard deviation, scaled back to unit variance."""
    white = rng.standard_normal((SIZE, SIZE), np.float32)
    if radius_px < 0.1:
        return white
    fy, fx = scipy.fft.fftfreq(SIZE)[:, None], scipy.fft.rfftfreq(SIZE)[None]
    response = np.exp(-2 * (np.pi * radius_px) ** 2 * (fy**2 + fx**2)).astype(np.float32)
    field: Any = scipy.fft.irfft2(scipy.fft.rfft2(white) * response, s=(SIZE, SIZE))
    return np.asarray(field / max(float(field.std()), 1e-6), np.float32)


def _strokes(marks: npt.NDArray[np.uint8], rng: np.random.Generator, n: int, length: float, width: float) -> None:
    """Short lines; directions go with the quadrant, as in the original, and vary around it."""
    start, turn, size = rng.random((n, 2)) * SIZE, rng.normal(size=n), rng.random(n)
    quadrant = rng.random((4, 4)) * np.pi
    angle = quadrant[(start[:, 0] * 4 / SIZE).astype(int), (start[:, 1] * 4 / SIZE).astype(int)] + 0.5 * turn
    reach = length * (0.4 + 1.2 * size)
    end = start + np.stack([reach * np.sin(angle), reach * np.cos(angle)], axis=1)
    pen = max(round(width), 1)
    for a, b in zip(np.rint(start).astype(int), np.rint(end).astype(int), strict=True):
        for dy, dx in _wraps(a, b):
            cv2.line(marks, (int(a[1] + dx), int(a[0] + dy)), (int(b[1] + dx), int(b[0] + dy)), 255, pen)


def _dots(marks: npt.NDArray[np.uint8], rng: np.random.Generator, n: int, radius: float) -> None:
    at, size = rng.random((n, 2)) * SIZE, radius * (0.5 + rng.random(n))
    for (y, x), r in zip(at, size, strict=True):
        for dy, dx in _wraps(np.array([y - r, x - r]), np.array([y + r, x + r])):
            cv2.circle(marks, (round((x + dx) * 16), round((y + dy) * 16)), round(r * 16), 255, -1, shift=4)


def _wraps(a: Any, b: Any) -> list[tuple[int, int]]:
    """Shifts by the bank's size at which a mark from a to b shows."""
    shifts = []
    for axis in (0, 1):
        low, high = min(a[axis], b[axis]), max(a[axis], b[axis])
        shifts.append([0] + ([SIZE] if low < 2 else []) + ([-SIZE] if high > SIZE - 2 else []))
    return [(dy, dx) for dy in shifts[0] for dx in shifts[1]]


def _soften(marks: npt.NDArray[np.uint8], sigma: float) -> npt.NDArray[np.float32]:
    wide = cv2.copyMakeBorder(marks, 8, 8, 8, 8, cv2.BORDER_WRAP)
    soft = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), sigma)[8:-8, 8:-8] / 255
    return np.asarray(soft, np.float32)
