"""Compiled searches over the tissue's grid: where an outline fits, where a membrane runs, where discs go.

Arrays are (gy, gx); positions count grid cells from the grid's corner, lengths in the tissue are 1/8 nm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from synthem.geometry import fill

STEP = 1.5
"""Grid cells between two points of a traced membrane."""
OUTSIDE = -(10**9)
"""No cell: the grid has ended."""
BESIDE = 5.0
"""Grid cells that a membrane is away from what it parts."""
STRAIGHT = 0.93
"""Least chord over length of the membrane under a PSD: synapses are gently bowed, not folded."""
RIM = np.array([[0, 1], [0.71, 0.71], [1, 0], [0.71, -0.71], [0, -1], [-0.71, -0.71], [-1, 0], [-0.71, 0.71]])
"""Eight directions around a disc."""


@njit(cache=True)  # type: ignore[untyped-decorator]
def survey_kernel(scratch: Any, corners: Any, taken: Any, cells: Any, room: Any, cell: int, gap: int) -> Any:
    """Count under an outline, by way of a scratch raster that is clean before and after."""
    rows, columns = scratch.shape
    fill(scratch, corners, 1, -1)
    top, bottom = max(0, corners[:, 0].min() // 16 - 1), min(rows, corners[:, 0].max() // 16 + 2)
    left, right = max(0, corners[:, 1].min() // 16 - 1), min(columns, corners[:, 1].max() // 16 + 2)
    inside, free, blocked = 0, 0, 0
    for r in range(top, bottom):
        for c in range(left, right):
            if scratch[r, c]:
                scratch[r, c] = 0
                inside += 1
                if taken[r, c]:
                    blocked += 1
                elif room[r, c] > gap and (cell == 0 or cells[r, c] == cell):
                    free += 1
    return inside, free, blocked


@njit(cache=True)  # type: ignore[untyped-decorator]
def search_kernel(
    scratch: Any,
    outline: Any,
    draws: Any,
    edge: float,
    height: float,
    width: float,
    grid: float,
    taken: Any,
    cells: Any,
    room: Any,
    need: int,
    gap: int,
    fit: float,
    crowd: bool,
    turns: Any,
) -> Any:
    rows, columns = taken.shape
    corners = np.empty(outline.shape, np.int32)
    for i in range(draws.shape[0]):
        y, x = edge + draws[i, 0] * (height - 2 * edge), edge + draws[i, 1] * (width - 2 * edge)
        r, c = int(np.floor(y / grid)) + 16, int(np.floor(x / grid)) + 16
        if not (0 <= r < rows and 0 <= c < columns) or taken[r, c] or room[r, c] < need or cells[r, c] < 0:
            continue
        for turn in turns:
            angle = draws[i, 2] * 2 * np.pi + turn
            cos, sin = np.cos(angle), np.sin(angle)
            for k in range(outline.shape[0]):
                corners[k, 0] = int(np.rint(((y + outline[k, 0] * cos + outline[k, 1] * sin) / grid + 16) * 16))
                corners[k, 1] = int(np.rint(((x - outline[k, 0] * sin + outline[k, 1] * cos) / grid + 16) * 16))
            # most poses fail, and show it at a few corners already
            bad = 0
            for k in range(8):
                q = k * outline.shape[0] // 8
                qr, qc = corners[q, 0] // 16, corners[q, 1] // 16
                if 0 <= qr < rows and 0 <= qc < columns:
                    if taken[qr, qc] and not crowd:
                        bad = 9
                    elif room[qr, qc] <= gap or cells[qr, qc] != cells[r, c]:
                        bad += 1
            if bad > 9.5 - 8 * fit:
                continue
            inside, free, blocked = survey_kernel(scratch, corners, taken, cells, room, cells[r, c], gap)
            if inside > 0 and (crowd or blocked == 0) and free >= fit * inside:
                return y, x, angle, i
    return 0.0, 0.0, 0.0, -1


@njit(cache=True)  # type: ignore[untyped-decorator]
def ridges_kernel(cells: Any, taken: Any) -> Any:
    """Flat indices of grid points in the tile where one ordinary cell borders on another."""
    rows, columns = cells.shape
    found = np.empty(rows * columns, np.int64)
    n = 0
    for r in range(17, rows - 17):
        for c in range(17, columns - 17):
            if taken[r, c] or cells[r, c] < 0:
                continue
            beside, below = cells[r, c + 1], cells[r + 1, c]
            if (beside != cells[r, c] and beside > 0) or (below != cells[r, c] and below > 0):
                found[n] = r * columns + c
                n += 1
    return found[:n]


@njit(inline="always")  # type: ignore[untyped-decorator]
def bilinear(values: Any, y: float, x: float) -> float:
    """Value between grid points; (y, x) counts cells from the grid's corner, whose centres lie at ½."""
    rows, columns = values.shape
    y, x = min(max(y - 0.5, 0.0), rows - 1.001), min(max(x - 0.5, 0.0), columns - 1.001)
    r, c = int(y), int(x)
    fy, fx = y - r, x - c
    top = values[r, c] * (1 - fx) + values[r, c + 1] * fx
    bottom = values[r + 1, c] * (1 - fx) + values[r + 1, c + 1] * fx
    return float(top * (1 - fy) + bottom * fy)


