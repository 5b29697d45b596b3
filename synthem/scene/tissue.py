"""The cells of a tile and how far every point is from their membranes: the field from which all placement follows.

The tissue is computed on a grid of its own, 10 nm wide whatever the pixel size, with a margin around the tile. Lengths
on the grid are whole eighths of a nanometre, so that every processor gives the same masks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from synthem.geometry import Points, fill, quantise
from synthem.organelles.membranes import Membranes
from synthem.scene import perlin

GRID_NM = 10.0
"""Width of the tissue's grid, nm; a tile with larger pixels takes its own."""
MARGIN = 16
"""Grid cells around the tile."""
OPEN = 20_000_000
"""Numbers of placed cells that others may stand in start here; those of the diagram are lower."""
EIGHTHS = 8
"""Stored units in a nanometre."""
FAR = 2550
"""Clearance where there are no membranes, 1/8 nm; with the grid of 10 nm also the largest that is told apart."""
_NORMAL = NormalDist()


@dataclass
class Tissue:
    """Cells and membranes of one tile. Grid point (0, 0) lies at (-MARGIN + ½) · grid_nm of the tile."""

    grid_nm: float
    cells: npt.NDArray[np.int32]
    """(gy, gx) number of the cell."""
    clear: npt.NDArray[np.int16]
    """(gy, gx) distance to the centre of the nearest membrane, 1/8 nm, smoothed."""
    room: npt.NDArray[np.int16]
    """(gy, gx) distance to the surface of the nearest membrane, 1/8 nm; negative inside it."""

    @property
    def origin_nm(self) -> float:
        """Where the grid's corner lies, on both axes."""
        return -MARGIN * self.grid_nm

    def at(self, y_nm: float, x_nm: float) -> tuple[int, int]:
        """The grid point nearest to a position, inside the grid."""
        rows, columns = self.cells.shape
        row = math.floor((y_nm - self.origin_nm) / self.grid_nm)
        column = math.floor((x_nm - self.origin_nm) / self.grid_nm)
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)


def grow(
    membranes: Membranes | None,
    size_nm: tuple[float, float],
    grid_nm: float,
    rng: np.random.Generator,
    bank: npt.NDArray[np.int16],
    closed: dict[int, Points],
) -> Tissue:
    """Cells and membranes around the outlines of those organelles that are cells themselves.

    Args:
        membranes: drawn parameters, or None for one cell without membranes.
        size_nm: height and width of the tile, nm.
        grid_nm: width of the grid, nm.
        rng: the stream of the tissue.
        bank: see `perlin.bank`.
        closed: outlines, nm, that become cells of their own, by the cell's number; nothing stands in one below 0.
    """
    rows, columns = (math.ceil(s / grid_nm) + 2 * MARGIN for s in size_nm)
    cells = np.ones((rows, columns), np.int32)
    corner = -MARGIN * grid_nm
    if membranes is None:
        for number, outline in closed.items():
            fill(cells, quantise(outline, grid_nm, corner, corner), number, -1)
        clear = np.full((rows, columns), FAR, np.int16)
        return Tissue(grid_nm, cells, clear, clear)
    m, offsets = membranes, rng.random((6, 2)) * perlin.SIZE
    turn, ray_draws = rng.random() * math.pi, rng.random((64, 3))
    along, across = 1 / math.sqrt(max(m.stretch, 1e-3)), math.sqrt(max(m.stretch, 1e-3))
    cos, sin = math.cos(turn), math.sin(turn)
    frame = np.array([[across * cos, -across * sin], [along * sin, along * cos]]) / m.spacing_nm
    reach = 3 * (m.warp_nm + m.wrinkle_nm)
    span_nm = np.array(
        [
            [y, x]
            for y in (corner - reach, size_nm[0] - corner + reach)
            for x in (corner - reach, size_nm[1] - corner + reach)
        ]
    )
    corners = span_nm @ frame.T
    first = np.floor(corners.min(axis=0)).astype(np.int64) - 2
    span = np.ceil(corners.max(axis=0)).astype(np.int64) + 3 - first
    seeds = 0.1 + 0.8 * rng.random((*span, 2))
    groups = _groups(m, span, seeds, rng)
    waves = np.array(
        [perlin.CELL / m.warp_length_nm, m.warp_nm, perlin.CELL / m.wrinkle_length_nm, m.wrinkle_nm], np.float64
    )
    _diagram(cells, grid_nm, corner, frame, waves, offsets, bank, seeds, groups, first)
    for number, outline in closed.items():
        fill(cells, quantise(outline, grid_nm, corner, corner), number, -1)
    apart = _borders(cells)
    if m.rays:
        _draw_rays(apart, list(closed.values()), m.rays, ray_draws, grid_nm, corner)
    distance = cv2.distanceTransform(apart, cv2.DIST_L2, 5)
    # two box sums of whole numbers: exact on every processor, and close to a Gaussian of the rounding's radius
    near = (np.minimum(distance, 31.375) * 8 + 4).astype(np.uint8)
    box = min(2 * round(math.sqrt(6 * (m.rounding_nm / grid_nm) ** 2 + 1) / 2 - 0.5) + 1, 15)
    once = cv2.boxFilter(near, cv2.CV_16U, (box, box), normalize=False)
    smooth = cv2.boxFilter(once, cv2.CV_32S, (box, box), normalize=False)
    clear, room = np.empty(cells.shape, np.int16), np.empty(cells.shape, np.int16)
    shape = np.array(
        [
            perlin.CELL / m.thickness_length_nm,
            m.thickness_nm / 2,
            m.thickness_spread,
            threshold(m.blotch_share),
            m.blotch_nm,
            threshold(m.tear_share),
        ],
        np.float64,
    )
    lift = 0.8 * grid_nm * math.sqrt((box**2 - 1) / 6)
    _measure(smooth, grid_nm / (8 * box**4), lift, grid_nm, corner, shape, offsets[4:], bank, clear, room)
    return Tissue(grid_nm, cells, clear, room)


