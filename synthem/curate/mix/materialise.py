"""The pixels of a mix's windows as a dataset of their own, for publishing or for carrying away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from synthem.curate.mix.card import card
from synthem.curate.mix.cuts import Cuts
from synthem.curate.mix.index import Index
from synthem.curate.mix.reader import Mix
from synthem.curate.mix.sources import Sources
from synthem.tiles import codec
from synthem.tiles.dataset import TileDataset
from synthem.tiles.measure import measure
from synthem.tiles.origins import joined
from synthem.tiles.schema import features, picture
from synthem.tiles.shards import Row, write_rows
from synthem.tiles.windows import cut

FOLDER = "tiles"
_OF_WHOLE_TILES = ("requested", "placed", "scene", "recipe", "seed", "index")


def materialise(folder: Path, meta: dict[str, Any], cuts: Cuts, sources: Sources) -> tuple[list[dict[str, Any]], Index]:
    """Write `folder/tiles`; gives the sources and the index that point into it.

    A class that a window's source never labelled has null for its count and area; a scene goes with whole tiles only.
    """
    unlabelled = [
        n for n, known in zip(sources.classes.names, np.any(sources.known, axis=0).tolist(), strict=True) if not known
    ]
    header = {
        "kind": "mix",
        "classes": meta["classes"],
        "seed": meta["seed"],
        "unknown_classes": unlabelled,
        "mix": meta["fingerprint"],
        "class_weights": meta["class_weights"],
        "nm_per_px": meta["nm_per_px"],
        "origins": [origin.to_json() for origin in joined(source.dataset for source in sources)],
    }
    columns = features(sources.classes)
    fingerprint = write_rows(folder / FOLDER, columns, header, card(meta), _rows(meta, cuts, sources))
    declared = [{**source, "path": FOLDER, "fingerprint": fingerprint} for source in meta["sources"]]
    n = len(cuts)
    nowhere = np.zeros(n, np.int32)
    return declared, Index(cuts.index.source, np.arange(n, dtype=np.int32), nowhere, nowhere)


def copied(mix: Mix, scratch: Path) -> TileDataset:
    """The windows of a mix with their pixels: those that lie in it, else written into a folder `tiles` of `scratch`."""
    if mix.meta["request"]["copy"]:
        return TileDataset.open(mix.folder / FOLDER)
    measured = [measure(mix.stored(i), mix.classes) for i in range(len(mix))]
    count, area = (np.array([list(pair[k].values()) for pair in measured], np.int64) for k in (0, 1))
    materialise(scratch, mix.meta, Cuts(mix.index, count, area), mix.sources)
    return TileDataset.open(scratch / FOLDER)


def _rows(meta: dict[str, Any], cuts: Cuts, sources: Sources) -> Iterator[tuple[Row, bytes]]:
    classes, size, index = sources.classes, int(meta["window"]), cuts.index
    palette = classes.palette()
    for i in range(len(cuts)):
        s, row, y, x = (int(column[i]) for column in (index.source, index.row, index.y, index.x))
        source, known = sources[s], sources.known[s]
        image, stored = (np.ascontiguousarray(plane) for plane in sources.window(s, row, y, x, size))
        instances = _instances(sources, s, row, y, x, size)
        held = source.dataset.row(row)
        whole = sources.size(s, row) == (size, size) == source.dataset.size(row)

        def table(values: npt.NDArray[np.int64], known: npt.NDArray[np.bool_] = known) -> dict[str, int | None]:
            return {n: int(v) if k else None for n, v, k in zip(classes.names, values, known, strict=True)}

        cell = {
            "image": picture(codec.encode(image)),
            "mask": picture(codec.encode(stored, palette)),
            "instances": picture(None if instances is None else codec.encode(instances)),
            "source": source.kind,
            "dataset": held["dataset"],
            "split": held["split"],
            "layer": held["layer"],
            "y": y,
            "x": x,
            "nm_per_px": held["nm_per_px"] if sources.nm_per_px is None else sources.nm_per_px,
            "count": table(cuts.count[i]),
            "area_px": table(cuts.area_px[i]),
            **{name: held[name] if whole else None for name in _OF_WHOLE_TILES},
        }
        yield cell, codec.digest(image, stored, instances)


def _instances(sources: Sources, source: int, row: int, y: int, x: int, size: int) -> npt.NDArray[np.uint16] | None:
    held = sources[source].dataset.instances(row)
    if held is None:
        return None
    height, width = sources.size(source, row)
    if held.shape != (height, width):
        held = np.asarray(cv2.resize(held, (width, height), interpolation=cv2.INTER_NEAREST), np.uint16)
    return np.ascontiguousarray(cut(held, y, x, (size, size)))
