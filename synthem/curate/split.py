"""Splits: which layers are for training, which for validation and test.

A split is written as a dataset folder with the same pixels and another column `split`, so that `mix`, `train`,
`evaluate`, `check`, `publish` and `datasets.load_from_disk` read it like any other. Several splits (folds, repeats) are
several such folders beside each other: `fold-0`, `fold-1`, …; `split.json` beside them lists the layers of each part.

Whole layers are divided, never their windows. With `by="z"` the parts are runs of neighbouring slices of a volume, and
`gap` slices on a border are left `unused`, so that no slice for training lies next to one for testing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from synthem.curate.names import UNUSED
from synthem.curate.rewrite import check_free, rewrite_split
from synthem.errors import SynthemError
from synthem.seeds import stream
from synthem.tiles.dataset import TileDataset
from synthem.tiles.shards import write_atomically

By = Literal["layer", "z"]
"""Divide shuffled layers, or runs of neighbouring slices."""

Parts = dict[str, list[str]]
"""Layers of each part."""


@dataclass(frozen=True)
class Split:
    """One division of the layers, and the dataset folder that holds it."""

    folder: Path
    parts: Parts


def split(
    dataset: TileDataset | str | Path,
    out: str | Path,
    *,
    sizes: Mapping[str, float] | None = None,
    folds: int | None = None,
    repeats: int | None = None,
    by: By = "layer",
    gap: int = 1,
    of: str = "train",
    seed: int = 0,
) -> list[Split]:
    """Divide the layers of one split of a dataset anew.

    Args:
        dataset: what is divided.
        out: a new folder: the dataset itself, or with `folds` or `repeats` one dataset in it for each.
        sizes: how many layers each part gets, such as {"train": 15, "validation": 5, "test": 10}, or which share of
            them, such as {"train": 0.8, "validation": 0.2}. Layers that are left over are `unused`.
        folds: instead of sizes: so many divisions, each with another fold as `validation` and the rest as `train`.
        repeats: so many divisions by `sizes`, each with its own shuffle (repeated random sub-sampling).
        by: shuffled layers, or runs of neighbouring slices of a volume; only in repeats after the first do runs begin
            elsewhere than at the lowest z.
        gap: with `by="z"`, slices at most so many z from a layer of an earlier part are passed over and stay `unused`.
        of: the split whose layers are divided. Layers of other splits keep theirs, but become `unused` where a part
            takes that name.
        seed: of the shuffles.

    Raises:
        SynthemError: more layers asked for than there are, layers without z for `by="z"`, a part that stays empty.
    """
    held = dataset if isinstance(dataset, TileDataset) else TileDataset.open(dataset)
    out = Path(out)
    if by not in get_args(By):
        raise SynthemError(f"--by {by!r}: no such way; choose one of {', '.join(get_args(By))}")
    if gap < 0:
        raise SynthemError(f"--gap {gap}: 0 or more slices")
    if (sizes is None) == (folds is None):
        raise SynthemError("give either --sizes, such as train=0.8,validation=0.2, or --folds")
    if repeats is not None and (folds is not None or repeats < 1):
        raise SynthemError("--repeats: 1 or more, together with --sizes")
    check_free(out)
    names = _layers(held, of)
    positions = _positions(held, names) if by == "z" else None
    if folds is not None:
        divisions = _folds(names, folds, positions, gap, seed)
        labels = [f"fold-{i}" for i in range(folds)]
    else:
        assert sizes is not None
        divisions = [_divide(names, sizes, positions, gap, seed, i) for i in range(repeats or 1)]
        labels = [f"repeat-{i}" for i in range(repeats)] if repeats else [""]
    for parts in divisions:
        for part, layers in parts.items():
            if not layers and part != UNUSED:
                raise SynthemError(f"{held.folder}: nothing is left for {part!r}; ask for fewer parts or a smaller gap")
    made: dict[str, Any] = {"of": of, "by": by, "gap": gap if by == "z" else None, "seed": seed}
    _write(held, out, dict(zip(labels, divisions, strict=True)), made)
    return [Split(out / label, parts) for label, parts in zip(labels, divisions, strict=True)]


def _layers(held: TileDataset, of: str) -> list[str]:
    splits = held.column("split")
    names = list(dict.fromkeys(name for name, s in zip(held.column("layer"), splits, strict=True) if s == of))
    if not names:
        known = ", ".join(sorted(set(splits))) or "no rows"
        raise SynthemError(f"{held.folder}: no split {of!r} to divide; it has {known}")
    return names


def _positions(held: TileDataset, names: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Volume and z of each layer."""
    declared = {layer["name"]: layer for layer in held.meta.get("layers") or () if layer.get("z") is not None}
    missing = [name for name in names if name not in declared]
    if missing:
        raise SynthemError(
            f"{held.folder}: layer {missing[0]!r} has no z; import it with a descriptor that says where z stands in "
            "its name, or divide by layer"
        )
    return {name: (str(declared[name].get("volume", "")), int(declared[name]["z"])) for name in names}


