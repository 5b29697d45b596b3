"""From a raster of materials to a tile: grey levels, blur, noise, artefacts, and beside them masks and instances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from synthem.classes import Classes
from synthem.microscope import Artefacts
from synthem.organelles.membranes import Membranes
from synthem.raster import texture
from synthem.raster.canvas import CLEFT, RasterCanvas
from synthem.recipe import Recipe
from synthem.scene.scene import TILES_PER_BANK, Scene
from synthem.scene.tissue import EIGHTHS
from synthem.seeds import Streams

CELL_TONES = 256
"""Cells take their brightness from a table of this length, by their number."""


@dataclass(frozen=True, repr=False)
class Tile:
    """One tile."""

    image: npt.NDArray[np.uint8]
    """(y, x) grey levels."""
    stored: npt.NDArray[Any]
    """(y, x) masks, packed: `classes.unpack` takes them apart."""
    instances: npt.NDArray[np.uint16]
    """(y, x) ids in the scene's order, 0 for none."""
    classes: Classes
    nm_per_px: float

    @property
    def masks(self) -> npt.NDArray[np.bool_]:
        """(class, y, x)."""
        return self.classes.unpack(self.stored)

    def __repr__(self) -> str:
        height, width = self.image.shape
        there = [name for name, mask in zip(self.classes.names, self.masks, strict=True) if mask.any()]
        return f"Tile({height}x{width} px of {self.nm_per_px:g} nm: {', '.join(there) or 'no class'})"

    def _repr_png_(self) -> bytes:
        """The tile beside its labels, for notebooks."""
        from synthem.show import png

        return png([self.image], [self.masks], self.classes)


@dataclass(frozen=True)
class _Plate:
    """What a raster's materials say of each pixel."""

    image: npt.NDArray[np.float32]
    """Grey level with texture, before any blur."""
    soft: npt.NDArray[np.uint8]
    """Blur beside the point spread: share of the strongest one's variance, 255 for all of it."""
    widest_nm: float
    """The strongest blur."""
    stored: npt.NDArray[Any]
    instances: npt.NDArray[np.uint16]


