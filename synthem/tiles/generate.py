"""Many tiles of a recipe into a dataset folder, on all cores, resumed and extended."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthem.errors import SynthemError
from synthem.raster.camera import Tile
from synthem.raster.render import render
from synthem.recipe import Recipe
from synthem.scene.scene import Scene, compose
from synthem.tiles import codec
from synthem.tiles.card import card
from synthem.tiles.measure import measure
from synthem.tiles.pool import in_order, usable_cores
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
    if not -(2**63) <= seed < 2**63:
        raise SynthemError(f"seed: {seed} doesn't fit into 64 bits; name a smaller one")
    check_fit(recipe)
    started = time.perf_counter()
    requested: Counter[str] = Counter({item.label: 0 for item in recipe.organelles})
    placed: Counter[str] = Counter(requested)
    text = card(recipe.name, recipe.classes, "generated", recipe.description, command)
    with ShardWriter(Path(out), features(recipe.classes), header(recipe, seed, command), text, shard_bytes) as writer:
        before = len(writer)
        processes, chunk = share_out(recipe.size[0] * recipe.size[1], n - before, workers)
        for row, digest, asked, found in in_order(_Draw(recipe, seed), before, n, processes, chunk):
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
        "requested": _by_kind(scene.recipe, scene.requested),
        "placed": _by_kind(scene.recipe, scene.placed),
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


Made = tuple[Row, bytes, dict[str, int], dict[str, int]]
"""A row, the digest of its pixels, and what was asked for and placed, by name."""


@dataclass(frozen=True)
class _Draw:
    """The job of drawing tiles; sent to each worker once."""

    recipe: Recipe
    seed: int

    def __call__(self, index: int) -> Made:
        scene, tile = make_tile(self.recipe, self.seed, index)
        row, digest = make_row(self.recipe, self.seed, index, scene, tile)
        return row, digest, scene.requested, scene.placed

    def __reduce__(self) -> tuple[Any, ...]:
        return _draw, (self.recipe.to_json(), self.seed)


def _draw(recipe: dict[str, Any], seed: int) -> _Draw:
    return _Draw(Recipe.build(recipe), seed)


def share_out(pixels: int, todo: int, workers: int) -> tuple[int, int]:
    """Workers and chunk for some tiles of a size: as asked for, or as many as there is work for.

    Raises:
        SynthemError: a number below 0.
    """
    if workers < 0:
        raise SynthemError(f"workers: {workers}; name 1 or more, or 0 for every usable core")
    if workers == 0:
        workers = usable_cores() if todo * pixels > FEW_PIXELS else 1
    return workers, max(1, min(CHUNK_PIXELS // pixels, todo // (2 * workers) + 1))


def _by_kind(recipe: Recipe, numbers: dict[str, int]) -> dict[str, int]:
    """Numbers by name summed over the built-in kinds."""
    sums = dict.fromkeys(ORGANELLES, 0)
    for item in recipe.organelles:
        if item.kind in sums:
            sums[item.kind] += numbers[item.label]
    return sums
