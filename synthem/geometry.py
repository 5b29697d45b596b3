"""Outlines in nanometres, and the one rule by which they become pixels.

Coordinates are (y, x). A pixel (r, c) is filled when its centre lies inside the outline, whose corners are first
rounded to 1/16 pixel: the same pixels on every processor.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

SUBPIXELS = 16
"""Outlines are rounded to this fraction of a pixel before they are filled."""

Points = npt.NDArray[np.float64]
"""(n, 2) positions (y, x) in nanometres."""


def closed_spline(corners: Points, per_segment: int = 6) -> Points:
    """A closed Catmull–Rom spline through the corners: (len(corners) · per_segment, 2)."""
    around = corners[_neighbours(len(corners))]
    points: Points = np.matmul(_spline_basis(per_segment), around).reshape(-1, 2)
    return points


@lru_cache
def _neighbours(n: int) -> npt.NDArray[np.int64]:
    """(n, 4) numbers of the corners before, at, after and after that, around each segment."""
    return (np.arange(n)[:, None] + np.arange(-1, 3)) % n


@lru_cache
def _spline_basis(per_segment: int) -> npt.NDArray[np.float64]:
    """Catmull & Rom 1974, with tension 1/2: (per_segment, 4) weights of the four corners around a segment."""
    t = np.arange(per_segment) / per_segment
    columns = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3)
    return 0.5 * np.stack(columns, axis=1)


def blob(radii: npt.NDArray[np.float64], flatten: float = 1.0, per_segment: int = 6) -> Points:
    """A closed spline through points at the given radii, at equal angles; `flatten` scales it along y."""
    angles = np.arange(len(radii)) * (2 * np.pi / len(radii))
    corners = np.array([radii * np.sin(angles) * flatten, radii * np.cos(angles)]).T
    return closed_spline(corners, per_segment)


def ellipse(half_y: float, half_x: float, corners: int = 32) -> Points:
    """A polygon on an ellipse around the origin."""
    angles = np.arange(corners) * (2 * np.pi / corners)
    return np.array([half_y * np.sin(angles), half_x * np.cos(angles)]).T


def pose(points: Points, y: float, x: float, angle: float) -> Points:
    """Points turned by `angle` (radians, from +x towards +y) about the origin, then moved to (y, x)."""
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    turned: Points = points @ np.array([[cos, -sin], [sin, cos]])
    turned += (y, x)
    return turned


@lru_cache
def steps(n: int) -> npt.NDArray[np.float64]:
    """n numbers from -1 to 1, evenly: places along an axis or a path. Not to be written to."""
    values = np.linspace(-1.0, 1.0, n)
    values.flags.writeable = False
    return values


def ribbon(path: Points, left: npt.NDArray[np.float64] | float, right: npt.NDArray[np.float64] | float) -> Points:
    """The closed outline of a band along an open path, `left` and `right` wide (one width, or one for each point).

    Left is the side of the normal (-dx, dy) turned from the direction of the path; widths may be negative.
    """
    normal = normals(path)
    band = np.empty((2 * len(path), 2))
    band[: len(path)] = path + normal * np.reshape(left, (-1, 1))
    band[len(path) :] = (path - normal * np.reshape(right, (-1, 1)))[::-1]
    return band


def normals(path: Points) -> Points:
    """Unit vectors across an open path, one at each point."""
    direction = np.empty_like(path)
    direction[1:-1] = path[2:] - path[:-2]
    direction[0], direction[-1] = path[1] - path[0], path[-1] - path[-2]
    direction /= np.maximum(np.hypot(direction[:, 0], direction[:, 1]), 1e-9)[:, None]
    return direction[:, ::-1] * (-1.0, 1.0)


def quantise(points: Points, nm_per_px: float, y_nm: float = 0.0, x_nm: float = 0.0) -> npt.NDArray[np.int32]:
    """Outline in 1/16 pixels of a raster whose corner is at (y_nm, x_nm)."""
    return np.rint((points - (y_nm, x_nm)) * (SUBPIXELS / nm_per_px)).astype(np.int32)


@njit(cache=True)  # type: ignore[untyped-decorator]
def fill(raster: Any, outline: Any, value: int, over: int) -> int:
    """Set pixels whose centre lies inside the outline (even-odd rule); gives how many were set.

    Args:
        raster: (y, x) of integers, written to.
        outline: (n, 2) int32 in 1/16 pixels.
        value: what to write.
        over: only where the raster holds this; -1 for everywhere.
    """
    height, width = raster.shape
    n = outline.shape[0]
    low, high = outline[0, 0], outline[0, 0]
    for i in range(1, n):
        low = min(low, outline[i, 0])
        high = max(high, outline[i, 0])
    first = max(0, (low - 8) // 16)
    last = min(height - 1, (high - 8) // 16 + 1)
    crossings = np.empty(n, np.float64)
    done = 0
    for row in range(first, last + 1):
        centre = row * 16 + 8
        k = 0
        for i in range(n):
            j = i + 1 if i + 1 < n else 0
            ya, yb = outline[i, 0], outline[j, 0]
            if (ya <= centre) != (yb <= centre):
                xa, xb = outline[i, 1], outline[j, 1]
                x = xa + (centre - ya) * (xb - xa) / (yb - ya)
                p = k
                while p > 0 and crossings[p - 1] > x:
                    crossings[p] = crossings[p - 1]
                    p -= 1
                crossings[p] = x
                k += 1
        for p in range(0, k - 1, 2):
            start = max(0, int(np.ceil((crossings[p] - 8) / 16)))
            stop = min(width, int(np.ceil((crossings[p + 1] - 8) / 16)))
            for column in range(start, stop):
                if over < 0 or raster[row, column] == over:
                    raster[row, column] = value
                    done += 1
    return done
