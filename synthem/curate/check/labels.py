"""Faults that one picture shows by itself: its grey levels and its masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from synthem.classes import SIX, Classes
from synthem.curate.pictures import components

INSIDE = ("mitochondrial_boundary", "mitochondrion")
"""The first lies inside the second: the one pair of the built-in classes that isn't disjoint."""

Mark = tuple[str, str]
"""Kind of finding, and what it is about."""


@dataclass(frozen=True)
class Limits:
    """From where on something counts as a fault."""

    overlap_share: float = 0.02
    """Share of the smaller class's pixels in a picture that two disjoint classes may share; drawn tiles: none."""
    outside_share: float = 0.1
    """Share of a picture's mitochondrial boundary that may lie outside mitochondria; drawn tiles: none."""
    speck_px: int = 4
    """Components of fewer pixels are specks, unless the edge of the picture cuts them."""
    cut_px: int = 200
    """Smaller labels aren't taken for cut."""
    cut_share: float = 0.5
    """A label counts as cut where it touches one edge along at least this share of its own extent there."""


def disjoint_pairs(classes: Classes, meta: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Pairs of classes that may share no pixel.

    `synthem.json` may list the pairs that may overlap under `overlaps`; all others are then disjoint. Where it doesn't,
    the built-in classes are disjoint but for `INSIDE`, and nothing is known about other classes.
    """
    names = classes.names
    pairs = [(a, b) for a in range(len(names)) for b in range(a + 1, len(names))]
    declared = meta.get("overlaps")
    if declared is not None:
        allowed = {frozenset(pair) for pair in declared}
        return [(a, b) for a, b in pairs if frozenset((names[a], names[b])) not in allowed]
    built_in = {c for c, name in enumerate(names) if name in SIX.names}
    return [(a, b) for a, b in pairs if {a, b} <= built_in and {names[a], names[b]} != set(INSIDE)]


def look(
    image: npt.NDArray[np.uint8],
    planes: npt.NDArray[np.bool_],
    classes: Classes,
    disjoint: list[tuple[int, int]],
    recorded: Mapping[str, Any],
    drawn: bool,
    limits: Limits,
) -> Iterator[Mark]:
    """Faults of one picture (y, x) with masks (class, y, x).

    Args:
        image: grey levels.
        planes: its masks.
        classes: their names.
        disjoint: see `disjoint_pairs`.
        recorded: its `count` and `area_px`, class by class; None is not compared.
        drawn: whether the generator drew it: then masks are exact, and nothing is tolerated.
        limits: what is tolerated elsewhere.
    """
    if image.size == 0 or image.min() == image.max():
        yield "constant", "one grey level"
    boxes = [components(plane) for plane in planes]
    areas = [int(stats[:, cv2.CC_STAT_AREA].sum()) for _, stats in boxes]
    for a, b in disjoint:
        if areas[a] and areas[b]:
            shared = int(np.count_nonzero(planes[a] & planes[b]))
            if shared > (0 if drawn else limits.overlap_share * min(areas[a], areas[b])):
                yield "classes", f"{classes.names[a]} and {classes.names[b]} overlap"
    if set(INSIDE) <= set(classes.names):
        inner, outer = (classes.index(name) for name in INSIDE)
        outside = int(np.count_nonzero(planes[inner] & ~planes[outer])) if areas[inner] else 0
        if outside > (0 if drawn else limits.outside_share * areas[inner]):
            yield "outside", f"{INSIDE[0]} outside {INSIDE[1]}"
    for c, (labels, stats) in enumerate(boxes):
        name = classes.names[c]
        for key, value in (("count", len(stats)), ("area_px", areas[c])):
            held = recorded[key].get(name)
            if held is not None and held != value:
                yield "counts", f"{key} of {name} isn't that of the mask"
        if len(stats):
            free = ~_edges(stats, image.shape[0], image.shape[1]).any(axis=1)
            if (stats[free, cv2.CC_STAT_AREA] < limits.speck_px).any():
                yield "speck", f"{name} of fewer than {limits.speck_px} px"
            if not drawn and _any_cut(labels, stats, limits):
                yield "cut", f"{name} cut at the edge"


def _edges(stats: npt.NDArray[np.int32], height: int, width: int) -> npt.NDArray[np.bool_]:
    """(component, 4): whether it touches the top, bottom, left and right edge."""
    x, y, w, h = stats[:, :4].T
    return np.stack([y == 0, y + h == height, x == 0, x + w == width], axis=1)


def _any_cut(labels: npt.NDArray[np.int32], stats: npt.NDArray[np.int32], limits: Limits) -> bool:
    touching = _edges(stats, *labels.shape)
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    for i in np.flatnonzero((touching.sum(axis=1) == 1) & (stats[:, cv2.CC_STAT_AREA] >= limits.cut_px)):
        side = int(np.flatnonzero(touching[i])[0])
        extent = stats[i, cv2.CC_STAT_WIDTH if side < 2 else cv2.CC_STAT_HEIGHT]
        if np.count_nonzero(sides[side] == i + 1) >= limits.cut_share * extent:
            return True
    return False