def _arrange(names: Sequence[str], positions: Mapping[str, tuple[str, int]] | None, seed: int, i: int) -> list[str]:
    """Layers in the order in which parts take them: shuffled, or along z from a seeded start (at first: from 0)."""
    rng = stream(seed, "split", i)
    if positions is None:
        return [names[k] for k in rng.permutation(len(names))]
    ordered = sorted(names, key=lambda name: (positions[name], name))
    start = int(rng.integers(len(ordered))) if i else 0
    return ordered[start:] + ordered[:start]


def _divide(
    names: Sequence[str],
    sizes: Mapping[str, float],
    positions: Mapping[str, tuple[str, int]] | None,
    gap: int,
    seed: int,
    i: int,
) -> Parts:
    rest = _arrange(names, positions, seed, i)
    parts: Parts = {}
    for name, count in _counts(sizes, len(rest)).items():
        free = [layer for layer in rest if not _near(layer, parts, positions, gap)]
        if len(free) < count and all(float(size).is_integer() for size in sizes.values()):
            raise SynthemError(f"--sizes: {len(free)} layers are left for {name!r} beyond the gap; ask for fewer")
        parts[name] = free[:count]
        rest = [layer for layer in rest if layer not in parts[name]]
    return {**parts, UNUSED: rest}


def _counts(sizes: Mapping[str, float], n: int) -> dict[str, int]:
    """Layers of each part. Shares are rounded so that together they are right (largest remainder)."""
    if not sizes or any(size <= 0 for size in sizes.values()) or UNUSED in sizes:
        raise SynthemError(f"--sizes: name parts with sizes above 0, such as train=0.8,validation=0.2; not {UNUSED!r}")
    if all(float(size).is_integer() for size in sizes.values()):
        counts = {name: int(size) for name, size in sizes.items()}
        if sum(counts.values()) > n:
            raise SynthemError(f"--sizes: {sum(counts.values())} layers asked for, there are {n}; ask for fewer")
        return counts
    if sum(sizes.values()) > 1 + 1e-9:
        raise SynthemError(f"--sizes: shares add up to {sum(sizes.values()):g}; they may reach 1")
    exact = {name: size * n for name, size in sizes.items()}
    counts = {name: int(value + 1e-9) for name, value in exact.items()}
    for name in sorted(sizes, key=lambda name: counts[name] - exact[name])[
        : round(sum(exact.values())) - sum(counts.values())
    ]:
        counts[name] += 1
    return counts


def _folds(
    names: Sequence[str], folds: int, positions: Mapping[str, tuple[str, int]] | None, gap: int, seed: int
) -> list[Parts]:
    if not 2 <= folds <= len(names):
        raise SynthemError(f"--folds {folds}: from 2 to the {len(names)} layers that there are")
    ordered = _arrange(names, positions, seed, 0)
    cuts = [round(k * len(ordered) / folds) for k in range(folds + 1)]
    divisions = []
    for k in range(folds):
        parts = {"validation": ordered[cuts[k] : cuts[k + 1]]}
        rest = ordered[: cuts[k]] + ordered[cuts[k + 1] :]
        unused = [layer for layer in rest if _near(layer, parts, positions, gap)]
        divisions.append({**parts, "train": [layer for layer in rest if layer not in unused], UNUSED: unused})
    return divisions


def _near(layer: str, parts: Parts, positions: Mapping[str, tuple[str, int]] | None, gap: int) -> bool:
    """Whether a layer lies within `gap` of one that a part has already."""
    if positions is None:
        return False
    volume, z = positions[layer]
    taken = (positions[other] for layers in parts.values() for other in layers)
    return any(v == volume and abs(other - z) <= gap for v, other in taken)


def _write(held: TileDataset, out: Path, divisions: Mapping[str, Parts], made: Mapping[str, Any]) -> None:
    """Everything under a temporary name first: the folder appears whole, or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        for label, parts in divisions.items():
            column = _column(held, parts, str(made["of"]))
            of_layer = dict(zip(held.column("layer"), column, strict=True))
            layers = [{**layer, "split": of_layer[layer["name"]]} for layer in held.meta.get("layers") or ()]
            changes: dict[str, Any] = {"split": {**made, "parts": parts}}
            if layers:
                changes["layers"] = layers
            rewrite_split(held, fresh / label, column, changes, _card(held, parts, made))
        listed = {"made": dict(made), "splits": dict(divisions)}
        if list(divisions) != [""]:
            write_atomically(fresh / "split.json", json.dumps(listed, indent=2, ensure_ascii=False) + "\n")
        fresh.replace(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _column(held: TileDataset, parts: Parts, of: str) -> list[str]:
    part_of = {layer: part for part, layers in parts.items() for layer in layers}
    column = []
    for layer, before in zip(held.column("layer"), held.column("split"), strict=True):
        if before == of:
            column.append(part_of[layer])
        else:
            column.append(UNUSED if before in parts else before)
    return column


def _card(held: TileDataset, parts: Parts, made: Mapping[str, Any]) -> str:
    before = (held.folder / "README.md").read_text() if (held.folder / "README.md").is_file() else ""
    table = "\n".join(f"| {name} | {len(layers)} | {', '.join(layers)} |" for name, layers in parts.items())
    how = ", ".join(f"{key} {value}" for key, value in made.items() if value is not None)
    return f"{before.rstrip()}\n\n## Split\n\nDivided anew ({how}).\n\n| part | layers | |\n|---|---|---|\n{table}\n"
