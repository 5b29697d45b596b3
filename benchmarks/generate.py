"""What a tile costs: CPU time for each stage and each organelle, and tiles a second with 1 and 2 workers.

    python benchmarks/generate.py [--recipes dense epfl] [--tiles 200] [--json FILE]

CPU time is of one thread, warm, in milliseconds. The density of the tiles stands beside it: a sparse tile is cheaper.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from synthem.organelles.base import Organelle
from synthem.raster.camera import expose
from synthem.raster.render import rasterise
from synthem.recipe import Recipe
from synthem.scene.scene import _Composer, compose
from synthem.tiles.generate import generate, make_row
from synthem.tiles.pool import one_thread
from synthem.version import versions


def stages(recipe: Recipe, n: int) -> dict[str, Any]:
    """CPU time of each stage over n tiles, and what the tiles hold."""
    spent: dict[str, list[float]] = defaultdict(list)
    areas, vesicles = np.zeros(len(recipe.classes)), []
    placed: dict[str, int] = defaultdict(int)
    for index in range(-5, n):  # the first five warm up kernels and banks
        clock = [time.thread_time()]
        scene = compose(recipe, 0, abs(index))
        clock.append(time.thread_time())
        canvas = rasterise(scene, recipe.nm_per_px, recipe)
        clock.append(time.thread_time())
        tile = expose(canvas, scene, recipe)
        clock.append(time.thread_time())
        make_row(recipe, 0, abs(index), scene, tile)
        clock.append(time.thread_time())
        if index < 0:
            continue
        for name, a, b in zip(("compose", "rasterise", "expose", "encode and count"), clock, clock[1:], strict=False):
            spent[name].append(1000 * (b - a))
        spent["image, masks, instances"].append(1000 * (clock[3] - clock[0]))
        spent["and encoded"].append(1000 * (clock[4] - clock[0]))
        areas += tile.masks.mean(axis=(1, 2))
        vesicles.append(sum(len(body.detail.get("discs", ())) for body in scene.bodies))
        for name, number in scene.placed.items():
            placed[name] += number
    quantiles = {
        name: {"median_ms": round(float(np.median(v)), 2), "p95_ms": round(float(np.percentile(v, 95)), 2)}
        for name, v in spent.items()
    }
    density: dict[str, Any] = {f"{k} a tile": round(v / n, 2) for k, v in placed.items()}
    density["vesicle discs a tile, median (least)"] = [float(np.median(vesicles)), min(vesicles)]
    density["area, %"] = dict(zip(recipe.classes.names, (100 * areas / n).round(2).tolist(), strict=True))
    return {"stages": quantiles, "density": density}


def organelles(recipe: Recipe, n: int) -> dict[str, float]:
    """CPU time of placing and painting one instance of each organelle, milliseconds."""
    spent: dict[str, float] = defaultdict(float)
    times: dict[str, int] = defaultdict(int)
    place = _Composer._place

    def timed(self: _Composer, item: Organelle, k: int) -> bool:
        start = time.thread_time()
        try:
            return place(self, item, k)
        finally:
            spent[item.label] += time.thread_time() - start
            times[item.label] += 1

    _Composer._place = timed  # type: ignore[method-assign]
    try:
        for index in range(n):
            scene = compose(recipe, 0, index)
            for body in scene.bodies:
                drawn, paint = body.organelle, type(body.organelle).paint

                def painted(*args: Any, drawn: Any = drawn, paint: Any = paint) -> None:
                    start = time.thread_time()
                    paint(drawn, *args)
                    spent[drawn.label] += time.thread_time() - start

                object.__setattr__(drawn, "paint", painted)
            rasterise(scene, recipe.nm_per_px, recipe)
    finally:
        _Composer._place = place  # type: ignore[method-assign]
    return {name: round(1000 * spent[name] / times[name], 3) for name in times}


def throughput(recipe: Recipe, n: int) -> dict[str, float]:
    """Tiles a second of the whole `generate`, shards written, start of the workers left in."""
    speeds = {}
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            generate(recipe, n, Path(folder) / "tiles", workers=workers)
            speeds[f"{workers} workers"] = round(n / (time.perf_counter() - start), 1)
    return speeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=["dense", "epfl"])
    parser.add_argument("--tiles", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = {"versions": versions()}
    with one_thread():
        for name in options.recipes:
            recipe = Recipe.load(name)
            result[name] = stages(recipe, options.tiles)
            result[name]["organelles_ms"] = organelles(recipe, min(options.tiles, 60))
            result[name]["tiles_a_second"] = throughput(recipe, max(options.tiles, 300))
    text = json.dumps(result, indent=2)
    if options.json:
        options.json.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
