"""Checking datasets: every picture once, then all of them against each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthem.curate.check.findings import KINDS, Finding
from synthem.curate.check.labels import Limits, Mark, disjoint_pairs, look
from synthem.curate.check.leaks import Place, find_leaks, places
from synthem.curate.duplicates import SYMMETRIES, find_duplicates, thumbnail
from synthem.curate.names import UNUSED
from synthem.curate.pictures import grey, open_pictures
from synthem.errors import SynthemError, unknown_name
from synthem.tiles import codec
from synthem.tiles.dataset import TileDataset
from synthem.tiles.pool import one_thread

_AT_A_TIME = 64


@dataclass(frozen=True)
class _Seen:
    """What is kept of a picture."""

    marks: tuple[Mark, ...]
    digest: bytes
    thumb: npt.NDArray[np.float32] | None
    """None for pictures that no duplicates are looked for of: constant and unreadable ones."""


def check(
    folders: Sequence[str | Path] | str | Path,
    *,
    skip: Collection[str] = (),
    gap: int = 1,
    limits: Limits | None = None,
    advance: Callable[[int], object] = lambda n: None,
) -> list[Finding]:
    """Look for everything in `KINDS`.

    Args:
        folders: datasets and mixes. Leaks and duplicates are looked for across all of them. A mix counts as split
            `train`; its pixels are checked where they lie, in its sources.
        skip: kinds that aren't looked for.
        gap: slices of a volume that are at most so many z apart count as neighbours.
        limits: what counts as a fault.
        advance: called with the number of pictures that were looked at since the last call.

    Raises:
        SynthemError: no dataset there, or an unknown kind.
    """
    for kind in skip:
        if kind not in KINDS:
            raise unknown_name("--skip", kind, KINDS)
    if gap < 0:
        raise SynthemError(f"--gap {gap}: 0 or more slices")
    opened = [open_pictures(folder) for folder in ([folders] if isinstance(folders, str | Path) else folders)]
    datasets = [held for held in opened if isinstance(held, TileDataset)]
    held_places = [list(places(held)) for held in opened]
    found = list(find_leaks([place for part in held_places for place in part], gap))
    thumbs: list[npt.NDArray[np.float32]] = []
    origins: list[tuple[TileDataset, int, Place]] = []
    for dataset in datasets:
        there = held_places[opened.index(dataset)]
        seen = _look_at(dataset, limits or Limits(), advance)
        found += _gather(dataset, seen, there)
        for row, one in enumerate(seen):
            if one.thumb is not None:
                thumbs.append(one.thumb)
                origins.append((dataset, row, there[row]))
    if "duplicate" not in skip:
        found += _duplicates(thumbs, origins)
    order = list(KINDS)
    return sorted((f for f in found if f.kind not in skip), key=lambda f: order.index(f.kind))


def _look_at(dataset: TileDataset, limits: Limits, advance: Callable[[int], object]) -> list[_Seen]:
    disjoint = disjoint_pairs(dataset.classes, dataset.meta)
    recorded = [dataset.column(name) for name in ("count", "area_px")]
    drawn = [source == "synthetic" for source in dataset.column("source")]

    def one(row: int) -> _Seen:
        try:
            image, stored, instances = dataset.image(row), dataset.stored(row), dataset.instances(row)
        except SynthemError:
            return _Seen((("unreadable", "images that can't be read"),), b"", None)
        shades = grey(image)
        counts = {"count": recorded[0][row], "area_px": recorded[1][row]}
        planes = dataset.classes.unpack(stored)
        marks = tuple(dict.fromkeys(look(shades, planes, dataset.classes, disjoint, counts, drawn[row], limits)))
        flat = shades.size == 0 or shades.min() == shades.max()
        return _Seen(marks, codec.digest(image, stored, instances), None if flat else thumbnail(shades))

    seen: list[_Seen] = []
    with one_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(dataset), _AT_A_TIME):
            rows = range(start, min(start + _AT_A_TIME, len(dataset)))
            seen += pool.map(one, rows)
            advance(len(rows))
    return seen


def _gather(dataset: TileDataset, seen: Sequence[_Seen], there: Sequence[Place]) -> list[Finding]:
    """Marks by kind, and the shards whose pixels aren't those that were written."""
    where: dict[Mark, list[str]] = {}
    for row, one in enumerate(seen):
        for mark in one.marks:
            where.setdefault(mark, []).append(there[row].layer or f"row {row}")
    folder = dataset.name
    found = [Finding(kind, folder, what, tuple(names)) for (kind, what), names in where.items()]
    before, start, changed = "", 0, []
    for shard in dataset.meta["shards"]:
        digests = [one.digest for one in seen[start : start + shard["rows"]]]
        if codec.chain(before, digests) != shard["fingerprint"]:
            changed.append(shard["file"])
        before, start = shard["fingerprint"], start + shard["rows"]
    if changed:
        found.append(Finding("pixels", folder, "pixels differ from the recorded fingerprint", tuple(changed)))
    return found


def _duplicates(thumbs: list[npt.NDArray[np.float32]], origins: list[tuple[TileDataset, int, Place]]) -> list[Finding]:
    def read(i: int) -> npt.NDArray[np.uint8]:
        dataset, row, _ = origins[i]
        return grey(dataset.image(row))

    def expected(i: int, j: int) -> bool:
        """Slices of one volume resemble each other, which harms only where a split lies between them."""
        one, other = origins[i][2], origins[j][2]
        if one.at is None or other.at is None or one.split != other.split or one.dataset != other.dataset:
            return False
        return one.at[0] == other.at[0] and one.at[1] != other.at[1]

    def name(i: int) -> str:
        _, row, place = origins[i]
        return f"{place.layer or f'row {row}'} ({place.split})"

    by_place: dict[Any, list[str]] = {}
    for pair in find_duplicates(thumbs, read, expected):
        splits = {origins[i][2].split for i in (pair.first, pair.second)}
        folders = ", ".join(dict.fromkeys(origins[i][0].name for i in (pair.first, pair.second)))
        what = "pictures that show the same" + (" in different splits" if len(splits - {UNUSED}) > 1 else "")
        text = f"{name(pair.first)} and {name(pair.second)}, {SYMMETRIES[pair.symmetry]}"
        by_place.setdefault((folders, what), []).append(text)
    return [Finding("duplicate", folders, what, tuple(pairs)) for (folders, what), pairs in by_place.items()]
