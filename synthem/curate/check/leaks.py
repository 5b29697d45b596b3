"""What one side of a split knows of the other: shared layers, overlapping windows, neighbouring slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synthem.curate.check.findings import Finding
from synthem.curate.mix import Mix
from synthem.curate.names import TRAIN, UNUSED
from synthem.tiles.dataset import TileDataset

Slice = tuple[str, int]
"""Volume and z."""


@dataclass(frozen=True)
class Place:
    """Where a picture is from: a square or rectangle of a layer, px of that layer."""

    folder: str
    split: str
    dataset: str
    layer: str
    at: Slice | None
    y: float
    x: float
    height: float
    width: float

    def meets(self, other: Place) -> bool:
        """Whether two pictures of one layer share pixels."""
        return (
            self.y < other.y + other.height
            and other.y < self.y + self.height
            and self.x < other.x + other.width
            and other.x < self.x + self.width
        )


def places(held: TileDataset | Mix) -> Iterator[Place]:
    """Of every row of a dataset, or every window of a mix, whose split is `train`."""
    if isinstance(held, TileDataset):
        slices = slices_of(held)
        columns = (held.column(name) for name in ("split", "dataset", "layer", "y", "x"))
        for row, (split, dataset, layer, y, x) in enumerate(zip(*columns, strict=True)):
            height, width = held.size(row)
            yield Place(held.name, split, dataset, layer, slices.get(layer), y, x, height, width)
        return
    parts = [
        (slices_of(source.dataset), *(source.dataset.column(name) for name in ("dataset", "layer", "y", "x")))
        for source in held.sources
    ]
    index = held.index
    for s, row, y, x in zip(index.source.tolist(), index.row.tolist(), index.y.tolist(), index.x.tolist(), strict=True):
        slices, dataset, layer, ys, xs = parts[s]
        scale = held.sources.size(s, row)[0] / held.sources[s].dataset.size(row)[0]
        size = held.window / scale
        at = slices.get(layer[row])
        top, left = ys[row] + y / scale, xs[row] + x / scale
        yield Place(held.name, TRAIN, dataset[row], layer[row], at, top, left, size, size)


def find_leaks(held: Sequence[Place], gap: int) -> Iterator[Finding]:
    """Leaks between pictures of different splits; slices of a volume up to `gap` apart are neighbours."""
    layers: dict[tuple[str, str], dict[str, list[Place]]] = {}
    for place in held:
        if place.split == UNUSED:
            continue
        layers.setdefault((place.dataset, place.layer), {}).setdefault(place.split, []).append(place)
    same: list[str] = []
    overlapping: list[str] = []
    for (_, name), splits in layers.items():
        if len(splits) < 2:
            continue
        sides = list(splits.values())
        pairs = ((a, b) for i, one in enumerate(sides) for other in sides[i + 1 :] for a in one for b in other)
        meets = any(a.meets(b) for a, b in pairs)
        (overlapping if meets else same).append(f"{name} ({' and '.join(sorted(splits))})")
    everywhere = ", ".join(dict.fromkeys(place.folder for place in held))
    if same:
        yield Finding("same-layer", everywhere, "layers on both sides of a split", tuple(same))
    if overlapping:
        yield Finding("overlap", everywhere, "layers whose windows overlap across a split", tuple(overlapping))
    near = tuple(_neighbours(layers, gap))
    if near:
        yield Finding("neighbours", everywhere, f"slices at most {gap} apart in different splits", near)


def _neighbours(layers: dict[tuple[str, str], dict[str, list[Place]]], gap: int) -> Iterator[str]:
    volumes: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for (dataset, layer), splits in layers.items():
        for split, there in splits.items():
            at = there[0].at
            if at is not None:
                volumes.setdefault((dataset, at[0]), []).append((at[1], layer, split))
    for slices in volumes.values():
        slices.sort()
        for i, (z, layer, split) in enumerate(slices):
            for z_other, other, split_other in slices[i + 1 :]:
                if z_other - z > gap:
                    break
                if split != split_other and layer != other:
                    yield f"{layer} ({split}) and {other} ({split_other})"


def slices_of(dataset: TileDataset) -> dict[str, Slice]:
    """Volume and z of every layer that `synthem.json` lists with a z."""
    return {
        layer["name"]: (str(layer.get("volume", "")), int(layer["z"]))
        for layer in dataset.meta.get("layers") or ()
        if layer.get("z") is not None
    }