@njit(cache=True)  # type: ignore[untyped-decorator]
def tangent(clear: Any, y: float, x: float) -> float:
    """The direction in which the clearance stays lowest, of sixteen."""
    best, found = 1e18, 0.0
    for k in range(16):
        a = k * np.pi / 16
        dy, dx = np.sin(a), np.cos(a)
        total = 0.0
        for s in (-4.0, -2.0, 2.0, 4.0):
            total += bilinear(clear, y + s * dy, x + s * dx)
        if total < best:
            best, found = total, a
    return found


@njit(cache=True)  # type: ignore[untyped-decorator]
def flanked(cells: Any, path: Any, beside: float) -> bool:
    """Whether the two cells beside the middle of a path lie so many grid cells away from three quarters of it."""
    rows, columns = cells.shape
    middle = path.shape[0] // 2
    left0, right0, same, votes = OUTSIDE, OUTSIDE, 0, 0
    for k in range(-1, path.shape[0], 2):
        i = middle if k < 0 else k  # the middle first: it says which cells are wanted
        a, b = max(0, i - 1), min(path.shape[0] - 1, i + 1)
        ty, tx = path[b, 0] - path[a, 0], path[b, 1] - path[a, 1]
        norm = max(np.sqrt(ty * ty + tx * tx), 1e-9)
        ny, nx = -beside * tx / norm, beside * ty / norm
        r, c = int(np.floor(path[i, 0] + ny)), int(np.floor(path[i, 1] + nx))
        r2, c2 = int(np.floor(path[i, 0] - ny)), int(np.floor(path[i, 1] - nx))
        if not (0 <= r < rows and 0 <= c < columns and 0 <= r2 < rows and 0 <= c2 < columns):
            continue
        if k < 0:
            left0, right0 = cells[r, c], cells[r2, c2]
        votes += 1
        same += cells[r, c] == left0 and cells[r2, c2] == right0
    return left0 > 0 and right0 > 0 and left0 != right0 and same * 4 >= votes * 3


@njit(cache=True)  # type: ignore[untyped-decorator]
def trace_kernel(clear: Any, cells: Any, y: float, x: float, angle: float, steps: int, reach: float) -> Any:
    """Follow a membrane both ways from a point; gives the path in grid cells, and whether it runs through.

    Each step of 1.5 cells is corrected towards the lowest clearance across the path; the direction follows slowly. The
    path fails where the membrane ends, folds, or parts other cells than in its middle.
    """
    path = np.empty((2 * steps + 1, 2))
    dy0, dx0 = np.sin(angle), np.cos(angle)
    path[steps, 0], path[steps, 1] = y, x
    limit = reach + bilinear(clear, y, x)
    for way in (-1, 1):
        py, px, dy, dx = y, x, way * dy0, way * dx0
        for s in range(1, steps + 1):
            best, by, bx = 1e18, py, px
            for k in range(-3, 4):
                o = 0.4 * k
                ny, nx = py + STEP * dy - o * dx, px + STEP * dx + o * dy
                v = bilinear(clear, ny, nx) + 8.0 * abs(o)
                if v < best:
                    best, by, bx = v, ny, nx
            if best > limit:
                return path, False
            ty, tx = by - py, bx - px
            norm = max(np.sqrt(ty * ty + tx * tx), 1e-9)
            dy, dx = 0.6 * dy + 0.4 * ty / norm, 0.6 * dx + 0.4 * tx / norm
            norm = max(np.sqrt(dy * dy + dx * dx), 1e-9)
            dy, dx = dy / norm, dx / norm
            py, px = by, bx
            path[steps + way * s, 0], path[steps + way * s, 1] = py, px
    chord = np.sqrt((path[-1, 0] - path[0, 0]) ** 2 + (path[-1, 1] - path[0, 1]) ** 2)
    straight = chord > STRAIGHT * STEP * 2 * steps
    return path, straight and flanked(cells, path, BESIDE)


