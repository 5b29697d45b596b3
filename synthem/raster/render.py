"""From a scene to a tile: image, packed masks and instances, all from one raster of materials."""

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
from synthem.organelles.base import Look
from synthem.raster import texture
from synthem.raster.canvas import CLEFT, RasterCanvas, size_px
from synthem.recipe import Recipe
from synthem.scene import perlin
from synthem.scene.scene import TILES_PER_BANK, Scene
from synthem.scene.tissue import EIGHTHS, threshold
from synthem.seeds import Streams

CELL_TONES = 256
"""Cells take their brightness from a table of this length, by their number."""


@dataclass(frozen=True)
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


def render(scene: Scene, appearance: Recipe | None = None, nm_per_px: float | None = None) -> Tile:
    """Paint a scene.

    Args:
        scene: what stands where.
        appearance: whose cytoplasm, optics and artefacts to use; the scene's own recipe where left out.
        nm_per_px: pixel size; the recipe's where left out. Another one gives masks of that scale.
    """
    recipe = appearance or scene.recipe
    scale = nm_per_px or scene.recipe.nm_per_px
    canvas = rasterise(scene, scale, recipe)
    return expose(canvas, scene, recipe)


def rasterise(scene: Scene, nm_per_px: float, appearance: Recipe) -> RasterCanvas:
    """Every instance once, in the scene's order from the back to the front."""
    canvas = RasterCanvas(scene.site.grown, size_px(scene.size_nm, nm_per_px), nm_per_px, scene.recipe.classes)
    streams = scene.streams()
    ground = appearance.cytoplasm.draw(streams.open("cytoplasm"))
    canvas.material(ground.grey, instance=False)
    membranes = scene.membranes
    painted = appearance.membranes or scene.recipe.membranes
    look = None if painted is None else painted.look.draw(streams.open("membranes", "look"))
    rng = streams.open("membranes", "paint")
    offsets = rng.random(2) * perlin.SIZE
    if membranes is not None and look is not None:
        canvas.material(look.grey, ("membrane",), texture=look.mottling, blur_nm=look.blur_nm, instance=False)
        canvas.material(
            look.grey + look.cleft_lift, ("membrane",), texture=look.mottling, blur_nm=look.blur_nm, instance=False
        )
        canvas.membranes(
            membranes.cleft_nm, threshold(membranes.cleft_share), offsets, perlin.bank(scene.index // TILES_PER_BANK)
        )
    else:
        canvas.material(ground.grey, instance=False)
        canvas.material(ground.grey, instance=False)
        canvas.membranes(0.0, 1e9, offsets, perlin.bank(0))
    looks = _looks(scene.recipe, appearance)
    for body in scene.bodies:
        canvas.begin()
        label = body.organelle.label
        rng = streams.open(label, body.index, "paint")
        body.organelle.paint(body, looks[label].draw(rng), canvas, rng)
    return canvas


def _looks(recipe: Recipe, appearance: Recipe) -> dict[str, Look]:
    """Grey levels for each organelle of a recipe: the appearance's of that name, else of that kind, else its own."""
    looks = {}
    for item in recipe.organelles:
        alike = [other for other in appearance.organelles if other.kind == item.kind]
        named = [other for other in alike if other.label == item.label]
        looks[item.label] = (named or alike or [item])[0].look
    return looks


def expose(canvas: RasterCanvas, scene: Scene, recipe: Recipe) -> Tile:
    """Grey levels, blur, noise and artefacts over a raster; masks and instances from the same."""
    streams = scene.streams()
    cytoplasm = recipe.cytoplasm.draw(streams.open("cytoplasm"))
    optics = recipe.optics.draw(streams.open("optics"))
    artefacts = recipe.artefacts.draw(streams.open("artefacts"))
    block = scene.index // TILES_PER_BANK
    bank = texture.cytoplasm(recipe.cytoplasm, canvas.nm_per_px, block, max(canvas.pixels.shape))
    grain = texture.noise(recipe.optics, canvas.nm_per_px, block, max(canvas.pixels.shape))
    height, width = canvas.pixels.shape
    shading, shading_nm = 0.0, 0.0
    if recipe.membranes is not None:
        edge = recipe.membranes.look.draw(streams.open("membranes", "look"))
        shading, shading_nm = edge.shading, edge.shading_nm
    rng = streams.open("exposure")
    offsets = rng.integers(0, texture.SIZE, size=(4, 2))
    tones = rng.standard_normal(CELL_TONES, np.float32) * np.float32(cytoplasm.cell_spread)
    background = artefacts.background * _background(
        streams, (height, width), canvas.nm_per_px / artefacts.background_nm
    )
    # drift moves the masks, which only the scene's own recipe may
    drift = scene.recipe.artefacts.draw(streams.open("artefacts")).drift_nm / canvas.nm_per_px
    rows = _drift(streams, height, drift)
    stripes = _curtain(streams, width, artefacts.curtain, artefacts.curtain_nm / canvas.nm_per_px)
    table = canvas.materials_table
    blur = np.array(table.blur_nm, np.float32)
    halo = _halos(canvas)
    widest = max(float(blur.max()), max((h[1] for h in canvas.halos), default=0.0), 0.1)
    levels = np.minimum(blur**2 / widest**2 * 255, 255).astype(np.uint8)
    image = np.empty((height, width), np.float32)
    soft = np.empty((height, width), np.uint8)
    stored = np.empty((height, width), canvas.classes.dtype)
    ids = np.empty((height, width), np.uint16)
    _shade(
        image,
        soft,
        stored,
        ids,
        canvas.pixels,
        canvas.cells,
        canvas.room,
        rows,
        np.array(table.grey, np.float32),
        np.array(table.texture, np.float32) / 64 / math.sqrt(2),
        levels,
        np.array(table.bits, stored.dtype),
        np.array(table.ids, np.uint16),
        tones,
        np.float32(shading),
        np.float32(1 / max(shading_nm * EIGHTHS, 1.0)),
        halo,
        255.0 / widest**2,
        bank,
        offsets,
    )
    sharp_px = optics.psf_nm / canvas.nm_per_px
    wide_px = math.hypot(optics.psf_nm, widest) / canvas.nm_per_px
    sharp = _gaussian(image, sharp_px)
    wide = _gaussian(image, wide_px)
    for picture in (sharp, wide):
        _streaks(picture, streams, artefacts, canvas.nm_per_px)
    soft = cv2.blur(soft, (5, 5))
    out = np.empty((height, width), np.uint8)
    _expose(
        out,
        sharp,
        wide,
        soft,
        background.astype(np.float32),
        canvas.nm_per_px / artefacts.background_nm,
        stripes,
        np.array(
            [artefacts.contrast, artefacts.brightness, cytoplasm.grey, optics.gain_noise, optics.floor_noise**2],
            np.float32,
        ),
        grain,
        offsets[2:],
    )
    return Tile(out, stored, ids, canvas.classes, canvas.nm_per_px)


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
    for row, start in streams.open("streaks").random((artefacts.streaks, 2)):
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
