"""The raster: one whole number a pixel, the material it is made of. Image, masks and instances all follow from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from synthem.classes import Classes
from synthem.errors import SynthemError
from synthem.geometry import Points, fill, quantise
from synthem.organelles.base import Body, Region
from synthem.scene import perlin
from synthem.scene.tissue import EIGHTHS, Tissue

CYTOPLASM, MEMBRANE, CLEFT = 0, 1, 2
DIRECTIONS = 64
"""Directions for which a band's depth may be given."""
MOST_IDS = 65_535


@dataclass
class Materials:
    """A table with one row for each material."""

    grey: list[float] = field(default_factory=list)
    texture: list[float] = field(default_factory=list)
    blur_nm: list[float] = field(default_factory=list)
    bits: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)

    def add(self, grey: float, texture: float, blur_nm: float, bits: int, instance: int) -> int:
        """A row; gives its number."""
        self.grey.append(grey)
        self.texture.append(texture)
        self.blur_nm.append(blur_nm)
        self.bits.append(bits)
        self.ids.append(instance)
        return len(self.grey) - 1


class RasterCanvas:
    """Implements `organelles.base.Canvas` over a tile of any pixel size."""

    CYTOPLASM, MEMBRANE = CYTOPLASM, MEMBRANE

    def __init__(self, tissue: Tissue, size: tuple[int, int], nm_per_px: float, classes: Classes) -> None:
        self.tissue, self.nm_per_px, self.classes = tissue, nm_per_px, classes
        self.pixels: npt.NDArray[np.int32] = np.zeros(size, np.int32)
        """(y, x) material."""
        self.room: npt.NDArray[np.int16] = np.empty(size, np.int16)
        """(y, x) distance to the surface of the nearest membrane, 1/8 nm; negative inside it."""
        self.cells: npt.NDArray[np.int32] = np.empty(size, np.int32)
        """(y, x) number of the cell."""
        self.materials_table = Materials()
        self.halos: list[tuple[npt.NDArray[np.int32], float, float]] = []
        """Outline in 1/16 px, blur and reach in nm, of surroundings that are blurred."""
        self.ids = 0
        """Instance ids given so far."""
        self._open_id = False
        self._bit = {name: 1 << c for c, name in enumerate(classes.names)}

    def begin(self) -> None:
        """The next material belongs to a new instance."""
        self._open_id = False

    def material(
        self,
        grey: float,
        classes: tuple[str, ...] = (),
        *,
        texture: float = 1.0,
        blur_nm: float = 0.0,
        instance: bool = True,
        apart: bool = False,
    ) -> int:
        """See `organelles.base.Canvas.material`."""
        number = 0
        if instance:
            if apart or not self._open_id:
                self.ids += 1
                self._open_id = True
                self._check_ids()
            number = self.ids
        return self.materials_table.add(grey, texture, blur_nm, self._bits(classes), number)

    def materials(
        self,
        greys: Any,
        classes: tuple[str, ...] = (),
        *,
        texture: float = 1.0,
        blur_nm: float = 0.0,
        apart: bool = False,
    ) -> npt.NDArray[np.int64]:
        """See `organelles.base.Canvas.materials`."""
        n, table = len(greys), self.materials_table
        if apart:
            self.ids += n
            self._open_id = True
            self._check_ids()
        first = len(table.grey)
        table.grey.extend(greys.tolist())
        table.texture.extend([texture] * n)
        table.blur_nm.extend([blur_nm] * n)
        table.bits.extend([self._bits(classes)] * n)
        table.ids.extend(range(self.ids - n + 1, self.ids + 1))
        return np.arange(first, first + n)

    def _bits(self, classes: tuple[str, ...]) -> int:
        bits = 0
        for name in classes:
            bits |= self._bit[name]
        return bits

    def _check_ids(self) -> None:
        if self.ids > MOST_IDS:
            raise SynthemError(f"more than {MOST_IDS} instances in a tile; make tiles smaller or counts lower")

    def membranes(self, cleft_nm: float, cleft_from: float, offsets: Any, bank: Any) -> None:
        """Paint the tissue: membranes, their clefts, and the fields that later parts are cut by."""
        _paint_tissue(
            self.pixels,
            self.room,
            self.cells,
            self.tissue.room,
            self.tissue.clear,
            self.tissue.cells,
            self.nm_per_px / self.tissue.grid_nm,
            (cleft_nm / 2 + 5) * EIGHTHS if cleft_nm else 0.0,
            cleft_from * perlin.UNIT,
            offsets,
            bank,
        )

    def sweep(self, least_px: int) -> None:
        """Turn pieces of membrane smaller than that, which parts painted over it leave, into cytoplasm."""
        mask = ((self.pixels - MEMBRANE).view(np.uint32) <= CLEFT - MEMBRANE).view(np.uint8)
        kind = cv2.CV_16U if mask.size < 2**16 * 4 else cv2.CV_32S
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=kind)
        small = stats[:, cv2.CC_STAT_AREA] < least_px
        if small.any():
            self.pixels[small[labels]] = CYTOPLASM

    def region(self, body: Body, *, inside_cell: bool = True) -> Region:
        """See `organelles.base.Canvas.region`."""
        corners = quantise(body.outline, self.nm_per_px)
        top, left = (int(v) // 16 - 2 for v in corners.min(axis=0))
        bottom, right = (int(v) // 16 + 3 for v in corners.max(axis=0))
        raster = np.zeros((bottom - top, right - left), np.int32)
        fill(raster, corners - np.array([top * 16, left * 16], np.int32), 1, -1)
        mask = np.empty(raster.shape, np.uint8)
        gap = round(body.organelle.clearance_nm * EIGHTHS)
        cut = _clip(mask, raster, top, left, self.room, self.cells, body.cell if inside_cell else 0, gap)
        if cut:
            mask = _one_piece(mask)
        depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
        np.subtract(depth, 0.5, out=depth)
        depth *= np.float32(self.nm_per_px)
        return Region(top, left, depth)

    def band(self, region: Region, material: int, outer_nm: Any = 0.0, inner_nm: Any = None, over: int = -1) -> None:
        """See `organelles.base.Canvas.band`."""
        outer = _curve(outer_nm)
        inner = _curve(1e9 if inner_nm is None else inner_nm)
        height, width = region.depth_nm.shape
        _paint_band(
            self.pixels, region.depth_nm, region.y, region.x, height / 2, width / 2, outer, inner, material, over
        )

    def fill(self, outline: Points, material: int, over: int = -1) -> None:
        """See `organelles.base.Canvas.fill`."""
        fill(self.pixels, quantise(outline, self.nm_per_px), material, over)

    def strokes(self, segments: Any, widths: Any, material: int, over: int = -1) -> None:
        """See `organelles.base.Canvas.strokes`."""
        if len(segments):
            ends = np.rint(np.asarray(segments) * (16 / self.nm_per_px))
            radii = np.rint(np.asarray(widths) * (8 / self.nm_per_px))
            _paint_strokes(self.pixels, ends, radii, material, over)

    def ellipses(self, shapes: Any, materials: Any, over: int = -1) -> None:
        """See `organelles.base.Canvas.ellipses`."""
        if len(shapes):
            columns = np.asarray(shapes)
            fixed = np.rint(columns[:, :4] * (16 / self.nm_per_px))
            turn = np.rint(np.array([np.cos(columns[:, 4]), np.sin(columns[:, 4])]).T * 4096)
            _paint_ellipses(self.pixels, fixed, turn, np.asarray(materials), over)

    def around(self, outline: Points, blur_nm: float, reach_nm: float) -> None:
        """See `organelles.base.Canvas.around`."""
        if blur_nm > 0:
            self.halos.append((quantise(outline, self.nm_per_px), blur_nm, reach_nm))


def _curve(depth: Any) -> npt.NDArray[np.float64]:
    """A depth for each of the directions, whether one number or a curve of them was given."""
    return depth if isinstance(depth, np.ndarray) else np.full(DIRECTIONS, depth, np.float64)


def _one_piece(mask: Any) -> Any:
    """Without the spurs and splinters that cutting along a membrane leaves."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    n, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if n <= 2:
        return opened
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return (labels == largest).astype(np.uint8)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _paint_tissue(
    pixels: Any,
    room: Any,
    cells: Any,
    grid_room: Any,
    grid_clear: Any,
    grid_cells: Any,
    step: float,
    cleft: float,
    cleft_from: float,
    offsets: Any,
    bank: Any,
) -> None:
    """Interpolate the tissue to the pixels; membrane where the room is negative, its cleft along the centre line."""
    height, width = pixels.shape
    columns = grid_room.shape[1]
    left, near = np.empty(width, np.int64), np.empty(width, np.int64)
    part = np.empty(width, np.float32)
    for c in range(width):
        x = (c + 0.5) * step + 15.5
        left[c] = int(x)
        part[c] = x - left[c]
        near[c] = int(x + 0.5)
    room_row, clear_row = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for r in range(height):
        y = (r + 0.5) * step + 15.5
        i = int(y)
        fy = np.float32(y - i)
        k = int(y + 0.5)
        for j in range(columns):
            room_row[j] = grid_room[i, j] + fy * np.float32(grid_room[i + 1, j] - grid_room[i, j])
            clear_row[j] = grid_clear[i, j] + fy * np.float32(grid_clear[i + 1, j] - grid_clear[i, j])
        for c in range(width):
            j, fx = left[c], part[c]
            v = room_row[j] + fx * (room_row[j + 1] - room_row[j])
            cell = grid_cells[k, near[c]]
            room[r, c] = np.int16(np.floor(v))
            cells[r, c] = cell
            pixels[r, c] = 1 if v < 0 else 0  # also under organelles that are cells: they paint over it
        if cleft > 0:
            place_row = bank[int(y * 0.7 + offsets[0]) & 255]
            for c in range(width):
                if pixels[r, c] == 1 and room[r, c] < -48:
                    j, fx = left[c], part[c]
                    clear = clear_row[j] + fx * (clear_row[j + 1] - clear_row[j])
                    if clear < cleft and place_row[int(j * 0.7 + offsets[1]) & 255] > cleft_from:
                        pixels[r, c] = 2


@njit(cache=True)  # type: ignore[untyped-decorator]
def _clip(mask: Any, raster: Any, top: int, left: int, room: Any, cells: Any, cell: int, gap: int) -> int:
    """Mark what of an outline lies in its cell; gives how many pixels were cut off."""
    cut = 0
    height, width = room.shape
    for i in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            r, c = top + i, left + j
            inside = raster[i, j] == 1
            if inside and cell != 0:
                # beyond the tile's edge nothing is known of membranes: the outline goes on as it is
                rr, cc = min(max(r, 0), height - 1), min(max(c, 0), width - 1)
                inside = room[rr, cc] > gap and cells[rr, cc] == cell
                cut += not inside
            mask[i, j] = 1 if inside else 0
    return cut


@njit(cache=True)  # type: ignore[untyped-decorator]
def _paint_band(
    pixels: Any, depth: Any, top: int, left: int, cy: float, cx: float, outer: Any, inner: Any, material: int, over: int
) -> None:
    height, width = pixels.shape
    for i in range(max(0, -top), min(depth.shape[0], height - top)):
        for j in range(max(0, -left), min(depth.shape[1], width - left)):
            d = depth[i, j]
            if d <= 0:
                continue
            dy, dx = i + 0.5 - cy, j + 0.5 - cx
            # the "diamond angle": monotone in the true angle, and only divides
            size = abs(dy) + abs(dx)
            turn = 0.0
            if size > 0:
                turn = dy / size if dx >= 0 else 2 - dy / size
                if turn < 0:
                    turn += 4
            k = int(turn * 16) & 63
            if outer[k] < d <= inner[k] and (over < 0 or pixels[top + i, left + j] == over):
                pixels[top + i, left + j] = material


@njit(cache=True)  # type: ignore[untyped-decorator]
def _paint_strokes(pixels: Any, ends: Any, radii: Any, material: int, over: int) -> None:
    height, width = pixels.shape
    for s in range(ends.shape[0]):
        ay, ax, by, bx, radius = ends[s, 0], ends[s, 1], ends[s, 2], ends[s, 3], radii[s]
        dy, dx = by - ay, bx - ax
        length = dy * dy + dx * dx
        for r in range(max(0, int(min(ay, by) - radius) // 16), min(height, int(max(ay, by) + radius) // 16 + 1)):
            for c in range(max(0, int(min(ax, bx) - radius) // 16), min(width, int(max(ax, bx) + radius) // 16 + 1)):
                y, x = r * 16 + 8 - ay, c * 16 + 8 - ax
                t = 0.0
                if length > 0:
                    t = min(1.0, max(0.0, (y * dy + x * dx) / length))
                ey, ex = y - t * dy, x - t * dx
                if ey * ey + ex * ex <= radius * radius and (over < 0 or pixels[r, c] == over):
                    pixels[r, c] = material


@njit(cache=True)  # type: ignore[untyped-decorator]
def _paint_ellipses(pixels: Any, shapes: Any, turns: Any, materials: Any, over: int) -> None:
    height, width = pixels.shape
    for s in range(shapes.shape[0]):
        y0, x0, a, b = shapes[s, 0], shapes[s, 1], max(shapes[s, 2], 1.0), max(shapes[s, 3], 1.0)
        cos, sin = turns[s, 0] / 4096, turns[s, 1] / 4096
        reach = max(a, b)
        for r in range(max(0, int(y0 - reach) // 16), min(height, int(y0 + reach) // 16 + 1)):
            for c in range(max(0, int(x0 - reach) // 16), min(width, int(x0 + reach) // 16 + 1)):
                y, x = r * 16 + 8 - y0, c * 16 + 8 - x0
                u, v = (x * cos + y * sin) / a, (y * cos - x * sin) / b
                if u * u + v * v <= 1 and (over < 0 or pixels[r, c] == over):
                    pixels[r, c] = materials[s]


def size_px(size_nm: tuple[float, float], nm_per_px: float) -> tuple[int, int]:
    """Pixels of a tile at a pixel size."""
    return tuple(max(1, math.floor(s / nm_per_px + 0.5)) for s in size_nm)  # type: ignore[return-value]