@njit(cache=True)  # type: ignore[untyped-decorator]
def search_ridges_kernel(
    ridges: Any,
    draws: Any,
    following: int,
    clear: Any,
    cells: Any,
    taken: Any,
    edge: float,
    steps: int,
    reach: float,
    beside: float,
) -> Any:
    rows, columns = cells.shape
    for i in range(following, draws.shape[0]):
        flat = ridges[int(draws[i, 0] * ridges.shape[0])]
        y, x = flat // columns + 0.5, flat % columns + 0.5
        if min(y, rows - y, x, columns - x) < 16 + edge:
            continue
        angle = tangent(clear, y, x)
        if draws[i, 2] < 0.5:
            angle += np.pi
        path, ok = trace_kernel(clear, cells, y, x, angle, steps, reach)
        ok = ok and (beside <= BESIDE or flanked(cells, path, beside))
        for k in range(path.shape[0]):
            r, c = int(path[k, 0]), int(path[k, 1])
            ok = ok and 0 <= r < rows and 0 <= c < columns and taken[r, c] == 0
        if ok:
            return y, x, angle, i + 1
    return 0.0, 0.0, 0.0, -1


@njit(cache=True)  # type: ignore[untyped-decorator]
def disc_fits(
    y: float, x: float, clearance: float, reach: float, grid: float, taken: Any, cells: Any, room: Any, cell: int
) -> bool:
    """Whether a disc lies free in its cell: far enough from membranes, and nothing taken under its rim or centre."""
    rows, columns = taken.shape
    gy, gx = y / grid + 16, x / grid + 16
    r, c = int(np.floor(gy)), int(np.floor(gx))
    if not (0 <= r < rows and 0 <= c < columns) or taken[r, c] or cells[r, c] < 0:
        return False
    if (cell != 0 and cells[r, c] != cell) or bilinear(room, gy, gx) < clearance * 8:
        return False
    span = reach / grid
    for k in range(8):
        rr, cc = int(np.floor(gy + span * RIM[k, 0])), int(np.floor(gx + span * RIM[k, 1]))
        if 0 <= rr < rows and 0 <= cc < columns and taken[rr, cc]:
            return False
    return True


@njit(cache=True)  # type: ignore[untyped-decorator]
def pack_kernel(
    discs: Any,
    spots: Any,
    radii: Any,
    count: int,
    gap: float,
    wall: float,
    grid: float,
    taken: Any,
    cells: Any,
    room: Any,
    cell: int,
) -> int:
    """Take each spot in turn where a disc fits, slid aside where another is in its way."""
    n = 0
    for i in range(spots.shape[0]):
        if n >= count:
            break
        y, x, radius = spots[i, 0], spots[i, 1], radii[i]
        for _ in range(4):
            touched = -1
            for j in range(n):
                dy, dx, least = discs[j, 0] - y, discs[j, 1] - x, discs[j, 2] + radius + gap
                if dy * dy + dx * dx < least * least - 1e-6:
                    touched = j
                    break
            if touched < 0:
                if disc_fits(y, x, radius + wall, radius + gap, grid, taken, cells, room, cell):
                    discs[n, 0], discs[n, 1], discs[n, 2] = y, x, radius
                    n += 1
                break
            # slide away from the disc in the way until both just touch: vesicles crowd in chains and clumps
            dy, dx = y - discs[touched, 0], x - discs[touched, 1]
            far = max(np.sqrt(dy * dy + dx * dx), 1e-3)
            least = (discs[touched, 2] + radius + gap) / far
            y, x = discs[touched, 0] + dy * least, discs[touched, 1] + dx * least
    return n


@njit(cache=True)  # type: ignore[untyped-decorator]
def stamp(taken: Any, discs: Any, margin: float, grid: float) -> None:
    rows, columns = taken.shape
    for i in range(discs.shape[0]):
        y, x, reach = discs[i, 0] / grid + 16, discs[i, 1] / grid + 16, (discs[i, 2] + margin) / grid
        for r in range(max(0, int(y - reach)), min(rows, int(y + reach) + 1)):
            for c in range(max(0, int(x - reach)), min(columns, int(x + reach) + 1)):
                if (r + 0.5 - y) ** 2 + (c + 0.5 - x) ** 2 <= reach * reach:
                    taken[r, c] = 1
