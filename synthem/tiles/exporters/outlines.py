"""Outlines of masks along the edges of their pixels: exact, and without holes, as COCO's polygons must be."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.int64]
"""(n, 2) corners (x, y) of a closed line; pixel (0, 0) lies between the coordinates 0 and 1."""


def outlines(mask: npt.NDArray[Any]) -> list[Ring]:
    """Polygons that cover a mask (y, x) pixel for pixel, none of which has a hole, touches itself or overlaps another.

    A part with a hole is cut in two down through the middle of the hole, as often as it takes.
    """
    rings: list[Ring] = []
    waiting = [(np.ascontiguousarray(mask != 0).view(np.uint8), 0, 0)]
    while waiting:
        plane, left, top = waiting.pop()
        count, labels, boxes, _ = cv2.connectedComponentsWithStats(plane, connectivity=4)
        for label in range(1, count):
            x, y, width, height = boxes[label, :4].tolist()
            part = labels[y : y + height, x : x + width] == label
            corners, first = _trace(part)
            cuts = _cuts(corners, first)
            if cuts:
                middle = cuts[len(cuts) // 2]
                for columns, start in ((part[:, :middle], 0), (part[:, middle:], middle)):
                    waiting.append((np.ascontiguousarray(columns).view(np.uint8), left + x + start, top + y))
            else:
                rings.append(corners + np.array([left + x, top + y]))
    return sorted(rings, key=lambda ring: ring.min(axis=0).tolist()[::-1])


def _cuts(corners: Ring, first: list[int]) -> list[int]:
    """Columns, in order, at each of which a cut opens a hole or parts a line that touches itself."""
    columns = []
    rings = np.split(corners, first[1:])
    outer = min(range(len(rings)), key=lambda i: int(rings[i][:, 0].min()))
    for i, ring in enumerate(rings):
        if i != outer:
            columns.append(int(ring[:, 0].min() + ring[:, 0].max()) // 2)
    places, visits = np.unique(corners, axis=0, return_counts=True)
    columns += places[visits > 1, 0].tolist()
    return sorted(columns)


def _trace(plane: npt.NDArray[np.bool_]) -> tuple[Ring, list[int]]:
    """Corners of all boundary lines of a plane, line after line, and where each line begins.

    Along a row of pixel edges the corners pair up as ends of horizontal edges, along a column as ends of vertical
    ones; following a corner to its partners in turn runs round a line. Where two pixels of the mask touch by their
    tips only, the corner counts twice, once for each pixel.
    """
    p = np.pad(plane, 1)
    nw, ne, sw, se = p[:-1, :-1], p[:-1, 1:], p[1:, :-1], p[1:, 1:]
    single = nw ^ ne ^ sw ^ se
    falling, rising = nw & se & ~ne & ~sw, ne & sw & ~nw & ~se
    one, fall, rise = (np.argwhere(at) for at in (single, falling, rising))
    corners = np.concatenate((one, fall, fall, rise, rise))
    sizes = (len(one), len(fall), len(fall), len(rise), len(rise))
    # Of a double corner, one pixel has the edge to the left and the other that to the right; likewise up and down.
    in_row = np.repeat([0, 0, 1, 1, 0], sizes)
    in_column = np.repeat([0, 0, 1, 0, 1], sizes)
    along_row = _partners(np.lexsort((in_row, corners[:, 1], corners[:, 0])))
    along_column = _partners(np.lexsort((in_column, corners[:, 0], corners[:, 1])))
    visited = [False] * len(corners)
    order: list[int] = []
    first: list[int] = []
    for start in range(len(corners)):
        if visited[start]:
            continue
        first.append(len(order))
        at = start
        while not visited[at]:
            for partners in (along_row, along_column):
                visited[at] = True
                order.append(at)
                at = partners[at]
    return corners[order][:, ::-1], first


def _partners(order: npt.NDArray[np.int64]) -> list[int]:
    partners = np.empty(len(order), np.int64)
    partners[order[0::2]], partners[order[1::2]] = order[1::2], order[0::2]
    return [int(i) for i in partners]
