"""What annotators do wrong, object by object. An object is an 8-connected component of a class.

Each error comes in two forms of the same size. A systematic one is the same in every image: every outline is off by as
much and to the same side, the smallest objects are the ones left out, a class is always taken for the same other one. A
random one is drawn for each object: its outline is grown or shrunk, its shift points anywhere, chance decides what is
left out and what it is taken for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from synthem.classes import Classes
from synthem.curate.check.labels import INSIDE
from synthem.curate.pictures import components
from synthem.errors import SynthemError, unknown_name

Kind = Literal["grow", "shrink", "shift", "smooth", "leave-out", "swap", "points"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FARTHEST_PX = 200
"""Largest strength in pixels: more than the radius of any organelle, and little enough for memory."""
OUTLINES = ("grow", "shrink", "shift", "smooth")
"""Kinds whose strength is in pixels; that of the others is a share of the objects, 0 to 1."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Corruption:
    """One kind of error."""

    kind: Kind
    """`grow`, `shrink`, `shift` or `smooth` outlines; `leave-out` objects; `swap` them to another class; `points` in
    place of outlines."""
    strength: float
    """px that an outline moves (`smooth`: radius of the disc it is opened and closed with), or the share of the objects
    that are left out, swapped or made points. 0 changes nothing."""
    classes: tuple[str, ...] = ()
    """Classes that are corrupted; none named means all."""
    systematic: bool = False
    """The same error in every image, instead of one drawn for each object."""
    to: str | None = None
    """`swap`: the class that objects are taken for. None: the next one (systematic), or any other (random)."""
    radius_px: int = 2
    """`points`: radius of a point."""

    def check(self, classes: Classes) -> None:
        """Make sure that it can be applied to these classes.

        Raises:
            SynthemError: an unknown kind or class, or a strength out of range.
        """
        if self.kind not in KINDS:
            raise unknown_name("corruption", self.kind, KINDS)
        highest, unit = (FARTHEST_PX, " px") if self.kind in OUTLINES else (1, "")
        if not 0 <= self.strength <= highest:
            raise SynthemError(f"--{self.kind} {self.strength:g}: 0 to {highest}{unit}")
        if not 0 <= self.radius_px <= FARTHEST_PX:
            raise SynthemError(f"--radius {self.radius_px}: 0 to {FARTHEST_PX} px")
        for name in (*self.classes, *((self.to,) if self.to else ())):
            classes.index(name)
        if self.kind == "swap" and len(swappable(classes)) < 2:
            raise SynthemError("--swap: there is no other class to swap with")
        if self.to is not None and classes.index(self.to) not in swappable(classes):
            raise SynthemError(f"--to {self.to}: lies inside another class; name that one or a third")

    def to_json(self) -> dict[str, Any]:
        """As `synthem.json` records it."""
        return asdict(self) | {"classes": list(self.classes)}


def swappable(classes: Classes) -> list[int]:
    """Classes that an object can be taken for: all but the one that lies inside another."""
    return [c for c, name in enumerate(classes.names) if not (name == INSIDE[0] and INSIDE[1] in classes.names)]


def corrupt_masks(
    masks: Mask,
    corruption: Corruption,
    classes: Classes,
    disjoint: Sequence[tuple[int, int]],
    rng: np.random.Generator,
    bias: np.random.Generator,
) -> Mask:
    """The masks (class, y, x) with one kind of error in them.

    Disjoint classes stay disjoint: a changed object takes no pixel that one of another class has. Mitochondrial
    boundary stays inside mitochondria, and goes with them.

    Args:
        masks: are not changed.
        corruption: what goes wrong.
        classes: names of the masks.
        disjoint: pairs of classes that may share no pixel.
        rng: for what is drawn for each object; one for each image.
        bias: for what is the same in every image; must be in the same state for each image.
    """
    corruption.check(classes)
    after = masks.copy()
    if not corruption.strength:
        return after
    angle = bias.uniform(0, 2 * np.pi)
    rivals = [[b if a == c else a for a, b in disjoint if c in (a, b)] for c in range(len(classes))]
    for c in [classes.index(name) for name in corruption.classes] or range(len(classes)):
        labels, stats = components(masks[c])
        if corruption.kind in OUTLINES:
            _reshape(after, masks, c, labels, stats, rivals[c], corruption, angle, rng)
        else:
            _replace(after, c, labels, stats, rivals, corruption, classes, rng)
    if set(INSIDE) <= set(classes.names):
        inner, outer = (classes.index(name) for name in INSIDE)
        after[inner] &= after[outer] | (masks[inner] & ~masks[outer])
    return after


