"""Many tiles of a recipe into a dataset folder, on all cores, resumed and extended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthem.errors import SynthemError
from synthem.raster.render import Tile, render
from synthem.recipe import Recipe
from synthem.scene.scene import Scene, compose
from synthem.tiles import codec
from synthem.tiles.card import card
from synthem.tiles.measure import measure
from synthem.tiles.schema import ORGANELLES, features, picture
from synthem.tiles.shards import SHARD_BYTES, Row, ShardWriter
from synthem.version import GENERATOR_VERSION, versions

CHUNK_PIXELS = 16 * 256 * 256
"""Pixels of the tiles that a worker makes before it hands them over."""
FEW_PIXELS = 150 * 256 * 256
"""Below this many pixels starting workers takes longer than it saves."""


@dataclass
class Generated:
    """What `generate` did."""

    out: str
    tiles: int
    """In the folder now."""
    new: int
    """Made by this call."""
    seconds: float
    requested: dict[str, int] = field(default_factory=dict)
    """Instances that the new tiles asked for, by organelle."""
    placed: dict[str, int] = field(default_factory=dict)
    """Instances that found a place."""
    fingerprint: str = ""
    """Of the pixels of the dataset."""

    @property
    def missing(self) -> dict[str, int]:
        """Instances that found no place, by organelle, where there are any."""
        return {k: n - self.placed[k] for k, n in self.requested.items() if n > self.placed[k]}


def generate(
    recipe: Recipe,
    n: int,
    out: str | Path,
    *,
    seed: int = 0,
    workers: int = 0,
    strict: bool = False,
    shard_bytes: int = SHARD_BYTES,
    command: str = "",
    advance: Callable[[int], object] = lambda _: None,
) -> Generated:
    """Write tiles 0 … n - 1 of a recipe as a dataset; goes on where an earlier call with the same recipe stopped.

    Args:
        recipe: what to draw.
        n: tiles that the folder shall hold; it may hold more already.
        out: folder of the dataset.
        seed: root seed.
        workers: processes; 0 for one on every usable core where the work is worth it.
        strict: stop at the first tile where something that was asked for found no place.
        shard_bytes: size of a shard.
        command: recorded in the dataset's card.
        advance: called with the number of tiles finished since the last call.

    Raises:
        SynthemError: a negative n, an organelle that can't fit the tile, a folder that holds something else, or with
            `strict` something that found no place.
    """
    if n < 0:
        raise SynthemError(f"n: {n} tiles; it can't be below 0")
    if workers < 0:
        raise SynthemError(f"workers: {workers}; name 1 or more, or 0 for every usable core")
    check_fit(recipe)
    started = time.perf_counter()
    requested: Counter[str] = Counter({item.label: 0 for item in recipe.organelles})
    placed: Counter[str] = Counter(requested)
    text = card(recipe.name, recipe.classes, "generated", recipe.description, command)
    with ShardWriter(Path(out), features(recipe.classes), header(recipe, seed, command), text, shard_bytes) as writer:
        before = len(writer)
        for row, digest, asked, found in _rows(recipe, seed, before, n, workers):
            if strict and asked != found:
                lacking = ", ".join(f"{k} {found[k]} of {asked[k]}" for k in asked if asked[k] != found[k])
                raise SynthemError(
                    f"tile {row['index']}: no place for all that was asked for ({lacking}); ask for less, "
                    "make tiles larger, or leave out --strict"
                )
            writer.append(row, digest)
            requested.update(asked)
            placed.update(found)
            advance(1)
    return Generated(
        str(out),
        max(n, before),
        max(n - before, 0),
        time.perf_counter() - started,
        dict(requested),
        dict(placed),
        writer.fingerprint,
    )


def make_tile(recipe: Recipe, seed: int, index: int) -> tuple[Scene, Tile]:
    """One tile and its scene, in memory."""
    scene = compose(recipe, seed, index)
    return scene, render(scene)


def make_row(recipe: Recipe, seed: int, index: int, scene: Scene, tile: Tile) -> tuple[Row, bytes]:
    """A tile as a row of the dataset, and the digest of its pixels."""
    count, area = measure(tile.stored, tile.classes)
    palette = tile.classes.palette() if tile.stored.dtype.itemsize == 1 else None
    row = {
        "image": picture(codec.encode(tile.image)),
        "mask": picture(codec.encode(tile.stored, palette)),
        "instances": picture(codec.encode(tile.instances)),
        "source": "synthetic",
        "dataset": recipe.name,
        "split": "train",
        "layer": f"{recipe.name}-{seed}-{index:06d}",
        "y": 0,
        "x": 0,
        "nm_per_px": tile.nm_per_px,
        "count": count,
        "area_px": area,
        "requested": _by_kind(recipe, scene.requested),
        "placed": _by_kind(recipe, scene.placed),
        "scene": scene.to_json(),
        "recipe": recipe.fingerprint,
        "seed": seed,
        "index": index,
    }
    return row, codec.digest(tile.image, tile.stored, tile.instances)


def header(recipe: Recipe, seed: int, command: str = "") -> dict[str, Any]:
    """What `synthem.json` declares of generated tiles."""
    return {
        "kind": "generated",
        "source": "synthetic",
        "name": recipe.name,
        "classes": recipe.classes.to_json(),
        "recipe_fingerprint": recipe.fingerprint,
        "recipe": recipe.to_json(),
        "seed": seed,
        "generator_version": GENERATOR_VERSION,
        "versions": versions(),
        "command": command,
    }


def check_fit(recipe: Recipe) -> None:
    """Refuse organelles whose smallest outline is larger than the tile.

    Raises:
        SynthemError: there is such an organelle.
    """
    from synthem.ranges import bounds

    side = min(recipe.size) * recipe.nm_per_px
    for item in recipe.organelles:
        if bounds(item.count)[1] <= 0:
            continue
        smallest = item.smallest_nm()
        if smallest > side:
            raise SynthemError(
                f"{recipe.name}: organelles.{item.label}: its smallest outline is {smallest:.0f} nm wide, "
                f"the tile only {side:.0f} nm; make it smaller or the tile larger"
            )


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


Made = tuple[Row, bytes, dict[str, int], dict[str, int]]


def _rows(recipe: Recipe, seed: int, start: int, stop: int, workers: int) -> Iterator[Made]:
    """Tiles in order, made here or by workers."""
    pixels = recipe.size[0] * recipe.size[1]
    if start >= stop:
        return
    if workers == 0:
        workers = usable_cores() if (stop - start) * pixels > FEW_PIXELS else 1
    with one_thread():
        if workers == 1:
            for index in range(start, stop):
                yield _make(recipe, seed, index)
            return
        # the first tile is made here: where kernels aren't compiled yet, that happens once and not in every worker
        yield _make(recipe, seed, start)
        chunk = max(1, min(CHUNK_PIXELS // pixels, (stop - start) // (2 * workers) + 1))
        yield from _in_pool(recipe, seed, start + 1, stop, workers, chunk)


def _in_pool(recipe: Recipe, seed: int, start: int, stop: int, workers: int, chunk: int) -> Iterator[Made]:
    """Chunks of tiles from a pool, in order, with a bounded number of them waiting."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _prepare, (recipe.to_json(), seed)) as pool:
        waiting: deque[Future[list[Made]]] = deque()
        following = start
        try:
            while waiting or following < stop:
                while following < stop and len(waiting) < 2 * workers:
                    until = min(following + chunk, stop)
                    waiting.append(pool.submit(_make_chunk, following, until))
                    following = until
                yield from waiting.popleft().result()
        except BrokenProcessPool:
            raise SynthemError(
                "a worker died (out of memory, or killed); run the same command again to go on"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_recipe: Recipe
_seed: int


def _prepare(recipe: dict[str, Any], seed: int) -> None:
    global _recipe, _seed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent tells its workers to stop
    import cv2

    cv2.setNumThreads(1)
    _recipe, _seed = Recipe.build(recipe), seed


def _make_chunk(start: int, stop: int) -> list[Made]:
    return [_make(_recipe, _seed, index) for index in range(start, stop)]


def _make(recipe: Recipe, seed: int, index: int) -> Made:
    scene, tile = make_tile(recipe, seed, index)
    row, digest = make_row(recipe, seed, index, scene, tile)
    return row, digest, scene.requested, scene.placed


def _by_kind(recipe: Recipe, numbers: dict[str, int]) -> dict[str, int]:
    """Numbers by name summed over the built-in kinds."""
    sums = dict.fromkeys(ORGANELLES, 0)
    for item in recipe.organelles:
        if item.kind in sums:
            sums[item.kind] += numbers[item.label]
    return sums


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV to one thread: on images of this size starting threads takes longer than it saves."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
