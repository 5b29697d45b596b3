"""Stored scenes with another appearance: the same masks, other pixels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from synthem.errors import SynthemError
from synthem.raster.camera import Tile
from synthem.raster.render import render
from synthem.recipe import MAX_PX, Recipe
from synthem.scene.scene import Scene, recompose
from synthem.tiles.card import card
from synthem.tiles.dataset import TileDataset
from synthem.tiles.generate import Generated, header, make_row, share_out
from synthem.tiles.pool import in_order
from synthem.tiles.schema import features
from synthem.tiles.shards import Row, ShardWriter


def repaint(
    folder: str | Path,
    appearance: Recipe,
    out: str | Path,
    *,
    nm_per_px: float | None = None,
    workers: int = 0,
    command: str = "",
    advance: Callable[[int], object] = lambda _: None,
) -> Generated:
    """Paint the tiles of a dataset again with the grey levels, optics and artefacts of another recipe.

    Args:
        folder: a dataset that `generate` or `repaint` wrote.
        appearance: whose looks to use, matched to the organelles by name, else by kind.
        out: folder of the new dataset; gone on with where it holds the beginning of the same.
        nm_per_px: another pixel size: then with masks of that scale.
        workers: processes; 0 for one on every usable core where the work is worth it.
        command: recorded in the dataset's card.
        advance: called with the number of tiles finished since the last call.

    Raises:
        SynthemError: the folder holds no scenes, or `out` holds something else.
    """
    started = time.perf_counter()
    source = TileDataset.open(folder)
    job = _Repaint(Path(folder), appearance, nm_per_px)
    if nm_per_px is not None:
        _check_scale(job.scene_recipe, nm_per_px)
    content = {
        **header(appearance, int(source.meta.get("seed", 0)), command),
        "kind": "repainted",
        "source": source.fingerprint,
        "classes": source.meta["classes"],
        "scene_recipe": job.scene_recipe.to_json(),
        "nm_per_px": nm_per_px,
    }
    text = card(appearance.name, source.classes, "repainted", appearance.description, command)
    with ShardWriter(Path(out), features(source.classes), content, text) as writer:
        before = len(writer)
        size = job.scene_recipe.size
        processes, chunk = share_out(size[0] * size[1], len(source) - before, workers)
        for row, digest in in_order(job, before, len(source), processes, chunk):
            writer.append(row, digest)
            advance(1)
    seconds = time.perf_counter() - started
    return Generated(str(out), len(source), len(source) - before, seconds, fingerprint=writer.fingerprint)


@dataclass(frozen=True)
class _Repaint:
    """The job of painting stored scenes; sent to each worker once."""

    folder: Path
    appearance: Recipe
    nm_per_px: float | None

    @cached_property
    def source(self) -> TileDataset:
        """The dataset, opened where the job runs."""
        return TileDataset.open(self.folder)

    @cached_property
    def scene_recipe(self) -> Recipe:
        """The recipe that the scenes were drawn from."""
        meta = self.source.meta
        stored = meta.get("scene_recipe", meta.get("recipe"))
        if stored is None:
            raise SynthemError(
                f"{self.folder}: holds no scenes (it is {meta['kind']}); only generated tiles can be repainted"
            )
        return Recipe.build(stored, str(self.folder))

    def __call__(self, number: int) -> tuple[Row, bytes]:
        stored = self.source.row(number)
        scene: Scene = recompose(stored["scene"], self.scene_recipe, stored["seed"], stored["index"])
        tile: Tile = render(scene, self.appearance, self.nm_per_px)
        row, digest = make_row(self.appearance, stored["seed"], stored["index"], scene, tile)
        return {**row, "layer": stored["layer"]}, digest

    def __reduce__(self) -> tuple[Any, ...]:
        return _repaint, (self.folder, self.appearance.to_json(), self.nm_per_px)


def _check_scale(recipe: Recipe, nm_per_px: float) -> None:
    if not 0.5 <= nm_per_px <= 100:
        raise SynthemError(f"nm_per_px: {nm_per_px:g}; a pixel is 0.5 to 100 nm wide")
    height, width = (round(side * recipe.nm_per_px / nm_per_px) for side in recipe.size)
    if not 1 <= min(height, width) <= max(height, width) <= MAX_PX:
        raise SynthemError(
            f"nm_per_px: {nm_per_px:g} makes tiles of {height} × {width} pixels; 1 to {MAX_PX} can be drawn"
        )


def _repaint(folder: Path, appearance: dict[str, Any], nm_per_px: float | None) -> _Repaint:
    return _Repaint(folder, Recipe.build(appearance), nm_per_px)