def _reshape(
    after: Mask,
    before: Mask,
    c: int,
    labels: npt.NDArray[np.int32],
    stats: npt.NDArray[np.int32],
    rivals: Sequence[int],
    corruption: Corruption,
    angle: float,
    rng: np.random.Generator,
) -> None:
    """Put every object of a class back in its changed shape. At the edge of the image an object is taken to go on."""
    taken = np.zeros(labels.shape, bool)
    for r in rivals:
        taken |= before[r] | after[r]
    taken &= ~before[c]
    after[c] = False
    margin = int(np.ceil(2 * corruption.strength)) + 2
    padded = cv2.copyMakeBorder(labels, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    for i, (x, y, width, height) in enumerate(stats[:, :4].tolist()):
        box = np.s_[y : y + height + 2 * margin, x : x + width + 2 * margin]
        shape = _outline((padded[box] == i + 1).astype(np.uint8), corruption, angle, rng) != 0
        top, left = max(margin - y, 0), max(margin - x, 0)
        there = np.s_[max(y - margin, 0) : y + height + margin, max(x - margin, 0) : x + width + margin]
        high, wide = taken[there].shape
        after[c][there] |= shape[top : top + high, left : left + wide] & ~taken[there]


def _outline(
    shape: npt.NDArray[np.uint8], corruption: Corruption, angle: float, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """One object (y, x) with another outline."""
    size, systematic = corruption.strength, corruption.systematic
    if corruption.kind == "smooth":
        radius = round(size if systematic else rng.uniform(0, 2 * size))
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        closed = cv2.morphologyEx(shape, cv2.MORPH_CLOSE, disc)
        return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc), np.uint8)
    if corruption.kind == "shift":
        towards = angle if systematic else rng.uniform(0, 2 * np.pi)
        dy, dx = round(size * np.sin(towards)), round(size * np.cos(towards))
        move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        return np.asarray(cv2.warpAffine(shape, move, shape.shape[::-1], flags=cv2.INTER_NEAREST), np.uint8)
    outwards = corruption.kind == "grow" if systematic else rng.random() < 0.5
    distance = cv2.distanceTransform(1 - shape if outwards else shape, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= size if outwards else distance > size, np.uint8)


def _choose(corruption: Corruption, areas: npt.NDArray[np.int32], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Objects that are hit: each with a probability, or, systematically, that share of them, the smallest first."""
    if corruption.systematic:
        return np.argsort(areas, kind="stable")[: round(corruption.strength * len(areas))]
    return np.flatnonzero(rng.random(len(areas)) < corruption.strength)


def _replace(
    after: Mask,
    c: int,
    labels: npt.NDArray[np.int32],
    stats: npt.NDArray[np.int32],
    rivals: list[list[int]],
    corruption: Corruption,
    classes: Classes,
    rng: np.random.Generator,
) -> None:
    """Leave objects out, give them to another class, or make points of them."""
    others = [k for k in swappable(classes) if k != c]
    following = others[sum(k < c for k in others) % len(others)] if others else c
    for i in _choose(corruption, stats[:, cv2.CC_STAT_AREA], rng):
        x, y, width, height = stats[i, :4].tolist()
        there = np.s_[:, y : y + height, x : x + width]
        view, shape = after[there], labels[there[1:]] == i + 1
        if corruption.kind == "swap":
            drawn = following if corruption.systematic else int(rng.choice(others))
            target = drawn if corruption.to is None else classes.index(corruption.to)
            if target == c or c not in swappable(classes):
                continue
            if classes.names[c] == INSIDE[1] and INSIDE[0] in classes.names:
                view[classes.index(INSIDE[0])] &= ~shape
            view[c] &= ~shape
            view[target] |= shape & ~np.any(view[rivals[target]], axis=0)
        else:
            view[c] &= ~shape
            if corruption.kind == "points":
                view[c] |= _point(shape, corruption.radius_px)


def _point(shape: Mask, radius: int) -> Mask:
    """A disc about the object's innermost pixel, within the object."""
    distance = cv2.distanceTransform(np.pad(shape, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), shape.shape)
    disc = np.zeros(shape.shape, np.uint8)
    cv2.circle(disc, (int(x), int(y)), radius, 1, -1)
    return np.asarray((disc != 0) & shape)