def expose(canvas: RasterCanvas, scene: Scene, recipe: Recipe) -> Tile:
    """The tile that a raster gives under a recipe's cytoplasm, optics and artefacts."""
    streams, nm_per_px = scene.streams(), canvas.nm_per_px
    height, width = canvas.pixels.shape
    cytoplasm = recipe.cytoplasm.draw(streams.open("cytoplasm"))
    optics = recipe.optics.draw(streams.open("optics"))
    artefacts = recipe.artefacts.draw(streams.open("artefacts"))
    offsets = streams.open("exposure").integers(0, texture.SIZE, size=(4, 2))
    plate = _look_up(canvas, scene, recipe, cytoplasm.cell_spread, offsets[:2])

    sharp = _gaussian(plate.image, optics.psf_nm / nm_per_px)
    wide = _gaussian(plate.image, math.hypot(optics.psf_nm, plate.widest_nm) / nm_per_px)
    for picture in (sharp, wide):
        _streaks(picture, streams, artefacts, nm_per_px)
    step = nm_per_px / artefacts.background_nm
    background = _background(streams, (height, width), step) * np.float32(artefacts.background)
    stripes = _curtain(streams, width, artefacts.curtain, artefacts.curtain_nm / nm_per_px)
    tone = (artefacts.contrast, artefacts.brightness, cytoplasm.grey, optics.gain_noise, optics.floor_noise**2)
    grain = texture.noise(recipe.optics, nm_per_px, scene.index // TILES_PER_BANK, max(height, width))
    image = np.empty((height, width), np.uint8)
    soft = cv2.blur(plate.soft, (5, 5))
    _expose(image, sharp, wide, soft, background, step, stripes, np.array(tone, np.float32), grain, offsets[2:])
    return Tile(image, plate.stored, plate.instances, canvas.classes, nm_per_px)


def _look_up(
    canvas: RasterCanvas, scene: Scene, recipe: Recipe, cell_spread: float, offsets: npt.NDArray[np.int64]
) -> _Plate:
    """Each pixel's material: its grey level with texture, its blur, its classes and its instance."""
    streams, size, table = scene.streams(), canvas.pixels.shape, canvas.materials_table
    look = (recipe.membranes or Membranes()).look.draw(streams.open("membranes", "look"))
    tones = streams.open("cells").standard_normal(CELL_TONES, np.float32) * np.float32(cell_spread)
    # drift moves the masks, which only the scene's own recipe may
    drift_nm = scene.recipe.artefacts.draw(streams.open("artefacts")).drift_nm
    rows = _drift(streams, size[0], drift_nm / canvas.nm_per_px)
    bank = texture.cytoplasm(recipe.cytoplasm, canvas.nm_per_px, scene.index // TILES_PER_BANK, max(size))
    widest = max(*table.blur_nm, *(blur_nm for _, blur_nm, _ in canvas.halos), 0.1)
    levels = np.array([round(255 * (blur_nm / widest) ** 2) for blur_nm in table.blur_nm], np.uint8)
    image, soft = np.empty(size, np.float32), np.empty(size, np.uint8)
    stored, instances = np.empty(size, canvas.classes.dtype), np.empty(size, np.uint16)
    _shade(
        image,
        soft,
        stored,
        instances,
        canvas.pixels,
        canvas.cells,
        canvas.room,
        rows,
        np.array(table.grey, np.float32),
        np.array(table.texture, np.float32) / (texture.UNIT * math.sqrt(2)),
        levels,
        np.array(table.bits, stored.dtype),
        np.array(table.ids, np.uint16),
        tones,
        np.float32(look.shading),
        np.float32(1 / max(look.shading_nm * EIGHTHS, 1.0)),
        _halos(canvas),
        255.0 / widest**2,
        bank,
        offsets,
    )
    return _Plate(image, soft, widest, stored, instances)


def _halos(canvas: RasterCanvas) -> npt.NDArray[np.uint8]:
    """(y/4, x/4) blur of the surroundings, nm in whole numbers."""
    height, width = canvas.pixels.shape
    raster = np.zeros(((height + 3) // 4, (width + 3) // 4), np.uint8)
    for corners, blur_nm, reach_nm in sorted(canvas.halos, key=lambda h: h[1]):
        points = [(corners[:, ::-1] - 32) // 4]
        level = min(round(blur_nm), 255)
        cv2.fillPoly(raster, points, level, cv2.LINE_8, 4)
        pen = round(reach_nm / canvas.nm_per_px / 2)
        if pen >= 1:
            cv2.polylines(raster, points, True, level, pen, cv2.LINE_8, 4)
    return raster


def _gaussian(image: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    if sigma < 0.2:
        return image
    reach = 2 * max(math.ceil(2.6 * sigma), 1) + 1
    return np.asarray(cv2.GaussianBlur(image, (reach, reach), sigma, borderType=cv2.BORDER_REFLECT_101), np.float32)


def _streaks(image: npt.NDArray[np.float32], streams: Streams, artefacts: Artefacts, nm_per_px: float) -> None:
    """Brighten lines from a random point on, fading along the scan."""
    height, width = image.shape
    for row, start in streams.open("streaks").random((int(artefacts.streaks), 2)):
        first = int(start * width)
        fade = np.arange(width - first) * (nm_per_px / max(artefacts.streak_nm, 1.0))
        image[int(row * height), first:] += artefacts.streak_lift * np.exp(-fade)


def _background(streams: Streams, size: tuple[int, int], step: float) -> npt.NDArray[np.float32]:
    """Values of the uneven background at the nodes of a grid `1 / step` pixels wide, one more than the tile needs."""
    rows, columns = (int(side * step) + 2 for side in size)
    return streams.open("background").standard_normal((rows, columns), np.float32)


def _drift(streams: Streams, height: int, sigma_px: float) -> npt.NDArray[np.int32]:
    """Shift of each line, whole pixels: a smoothed walk that stays near zero."""
    if sigma_px == 0:
        return np.zeros(height, np.int32)
    normals = streams.open("drift").standard_normal(height + 8)
    return np.rint(np.convolve(normals, np.full(9, 1 / 3), mode="valid") * sigma_px).astype(np.int32)


def _curtain(streams: Streams, width: int, deviation: float, distance_px: float) -> npt.NDArray[np.float32]:
    """Grey levels that the stripes along y add to each column."""
    if deviation == 0:
        return np.zeros(width, np.float32)
    normals = streams.open("curtain").standard_normal((1, width), np.float32)
    smooth = cv2.GaussianBlur(normals, (0, 0), max(distance_px / 2, 0.5))[0]
    return np.asarray(smooth * (deviation / max(float(smooth.std()), 1e-6)), np.float32)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _shade(
    image: Any,
    soft: Any,
    stored: Any,
    ids: Any,
    pixels: Any,
    cells: Any,
    room: Any,
    drift: Any,
    grey: Any,
    share: Any,
    levels: Any,
    bits: Any,
    numbers: Any,
    tones: Any,
    shading: float,
    fading: float,
    halo: Any,
    halo_unit: float,
    bank: Any,
    offsets: Any,
) -> None:
    """Look up each pixel's material: grey level with texture, blur level, masks and instance."""
    height, width = pixels.shape
    for r in range(height):
        r0, r1, c0, c1 = offsets[0, 0] + r, offsets[1, 0] + r, offsets[0, 1], offsets[1, 1]
        shift = drift[r]
        for c in range(width):
            k = min(max(c + shift, 0), width - 1)
            m = pixels[r, k]
            grain = np.float32(bank[r0, c0 + c] + bank[r1, c1 + c])
            v = grey[m] + share[m] * grain
            if m == 0:
                v += tones[cells[r, k] & 255]
                if shading > 0:
                    v -= shading * max(np.float32(0), np.float32(1) - room[r, k] * fading)
            image[r, c] = v
            level = levels[m]
            if m <= CLEFT:  # surroundings are cytoplasm and membranes, not what is painted there
                around = halo[r >> 2, k >> 2]
                level = max(level, min(255, int(around * around * halo_unit)))
            soft[r, c] = level
            stored[r, c] = bits[m]
            ids[r, c] = numbers[m]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _expose(
    out: Any,
    sharp: Any,
    wide: Any,
    soft: Any,
    nodes: Any,
    step: float,
    stripes: Any,
    tone: Any,
    grain: Any,
    offsets: Any,
) -> None:
    """Blend the two blurs, then background, stripes, contrast, signal-dependent noise and rounding."""
    height, width = out.shape
    contrast, brightness, middle, gain, floor = tone[0], tone[1], tone[2], tone[3], tone[4]
    shift = middle + brightness - contrast * middle
    columns = nodes.shape[1]
    left, part, field = np.empty(width, np.int64), np.empty(width, np.float32), np.empty(columns, np.float32)
    for c in range(width):
        left[c] = int(c * step)
        part[c] = c * step - int(c * step)
    for r in range(height):
        i, fy = int(r * step), np.float32(r * step - int(r * step))
        for j in range(columns):
            field[j] = nodes[i, j] + fy * (nodes[i + 1, j] - nodes[i, j])
        r0, r1, c0, c1 = offsets[0, 0] + r, offsets[1, 0] + r, offsets[0, 1], offsets[1, 1]
        for c in range(width):
            j = left[c]
            v = sharp[r, c] + soft[r, c] * np.float32(1 / 255) * (wide[r, c] - sharp[r, c])
            v = contrast * v + shift + stripes[c] + field[j] + part[c] * (field[j + 1] - field[j])
            n = np.float32(grain[r0, c0 + c] + grain[r1, c1 + c]) * np.float32(1 / 4096 / 1.4142135)
            v += np.sqrt(max(gain * v + floor, np.float32(0))) * n + np.float32(0.5)
            out[r, c] = np.uint8(min(max(v, np.float32(0)), np.float32(255)))