def threshold(share: float) -> float:
    """Standard deviations above which a share of the noise lies."""
    return 1e9 if share <= 0 else -1e9 if share >= 1 else _NORMAL.inv_cdf(1 - share)


def _groups(m: Membranes, span: Any, seeds: Any, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Which cell each seed belongs to."""
    rows, columns = int(span[0]), int(span[1])
    groups = np.arange(2, 2 + rows * columns, dtype=np.int32).reshape(rows, columns)
    pair, whole = rng.random((rows, columns)), rng.random((rows, columns))
    merged = np.where(pair < m.pair_share, np.roll(groups, -1, axis=1), groups)
    wide = max(m.process_spacing, 1.0)
    shape = (int(rows / wide) + 3, int(columns / wide) + 3)
    _join(merged, seeds, wide, rng.random((*shape, 2)), whole[: shape[0], : shape[1]] < m.process_share)
    return merged


@njit(cache=True)  # type: ignore[untyped-decorator]
def _join(groups: Any, seeds: Any, wide: float, centres: Any, whole: Any) -> None:
    """Give all seeds of a whole process one group."""
    rows, columns = groups.shape
    down, right = whole.shape
    for r in range(rows):
        for c in range(columns):
            y, x = (r + seeds[r, c, 0]) / wide + 1, (c + seeds[r, c, 1]) / wide + 1
            best, by, bx = 1e18, 0, 0
            for i in range(max(0, int(y) - 1), min(down, int(y) + 2)):
                for j in range(max(0, int(x) - 1), min(right, int(x) + 2)):
                    d = (i + centres[i, j, 0] - y) ** 2 + (j + centres[i, j, 1] - x) ** 2
                    if d < best:
                        best, by, bx = d, i, j
            if whole[by, bx]:
                groups[r, c] = 10_000_000 + by * right + bx


STEP = 4
"""Smooth fields are evaluated at every fourth grid point and interpolated."""


@njit(cache=True)  # type: ignore[untyped-decorator]
def _nearest(seeds: Any, v: float, u: float) -> int:
    """Flat number of the seed nearest to a point, among the nine around it; there is one in every unit square."""
    down, right = seeds.shape[0], seeds.shape[1]
    vi, ui = min(max(int(v), 1), down - 2), min(max(int(u), 1), right - 2)
    best, found = 1e18, 0
    for k in range(vi - 1, vi + 2):
        for n in range(ui - 1, ui + 2):
            dy, dx = k + seeds[k, n, 0] - v, n + seeds[k, n, 1] - u
            d = dy * dy + dx * dx
            if d < best:
                best, found = d, k * right + n
    return found


@njit(cache=True)  # type: ignore[untyped-decorator]
def _diagram(
    cells: Any,
    grid: float,
    corner: float,
    frame: Any,
    waves: Any,
    offsets: Any,
    bank: Any,
    seeds: Any,
    groups: Any,
    first: Any,
) -> None:
    """Number every grid point by the group of its nearest seed, seen through the warp and the stretch."""
    rows, columns = cells.shape
    right = groups.shape[1]
    nodes = np.empty((rows // STEP + 2, columns // STEP + 2, 2))
    for i in range(nodes.shape[0]):
        for j in range(nodes.shape[1]):
            y, x = corner + (STEP * i + 0.5) * grid, corner + (STEP * j + 0.5) * grid
            wy, wx = y * waves[0], x * waves[0]
            fy, fx = y * waves[2], x * waves[2]
            yy = y + waves[1] * perlin.sample(bank, wy + offsets[0, 0], wx + offsets[0, 1])
            xx = x + waves[1] * perlin.sample(bank, wy + offsets[1, 0], wx + offsets[1, 1])
            yy += waves[3] * perlin.sample(bank, fy + offsets[2, 0], fx + offsets[2, 1])
            xx += waves[3] * perlin.sample(bank, fy + offsets[3, 0], fx + offsets[3, 1])
            nodes[i, j, 0] = frame[0, 0] * yy + frame[0, 1] * xx - first[0]
            nodes[i, j, 1] = frame[1, 0] * yy + frame[1, 1] * xx - first[1]
    nearest = np.empty(nodes.shape[:2], np.int64)
    for i in range(nodes.shape[0]):
        for j in range(nodes.shape[1]):
            nearest[i, j] = _nearest(seeds, nodes[i, j, 0], nodes[i, j, 1])
    for i in range(nodes.shape[0] - 1):
        for j in range(nodes.shape[1] - 1):
            one = nearest[i, j]
            # cells are convex but for the warp, so a square whose corners agree lies in one cell
            same = one == nearest[i, j + 1] and one == nearest[i + 1, j] and one == nearest[i + 1, j + 1]
            for r in range(i * STEP, min(rows, (i + 1) * STEP)):
                fr = (r % STEP) / STEP
                v0 = nodes[i, j, 0] + fr * (nodes[i + 1, j, 0] - nodes[i, j, 0])
                v1 = nodes[i, j + 1, 0] + fr * (nodes[i + 1, j + 1, 0] - nodes[i, j + 1, 0])
                u0 = nodes[i, j, 1] + fr * (nodes[i + 1, j, 1] - nodes[i, j, 1])
                u1 = nodes[i, j + 1, 1] + fr * (nodes[i + 1, j + 1, 1] - nodes[i, j + 1, 1])
                for c in range(j * STEP, min(columns, (j + 1) * STEP)):
                    seed = one
                    if not same:
                        fc = (c % STEP) / STEP
                        seed = _nearest(seeds, v0 + fc * (v1 - v0), u0 + fc * (u1 - u0))
                    cells[r, c] = groups[seed // right, seed % right]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _borders(cells: Any) -> Any:
    """0 where a neighbour on the right or below belongs to another cell, 1 elsewhere; both sides of a border are 0."""
    rows, columns = cells.shape
    apart = np.ones((rows, columns), np.uint8)
    for r in range(rows):
        for c in range(columns):
            if c + 1 < columns and cells[r, c] != cells[r, c + 1]:
                apart[r, c] = 0
                apart[r, c + 1] = 0
            if r + 1 < rows and cells[r, c] != cells[r + 1, c]:
                apart[r, c] = 0
                apart[r + 1, c] = 0
    return apart


@njit(cache=True)  # type: ignore[untyped-decorator]
def _measure(
    near: Any,
    unit: float,
    lift: float,
    grid: float,
    corner: float,
    shape: Any,
    offsets: Any,
    bank: Any,
    clear: Any,
    room: Any,
) -> None:
    """Clearance, and clearance less the membrane's half thickness, both in 1/8 nm."""
    rows, columns = near.shape
    halves = np.empty((rows // STEP + 2, columns // STEP + 2))
    for i in range(halves.shape[0]):
        for j in range(halves.shape[1]):
            y, x = (corner + (STEP * i + 0.5) * grid) * shape[0], (corner + (STEP * j + 0.5) * grid) * shape[0]
            wave = perlin.sample(bank, y + offsets[0, 0], x + offsets[0, 1])
            rare = perlin.sample(bank, 0.6 * y + offsets[1, 0], 0.6 * x + offsets[1, 1])
            swell = 1 + 0.5 * shape[2] * wave  # its square varies like an exponential, and is the same everywhere
            half = shape[1] * swell * swell
            if rare > shape[3]:
                half += shape[4] * (rare - shape[3])
            elif -rare > shape[5]:
                half *= max(0.0, 1 - 3 * (-rare - shape[5]))
            halves[i, j] = half
    for r in range(rows):
        i, fr = r // STEP, (r % STEP) / STEP
        for c in range(columns):
            j, fc = c // STEP, (c % STEP) / STEP
            left = halves[i, j] + fr * (halves[i + 1, j] - halves[i, j])
            right = halves[i, j + 1] + fr * (halves[i + 1, j + 1] - halves[i, j + 1])
            # smoothing lifts a straight ridge by about 0.8 of its radius; taking that back leaves lines where they
            # were and rounds only the corners, where less than that was added
            lifted = near[r, c] * unit
            nm = np.sqrt(max(lifted * lifted - lift * lift, 0.0))
            clear[r, c] = int(nm * EIGHTHS)
            room[r, c] = int((nm - (left + fc * (right - left))) * EIGHTHS)


def _draw_rays(apart: Any, closed: list[Points], rays: float, draws: Any, grid: float, corner: float) -> None:
    """Membranes that start at corners of the closed outlines and run outwards."""
    for k, outline in enumerate(closed):
        centre = outline.mean(axis=0)
        for turn, reach, bend in draws[(8 * k) % 64 : (8 * k) % 64 + round(rays)]:
            start = outline[int(turn * len(outline))]
            out = (start - centre) / max(float(np.hypot(*(start - centre))), 1.0)
            side = np.array([-out[1], out[0]])
            t = np.linspace(0, 1, 12)[:, None]
            path = start + out * t * (100 + 300 * reach) + side * (t**2) * (bend - 0.5) * 300
            cv2.polylines(apart, [quantise(path, grid, corner, corner)[:, ::-1]], False, 0, 2, shift=4)
