"""Which layers and which tiles a mix takes, in which order: exact numbers, and more always contain fewer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from synthem.curate.mix.cuts import Cuts
from synthem.curate.mix.sources import Sources
from synthem.curate.names import TRAIN
from synthem.errors import SynthemError
from synthem.seeds import stream
from synthem.tiles.dataset import TileDataset

Layers = int | str | Sequence[str] | None
"""How many layers of the nested order (None: all), or names of layers or of selections that a dataset declares."""

Layer = tuple[int, str, list[int]]
"""Source, name, rows."""


def pick_layers(sources: Sources, wanted: Layers, seed: int) -> list[Layer]:
    """Real layers in the nested order: the first k, all of split `train`, or those named, in the order of the names.

    Raises:
        SynthemError: an unknown name, more layers than there are, or one whose split is `test`.
    """
    held = {s: _layers_of(source.dataset) for s, source in enumerate(sources) if source.kind == "real"}
    if wanted is None or isinstance(wanted, int):
        order = [(s, name, rows[name]) for s, rows in held.items() for name in _nested_order(sources[s].dataset, seed)]
        if wanted is None:
            return order
        if not 0 <= wanted <= len(order):
            place = ", ".join(sources[s].folder for s in held) or "no real dataset"
            raise SynthemError(
                f"--real-layers {wanted}: {place} has {len(order)} training layers; ask for 0..{len(order)}"
            )
        return order[:wanted]
    names = [name.strip() for name in (wanted.split(",") if isinstance(wanted, str) else wanted)]
    return [layer for name in names for layer in _named(sources, held, name)]


def tile_order(sources: Sources, seed: int) -> list[tuple[int, int]]:
    """All training tiles of the synthetic sources as (source, row), in one seeded permutation."""
    pool = [
        (s, row)
        for s, source in enumerate(sources)
        if source.kind == "synthetic"
        for row, split in enumerate(source.dataset.column("split"))
        if split == TRAIN
    ]
    return [pool[i] for i in stream(seed, "mix", "synthetic").permutation(len(pool))]


def thin(real: Cuts, keep: int, seed: int) -> Cuts:
    """`keep` of the real windows: the first of a seeded permutation, in their old order; fewer is a subset of more."""
    return real.take(np.sort(thinning(len(real), seed)[:keep]))


def thinning(n: int, seed: int) -> npt.NDArray[np.int64]:
    """The permutation by which `fixed-total` keeps real windows."""
    return stream(seed, "mix", "real windows").permutation(n)


def add_until(
    tiles: Iterable[Cuts], enough: Callable[[int, npt.NDArray[np.int64]], bool], classes: int
) -> tuple[list[Cuts], bool]:
    """The fewest tiles, in their order, for which `enough(windows, count (class,))` holds, and whether it does."""
    taken: list[Cuts] = []
    windows, count = 0, np.zeros(classes, np.int64)
    if enough(windows, count):
        return taken, True
    for tile in tiles:
        taken.append(tile)
        windows, count = windows + len(tile), count + tile.count.sum(axis=0)
        if enough(windows, count):
            return taken, True
    return taken, False


def _layers_of(dataset: TileDataset) -> dict[str, list[int]]:
    """Rows of each layer."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(dataset.column("layer")):
        rows.setdefault(name, []).append(row)
    return rows


def _splits_of(dataset: TileDataset) -> dict[str, set[str]]:
    """Splits that the rows of each layer are of; one, unless somebody cut a layer in two."""
    splits: dict[str, set[str]] = {}
    for name, split in zip(dataset.column("layer"), dataset.column("split"), strict=True):
        splits.setdefault(name, set()).add(split)
    return splits


def _nested_order(dataset: TileDataset, seed: int) -> list[str]:
    """Training layers as the dataset's descriptor orders them, those that it doesn't order after them, shuffled."""
    training = [name for name, splits in _splits_of(dataset).items() if splits == {TRAIN}]
    declared = [name for name in dataset.meta.get("order") or () if name in training]
    rest = [name for name in training if name not in declared]
    return declared + [rest[i] for i in stream(seed, "mix", "real layers").permutation(len(rest))]


def _named(sources: Sources, held: dict[int, dict[str, list[int]]], name: str) -> list[Layer]:
    for s, rows in held.items():
        dataset = sources[s].dataset
        selections = dataset.meta.get("selections") or {}
        layers = [name] if name in rows else selections.get(name)
        if layers is None:
            continue
        splits = _splits_of(dataset)
        for layer in layers:
            if layer not in rows:
                raise SynthemError(f"{dataset.folder}: selection {name!r} names layer {layer!r}, which it doesn't hold")
            if splits[layer] != {TRAIN}:
                kinds = " and ".join(repr(split) for split in sorted(splits[layer]))
                raise SynthemError(
                    f"{dataset.folder}: layer {layer!r} is of split {kinds}; a mix takes layers of split {TRAIN!r} only"
                )
        return [(s, layer, rows[layer]) for layer in layers]
    if not held:
        raise SynthemError(f"--real-layers {name}: there is no real dataset; name one with --real")
    known = [n for s, rows in held.items() for n in (*(sources[s].dataset.meta.get("selections") or {}), *rows)]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known[:5])}, …"
    raise SynthemError(f"--real-layers {name}: no such layer or selection; {hint}")
